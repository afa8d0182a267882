//! One pass over JSON as it arrives, piece by piece: the scanner under [`crate::request`] and [`crate::metering`].

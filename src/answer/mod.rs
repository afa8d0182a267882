//! TODO-station answer

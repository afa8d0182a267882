//! TODO-station limits

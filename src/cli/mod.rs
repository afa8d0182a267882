//! TODO-station cli

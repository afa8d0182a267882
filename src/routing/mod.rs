//! TODO-station routing

//! TODO-station audit

//! TODO-station authn

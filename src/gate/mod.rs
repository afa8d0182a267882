//! TODO-station gate

//! The proxy-wasm shell.

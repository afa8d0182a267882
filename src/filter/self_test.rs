//! Whether this Envoy can enforce what the gate decides.
//!
//! Before 1.35 Envoy ignores `allow_on_headers_stop_iteration`: a body callback never comes while the headers wait, so every
//! request would hang. It refuses to start there instead, and says why.

use super::hostcalls;

const MAJOR: &str = "xds\0node\0user_agent_build_version\0version\0major_number";
const MINOR: &str = "xds\0node\0user_agent_build_version\0version\0minor_number";
/// The first version that knows the flag.
const FIRST: (u32, u32) = (1, 35);

/// Checks the version of the Envoy this runs in.
///
/// # Errors
/// What is wrong and what to do.
pub fn run() -> Result<(), String> {
    let (Some(major), Some(minor)) = (number(MAJOR), number(MINOR)) else {
        log::warn!("keyward: this Envoy does not tell its version; 1.35 or newer is needed");
        return Ok(());
    };
    if (major, minor) < FIRST {
        return Err(format!("Envoy {major}.{minor} cannot enforce a policy: use 1.35 or newer"));
    }
    Ok(())
}

/// Attributes that are numbers come as eight little-endian bytes.
fn number(path: &str) -> Option<u32> {
    let bytes = hostcalls::property(path)?;
    u32::try_from(u64::from_le_bytes(*bytes.first_chunk::<8>()?)).ok()
}

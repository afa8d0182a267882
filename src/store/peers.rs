//! How many Envoys share the limits, as far as was seen, for all workers of this one.

use crate::host::Host;

const KEY: &str = "kwstore.peers";

/// `None` if the store never spoke.
pub fn read<H: Host + ?Sized>(host: &H) -> Option<u64> {
    let value = host.shared_get(KEY)?;
    value.bytes.first_chunk::<8>().map(|word| u64::from_le_bytes(*word)).filter(|peers| *peers > 0)
}

/// So many were seen. Where others saw something else in that moment, theirs is as good.
pub(super) fn saw<H: Host + ?Sized>(host: &H, peers: u64) {
    if read(host) != Some(peers) {
        let version = host.shared_get(KEY).map(|value| value.version);
        host.shared_set(KEY, &peers.to_le_bytes(), version);
    }
}

use super::hostcalls::{self, Buffer};
use crate::request::Edits;

/// A body of at least so many bytes is handed over in parts.
const LONG: usize = 32 << 10;

/// Puts the changed request body in the place of the one that came. A long one part by part: putting the parts together
/// first would be one more copy of all of it.
pub fn rewrite(edits: &Edits, body: &[u8]) -> bool {
    if edits.is_empty() {
        return true;
    }
    if body.len() < LONG {
        return hostcalls::replace_buffer(Buffer::RequestBody, &edits.apply(body));
    }
    let mut parts = edits.parts(body);
    hostcalls::replace_buffer(Buffer::RequestBody, parts.next().unwrap_or_default())
        && parts.all(|part| part.is_empty() || hostcalls::append_buffer(Buffer::RequestBody, part))
}

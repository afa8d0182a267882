//! What the targets share.

/// Cuts `bytes` into pieces of those lengths, over and over; of one byte each where all lengths are 0.
pub fn pieces(bytes: &[u8], lengths: [u8; 4]) -> Vec<&[u8]> {
    if lengths == [0; 4] {
        return bytes.chunks(1).collect();
    }
    let mut pieces = Vec::new();
    let mut rest = bytes;
    for length in lengths.into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(usize::from(length).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

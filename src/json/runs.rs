//! How many bytes can be skipped at once: sixteen at a time, with the vector unit of WebAssembly where the build has it.
//!
//! No `unsafe`: a vector is built from an integer, which the compiler turns into one load.

/// Which of sixteen bytes stops a run first; 16 where none does.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod chunk {
    use core::arch::wasm32::{i8x16_bitmask, i8x16_eq, i8x16_lt, i8x16_splat, u64x2, v128, v128_any_true, v128_or};

    #[inline(always)]
    fn load(chunk: &[u8; 16]) -> v128 {
        let bits = u128::from_le_bytes(*chunk);
        u64x2(bits as u64, (bits >> 64) as u64)
    }

    #[inline(always)]
    fn first(stops: v128) -> usize {
        // Bit 16 stands for "none".
        (u32::from(i8x16_bitmask(stops)) | 0x1_0000).trailing_zeros() as usize
    }

    #[inline(always)]
    fn specials(chunk: &[u8; 16]) -> v128 {
        let bytes = load(chunk);
        // Signed: below 0x20 are the control characters and, being negative, everything that is not ASCII.
        let low = i8x16_lt(bytes, i8x16_splat(0x20));
        let quote = i8x16_eq(bytes, i8x16_splat(b'"' as i8));
        let escape = i8x16_eq(bytes, i8x16_splat(b'\\' as i8));
        v128_or(low, v128_or(quote, escape))
    }

    #[inline(always)]
    pub fn special(chunk: &[u8; 16]) -> usize {
        first(specials(chunk))
    }

    /// One bit for each byte that stops a run, the first byte's lowest.
    #[inline(always)]
    pub fn special_bits(chunk: &[u8; 16]) -> u32 {
        u32::from(i8x16_bitmask(specials(chunk)))
    }

    /// Whether none of sixty-four bytes stops a run: one question instead of four.
    #[inline(always)]
    pub fn none_special([a, b, c, d]: &[[u8; 16]; 4]) -> bool {
        !v128_any_true(v128_or(v128_or(specials(a), specials(b)), v128_or(specials(c), specials(d))))
    }

    #[inline(always)]
    pub fn line_end(chunk: &[u8; 16]) -> usize {
        let bytes = load(chunk);
        let lf = i8x16_eq(bytes, i8x16_splat(b'\n' as i8));
        let cr = i8x16_eq(bytes, i8x16_splat(b'\r' as i8));
        first(v128_or(lf, cr))
    }

    #[inline(always)]
    pub fn not_space(chunk: &[u8; 16]) -> usize {
        use core::arch::wasm32::v128_not;
        first(v128_not(i8x16_eq(load(chunk), i8x16_splat(b' ' as i8))))
    }
}

/// Which of sixteen bytes stops a run first; 16 where none does. Eight bytes at a time in an ordinary register.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod chunk {
    const ONES: u64 = u64::MAX / 0xff;
    const TOPS: u64 = ONES << 7;

    /// The top bit of each byte below `limit`. Bytes above a hit may be wrong, the lowest hit is exact: a borrow starts
    /// at a true hit and moves up.
    #[inline(always)]
    const fn below(word: u64, limit: u8) -> u64 {
        word.wrapping_sub(ONES.wrapping_mul(limit as u64)) & !word & TOPS
    }

    #[inline(always)]
    const fn equal(word: u64, byte: u8) -> u64 {
        below(word ^ ONES.wrapping_mul(byte as u64), 1)
    }

    #[inline(always)]
    fn first(chunk: &[u8; 16], stops: impl Fn(u64) -> u64) -> usize {
        let bits = u128::from_le_bytes(*chunk);
        let (low, high) = (stops(bits as u64), stops((bits >> 64) as u64));
        if low | high == 0 {
            16
        } else if low != 0 {
            low.trailing_zeros() as usize / 8
        } else {
            8 + high.trailing_zeros() as usize / 8
        }
    }

    #[inline(always)]
    pub fn special(chunk: &[u8; 16]) -> usize {
        first(chunk, |word| below(word, 0x20) | (word & TOPS) | equal(word, b'"') | equal(word, b'\\'))
    }

    #[inline(always)]
    pub fn special_bits(chunk: &[u8; 16]) -> u32 {
        chunk.iter().rev().fold(0, |bits, &byte| bits << 1 | u32::from(super::is_special(byte)))
    }

    #[inline(always)]
    pub fn none_special(chunks: &[[u8; 16]; 4]) -> bool {
        chunks.iter().all(|chunk| special(chunk) == 16)
    }

    #[inline(always)]
    pub fn line_end(chunk: &[u8; 16]) -> usize {
        first(chunk, |word| equal(word, b'\n') | equal(word, b'\r'))
    }

    #[inline(always)]
    pub fn not_space(chunk: &[u8; 16]) -> usize {
        first(chunk, |word| {
            // Exact in every byte: the low seven bits carry into the top bit unless they are all equal.
            let other = word ^ ONES.wrapping_mul(b' ' as u64);
            (((other & !TOPS).wrapping_add(!TOPS)) | other) & TOPS
        })
    }
}

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte >= 0x80 || byte == b'"' || byte == b'\\'
}

const fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

#[inline(always)]
fn run(bytes: &[u8], first: impl Fn(&[u8; 16]) -> usize, stops: impl Fn(u8) -> bool) -> usize {
    let (chunks, tail) = bytes.as_chunks::<16>();
    let mut length = 0;
    for chunk in chunks {
        let stop = first(chunk);
        length += stop;
        if stop < 16 {
            return length;
        }
    }
    length + tail.iter().position(|&byte| stops(byte)).unwrap_or(tail.len())
}

/// Leading bytes that mean only themselves inside a JSON string: ASCII without quote, backslash and control characters.
#[inline]
pub fn plain(bytes: &[u8]) -> usize {
    // Most runs are short; one that is not may be very long.
    let start = match bytes.first_chunk::<16>() {
        Some(chunk) => match chunk::special(chunk) {
            16 => 16,
            stop => return stop,
        },
        None => return run(bytes, chunk::special, is_special),
    };
    let rest = bytes.get(start..).unwrap_or_default();
    let (chunks, _) = rest.as_chunks::<16>();
    let (blocks, _) = chunks.as_chunks::<4>();
    let long = start + 64 * blocks.iter().take_while(|block| chunk::none_special(block)).count();
    long + run(bytes.get(long..).unwrap_or_default(), chunk::special, is_special)
}

/// As [`plain`], with escapes of two bytes, the second of which `escapes` says is one, passed over as well. Ends early,
/// before something that it could have passed over, where the bytes are too few for a whole step.
#[inline]
pub fn plain_or_escaped(bytes: &[u8], escapes: impl Fn(u8) -> bool) -> usize {
    let mut length = 0;
    // One byte more than a step looks at, for the second byte of an escape that begins with its last.
    while let Some((chunk, [after])) = bytes.get(length..).and_then(|rest| rest.first_chunk::<17>()).map(split) {
        let mut bits = chunk::special_bits(chunk);
        let mut step = 16;
        while bits != 0 {
            let at = bits.trailing_zeros() as usize;
            let second = chunk.get(at + 1).unwrap_or(after);
            if chunk.get(at) != Some(&b'\\') || !escapes(*second) {
                return length + at;
            }
            bits &= !(3 << at);
            step = step.max(at + 2);
        }
        length += step;
    }
    length
}

fn split(bytes: &[u8; 17]) -> (&[u8; 16], &[u8; 1]) {
    // The lengths add up: neither default is ever used.
    (bytes.first_chunk().unwrap_or(&[0; 16]), bytes.last_chunk().unwrap_or(&[0]))
}

/// Leading bytes before a line end, CR or LF.
#[inline]
pub fn line(bytes: &[u8]) -> usize {
    run(bytes, chunk::line_end, is_line_end)
}

/// Leading JSON whitespace; fast where it is indentation.
#[inline]
pub fn whitespace(bytes: &[u8]) -> usize {
    let mut length = 0;
    loop {
        let rest = bytes.get(length..).unwrap_or_default();
        match rest.first() {
            Some(b' ') => length += run(rest, chunk::not_space, |byte| byte != b' '),
            Some(b'\n' | b'\r' | b'\t') => length += 1,
            _ => return length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_stops_or_continues_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..40 {
                let mut text = [b'a'; 40];
                text[place] = byte;
                assert_eq!(plain(&text), if is_special(byte) { place } else { 40 }, "{byte:#x}");
                assert_eq!(line(&text), if is_line_end(byte) { place } else { 40 }, "{byte:#x}");
                let mut text = [b' '; 40];
                text[place] = byte;
                let skipped = matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
                assert_eq!(whitespace(&text), if skipped { 40 } else { place }, "{byte:#x}");
            }
        }
    }

    proptest! {
        #[test]
        fn escapes_are_passed_over_only_whole(text in "([a-z]{0,20}|\\\\[nx]|\\\\\\\\|\"|é){0,30}") {
            let bytes = text.as_bytes();
            let length = plain_or_escaped(bytes, |byte| matches!(byte, b'n' | b'\\'));
            // Byte by byte up to there: nothing that stops, and not the middle of an escape.
            let (mut at, mut whole) = (0, true);
            while at < length {
                match (bytes[at], bytes.get(at + 1)) {
                    (b'\\', Some(b'n' | b'\\')) => at += 2,
                    (byte, _) => { whole &= !is_special(byte); at += 1; }
                }
            }
            prop_assert!(whole && at == length);
            // And it stopped for a reason.
            let next = bytes.get(length..).unwrap_or_default();
            let stops = next.len() < 17 || is_special(next[0]) && !(next[0] == b'\\' && matches!(next[1], b'n' | b'\\'));
            prop_assert!(stops, "{length} in {text:?}");
        }

        #[test]
        fn a_run_ends_at_the_first_byte_that_stops_it(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let first = |stops: &dyn Fn(u8) -> bool| bytes.iter().position(|&b| stops(b)).unwrap_or(bytes.len());
            prop_assert_eq!(plain(&bytes), first(&is_special));
            prop_assert_eq!(line(&bytes), first(&is_line_end));
            prop_assert_eq!(whitespace(&bytes), first(&|b| !b" \n\r\t".contains(&b)));
        }
    }
}

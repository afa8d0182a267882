//! A policy as it travels to Envoy: `KEYWARD` + format byte, a checksum, then the policy in postcard.
//!
//! Fails closed: what is cut short, altered or of another format is refused whole, and Envoy keeps the last good one.

use thiserror::Error;

use super::Policy;

const MAGIC: &[u8; 7] = b"KEYWARD";
/// Raised whenever the encoded form changes: an older filter must refuse a newer bundle, not misread it.
const FORMAT: u8 = 3;

/// Why bytes are not a bundle this filter can load.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BundleError {
    /// No magic at the front.
    #[error("not a Keyward bundle; build one with `keyward bundle`")]
    NotABundle,
    /// Another format version.
    #[error(
        "bundle format {found}, this filter reads format {FORMAT}; build the bundle with the same version of Keyward"
    )]
    Format {
        /// The version found.
        found: u8,
    },
    /// Cut short or altered.
    #[error("bundle damaged: {0}")]
    Damaged(&'static str),
}

/// Encodes a policy.
///
/// # Errors
/// When the policy cannot be encoded.
pub fn encode(policy: &Policy) -> Result<Vec<u8>, postcard::Error> {
    let body = postcard::to_allocvec(policy)?;
    let mut bytes = Vec::with_capacity(body.len().saturating_add(16));
    bytes.extend_from_slice(MAGIC);
    bytes.push(FORMAT);
    bytes.extend_from_slice(&checksum(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// Decodes and verifies a bundle.
///
/// # Errors
/// See [`BundleError`].
pub fn decode(bytes: &[u8]) -> Result<Policy, BundleError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(BundleError::NotABundle)?;
    let (&found, rest) = rest.split_first().ok_or(BundleError::NotABundle)?;
    if found != FORMAT {
        return Err(BundleError::Format { found });
    }
    let (sum, body) = rest.split_first_chunk::<8>().ok_or(BundleError::Damaged("cut short"))?;
    if checksum(body) != u64::from_le_bytes(*sum) {
        return Err(BundleError::Damaged("checksum does not match"));
    }
    postcard::from_bytes(body).map_err(|_| BundleError::Damaged("cannot be decoded"))
}

/// A quick 64-bit checksum over words: against truncation and flipped bits, not against an adversary (who owns Envoy's
/// configuration owns everything).
fn checksum(bytes: &[u8]) -> u64 {
    let mut sum = 0x9e37_79b9_7f4a_7c15_u64 ^ bytes.len() as u64;
    let (words, tail) = bytes.as_chunks::<8>();
    let mut mix = |word: u64| {
        sum ^= word;
        // Multiplying carries upwards only: without this a flipped top bit stays one bit, which one more flip takes back.
        sum ^= sum >> 32;
        sum = sum.wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(29);
    };
    words.iter().for_each(|word| mix(u64::from_le_bytes(*word)));
    tail.iter().for_each(|byte| mix(u64::from(*byte)));
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_and_every_flipped_byte_is_refused() {
        let bytes = encode(&Policy::default()).unwrap();
        assert!(decode(&bytes).is_ok());
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert!(decode(&altered).is_err(), "flipped at {at}");
        }
    }

    #[test]
    fn no_two_flipped_bits_make_up_for_each_other() {
        let flipped = |bits: &[usize]| {
            let mut bytes = *b"two words and more than that";
            bits.iter().for_each(|bit| bytes[bit / 8] ^= 1 << (bit % 8));
            checksum(&bytes)
        };
        let bits = 8 * 28;
        let good = flipped(&[]);
        for first in 0..bits {
            for second in first + 1..bits {
                assert_ne!(flipped(&[first, second]), good, "bits {first} and {second}");
            }
        }
    }
}

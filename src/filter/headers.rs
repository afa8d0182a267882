//! A header map as Envoy hands it over: one block of bytes, read in place.
//!
//! Layout (proxy-wasm ABI 0.2): the number of pairs, then the sizes of every name and value, then every name and value,
//! each followed by a NUL. Numbers are 32 bits, little-endian. A block that does not hold what it says reads as fewer
//! headers, which fails closed: a credential that is not there authenticates nobody.

/// The headers of a block.
pub struct Headers<'b> {
    block: &'b [u8],
    count: usize,
}

impl<'b> Headers<'b> {
    /// Reads a block.
    pub fn new(block: &'b [u8]) -> Self {
        Self { block, count: number(block, 0).unwrap_or(0) }
    }

    /// Name and value of every header, in order. Envoy gives names in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> + use<'b> {
        let (block, count) = (self.block, self.count);
        let mut at = count.saturating_mul(8).saturating_add(4);
        (0..count).map_while(move |position| {
            let sizes = position.checked_mul(8)?.checked_add(4)?;
            let (name_size, value_size) = (number(block, sizes)?, number(block, sizes.checked_add(4)?)?);
            let name = block.get(at..at.checked_add(name_size)?)?;
            let start = at.checked_add(name_size)?.checked_add(1)?;
            let value = block.get(start..start.checked_add(value_size)?)?;
            at = start.checked_add(value_size)?.checked_add(1)?;
            Some((core::str::from_utf8(name).unwrap_or("?"), value))
        })
    }
}

fn number(block: &[u8], at: usize) -> Option<usize> {
    let bytes = block.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

/// Writes a block for the host.
pub fn serialize<'h>(headers: impl Iterator<Item = (&'h str, &'h str)> + Clone) -> Vec<u8> {
    let count = headers.clone().count();
    let mut block = Vec::with_capacity(64 * count + 4);
    let mut push = |size: usize| block.extend_from_slice(&u32::try_from(size).unwrap_or(0).to_le_bytes());
    push(count);
    for (name, value) in headers.clone() {
        push(name.len());
        push(value.len());
    }
    for (name, value) in headers {
        for text in [name, value] {
            block.extend_from_slice(text.as_bytes());
            block.push(0);
        }
    }
    block
}

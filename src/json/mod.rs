//! JSON read as it arrives: one strict pass over the bytes, no tree, no buffer, the same result wherever they are cut.
//!
//! [`Scanner`] is pushed one piece at a time and tells a [`Visitor`] what it meets, with absolute byte offsets, so that a
//! caller can later replace exactly the bytes of one value. [`BoundedText`] and [`Number`] collect the few short values
//! a visitor cares for.
//!
//! How it fails: the grammar is RFC 8259 to the letter, plus a bound on depth. The first byte that breaks it ends the
//! scan with [`Malformed`], and every later call returns the same error: bytes after it are never reported. What the
//! visitor was told before then stands; whoever needs a whole document waits for [`Scanner::finish`].

mod malformed;
mod number;
pub(crate) mod runs;
mod scanner;
mod text;
mod visitor;

#[cfg(test)]
mod tests;

pub use malformed::{Malformed, MalformedKind};
pub use number::Number;
pub use scanner::{MAX_DEPTH, Scanner};
pub use text::BoundedText;
pub use visitor::{Literal, Visitor};

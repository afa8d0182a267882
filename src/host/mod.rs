//! The narrow trait through which the stations reach the world. The filter implements it over proxy-wasm, tests over
//! memory.

mod memory;

pub use memory::MemoryHost;

/// What a compare-and-set met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedSet {
    /// Written.
    Done,
    /// Somebody else wrote since the value was read.
    Conflict,
}

/// A value read from shared data with the token that a conditional write has to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedValue {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Changes with every write.
    pub version: u32,
}

/// What the stations need from where they run.
pub trait Host {
    /// Nanoseconds since the Unix epoch.
    fn now(&self) -> u64;

    /// A value shared by all workers of this Envoy; `None` where none was ever written.
    fn shared_get(&self, key: &str) -> Option<SharedValue>;

    /// Writes if the value is still the one read: `version` is that of [`SharedValue`], or `None` to create a value that
    /// must not exist yet. Atomic over all workers.
    fn shared_set(&self, key: &str, bytes: &[u8], version: Option<u32>) -> SharedSet;

    /// What the attempts of the request at hand noted so far: lines of [`crate::audit::Tried`].
    fn tried(&self) -> String {
        String::new()
    }
}

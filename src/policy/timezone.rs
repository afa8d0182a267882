use serde::{Deserialize, Serialize};

/// A time zone as the list of its offsets, so that the filter needs no time zone database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timezone {
    /// IANA name, for people.
    pub name: String,
    /// From which Unix second which offset (seconds east of UTC) holds. Ascending; the first is `i64::MIN`.
    pub offsets: Vec<(i64, i32)>,
}

impl Default for Timezone {
    fn default() -> Self {
        Self { name: "UTC".into(), offsets: vec![(i64::MIN, 0)] }
    }
}

impl Timezone {
    /// Seconds east of UTC at a Unix second.
    #[must_use]
    pub fn offset_at(&self, unix_seconds: i64) -> i32 {
        let after = self.offsets.partition_point(|(from, _)| *from <= unix_seconds);
        after.checked_sub(1).and_then(|index| self.offsets.get(index)).map_or(0, |(_, offset)| *offset)
    }
}

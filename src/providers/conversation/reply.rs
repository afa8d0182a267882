use super::Part;
use crate::metering::Counts;

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The provider's id of it.
    pub id: Option<String>,
    /// Seconds since the Unix epoch, where the provider says so.
    pub created: Option<u64>,
    /// What the model said and did: text, tool calls, reasoning, refusal.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub stop: Stop,
    /// What it used; `None` where the provider does not say.
    pub usage: Option<Counts>,
}

/// Why an answer ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Stop {
    /// The model was done.
    #[default]
    End,
    /// It met one of the texts at which to end, which one where that is known.
    Sequence(Option<String>),
    /// It is as long as it may be.
    Length,
    /// Tools are to be called.
    Tools,
    /// A filter, or the model itself, refused.
    Filtered,
}

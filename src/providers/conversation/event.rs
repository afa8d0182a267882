use super::{Failure, Image, Stop};
use crate::metering::Counts;

/// A step of a streamed answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It begins. Comes once, before anything but a failure.
    Begin {
        /// The provider's id of it.
        id: Option<String>,
        /// What is known of the usage so far.
        usage: Option<Counts>,
    },
    /// More text.
    Text(String),
    /// More thoughts.
    Reasoning(String),
    /// The signature of the thoughts before.
    Signature(String),
    /// Thoughts that only the provider can read.
    RedactedReasoning(String),
    /// More words of refusal.
    Refusal(String),
    /// An image.
    Image(Image),
    /// A call of a tool begins.
    ToolCall {
        /// Which of the answer's calls, from 0, whatever else the answer holds.
        index: u32,
        /// The id that its result refers to.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// More of a call's arguments, as text of JSON.
    Arguments {
        /// Of which call.
        index: u32,
        /// The next part of the text.
        json: String,
    },
    /// Why it ended. Usage may follow.
    Stop(Stop),
    /// All of the usage so far.
    Usage(Counts),
    /// The provider failed in the middle.
    Failed(Failure),
    /// It is complete.
    End,
}

//! An answer as it is on the wire, whole or a line of a stream: both are the same object.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::metering::Counts;
use crate::providers::conversation::{Stop, ToolCall};
use crate::providers::fields::lenient_count;
use crate::providers::wire;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub created_at: Option<String>,
    pub message: Option<Message>,
    pub done: Option<bool>,
    pub done_reason: Option<String>,
    #[serde(deserialize_with = "lenient_count")]
    pub prompt_eval_count: Option<u64>,
    #[serde(deserialize_with = "lenient_count")]
    pub eval_count: Option<u64>,
    pub error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub content: Option<String>,
    pub thinking: Option<String>,
    pub tool_calls: Option<Vec<WireCall>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WireCall {
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function {
    name: Option<String>,
    arguments: Option<Value>,
}

impl Answer {
    /// What it counted; `None` where it did not. A prompt that was in the cache as a whole is not counted by older versions.
    pub fn counts(&self) -> Option<Counts> {
        let (input, output) = (self.prompt_eval_count, self.eval_count);
        (input.is_some() || output.is_some()).then(|| Counts { input, output, ..Counts::default() })
    }

    /// Why it ended. Calls have no reason of their own.
    pub fn stop(&self, called: bool) -> Stop {
        match self.done_reason.as_deref() {
            Some("length") => Stop::Length,
            _ if called => Stop::Tools,
            _ => Stop::End,
        }
    }
}

/// Counts the calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls {
    next: u32,
}

impl Calls {
    /// The number of the next call, and the call. Where it has no id, one is made of the answer's time, so that calls of several
    /// answers of one chat differ.
    pub fn take(&mut self, call: WireCall, created_at: Option<&str>) -> (u32, ToolCall) {
        let index = self.next;
        self.next = self.next.saturating_add(1);
        let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| {
            let time: String = created_at.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
            if time.is_empty() { format!("call_{index}") } else { format!("call_{time}_{index}") }
        });
        let function = call.function.unwrap_or_default();
        let arguments = match function.arguments {
            Some(Value::String(text)) => wire::read(text.as_bytes()).unwrap_or_default(),
            arguments => arguments.unwrap_or_default(),
        };
        let arguments = if arguments.is_object() { arguments } else { json!({}) };
        (index, ToolCall { id, name: function.name.unwrap_or_default(), arguments })
    }

    /// Whether there were any.
    pub const fn any(&self) -> bool {
        self.next > 0
    }
}

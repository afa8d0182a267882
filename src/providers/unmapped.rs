//! What of a request a dialect has no words for, by the names that the caller knows.

use super::conversation::{Conversation, Reasoning};
use crate::request::Endpoint;

/// Gathers the names.
///
/// What only helps and never changes what an answer is, is not among them: cache marks, the detail of images, the names of
/// files and schemas, the end user.
#[derive(Debug)]
pub(super) struct Unmapped {
    messages: bool,
    /// What only the caller's own API has words for: as many as the caller likes.
    rest: Vec<String>,
    /// What was added: as many as we know names.
    added: Vec<&'static str>,
}

impl Unmapped {
    /// Begins with all that only the caller's own API has words for.
    pub fn new(conversation: &Conversation, endpoint: Endpoint) -> Self {
        let rest = conversation.rest.iter().map(|(name, _)| name.clone()).collect();
        Self { messages: endpoint == Endpoint::Messages, rest, added: Vec::new() }
    }

    /// Adds a field that both APIs call the same, or that only the one has whose chats are translated.
    pub fn add(&mut self, name: &'static str) {
        self.add_either(name, name);
    }

    /// Adds a field by its name in chat completions or in Messages.
    pub fn add_either(&mut self, chat: &'static str, messages: &'static str) {
        let name = if self.messages { messages } else { chat };
        if !self.added.contains(&name) {
            self.added.push(name);
        }
    }

    /// Adds how much is to be thought, by the field that says it: a word for it and the rest have two in either API.
    pub fn add_reasoning(&mut self, reasoning: &Reasoning) {
        match reasoning {
            Reasoning::Effort(_) => self.add_either("reasoning_effort", "output_config.effort"),
            Reasoning::Off => self.add_either("reasoning_effort", "thinking"),
            Reasoning::Budget(_) | Reasoning::Adaptive => self.add("thinking"),
        }
    }

    pub fn into_names(self) -> Vec<String> {
        let Self { rest: mut names, added, .. } = self;
        let new: Vec<&str> = added.into_iter().filter(|name| !names.iter().any(|known| known == name)).collect();
        names.extend(new.into_iter().map(str::to_owned));
        names
    }
}

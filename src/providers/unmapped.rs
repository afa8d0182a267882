//! What of a request a dialect has no words for, by the names that the caller knows.

use super::conversation::Conversation;
use crate::request::Endpoint;

/// Gathers the names.
///
/// What only helps and never changes what an answer is, is not among them: cache marks, the detail of images, the names of
/// files and schemas, the end user.
#[derive(Debug)]
pub(super) struct Unmapped {
    messages: bool,
    names: Vec<String>,
}

impl Unmapped {
    /// Begins with all that only the caller's own API has words for.
    pub fn new(conversation: &Conversation, endpoint: Endpoint) -> Self {
        let names = conversation.rest.iter().map(|(name, _)| name.clone()).collect();
        Self { messages: endpoint == Endpoint::Messages, names }
    }

    /// Adds a field that both APIs call the same.
    pub fn add(&mut self, name: &str) {
        self.add_either(name, name);
    }

    /// Adds a field by its name in chat completions or in Messages.
    pub fn add_either(&mut self, chat: &str, messages: &str) {
        let name = if self.messages { messages } else { chat };
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
    }

    pub fn into_names(self) -> Vec<String> {
        self.names
    }
}

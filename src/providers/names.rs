//! Names of tools that a provider would refuse: what it is told in their place, and the way back.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::Dialect;
use super::conversation::{Conversation, Event, Part, Reply};

/// How much of a hash stands for what a name lost.
const HASH: usize = 8;

/// A name of ASCII letters, digits, `_` and `-`, at most `most` of them. A name that is so already stays; one that is
/// not ends in a hash of all of it, so that two names stay two, and the same name is always changed the same way.
#[must_use]
pub fn fitted(name: &str, most: usize) -> Cow<'_, str> {
    let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    if !name.is_empty() && name.len() <= most && name.chars().all(fits) {
        return Cow::Borrowed(name);
    }
    let kept = name.chars().map(|character| if fits(character) { character } else { '_' });
    let mut text: String = kept.take(most.saturating_sub(HASH + 1)).collect();
    text.push('_');
    text.push_str(&hash(name));
    Cow::Owned(text)
}

/// A text of at most `most` characters. One too long keeps its beginning, and a hash tells it apart.
#[must_use]
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    if text.chars().count() <= most {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(most.saturating_sub(HASH + 1)).collect();
    Cow::Owned(format!("{kept}-{}", hash(text)))
}

/// Eight hexadecimal digits that stand for a text.
#[must_use]
pub fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .take(HASH)
        .collect()
}

/// The tools of a conversation that the provider knows by other names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renamed(Vec<(String, String)>);

impl Renamed {
    /// Of a conversation in a dialect. Kept until the answer has come: it is restored with it.
    #[must_use]
    pub fn of(conversation: &Conversation, dialect: &dyn Dialect) -> Self {
        let renamed = conversation.tools.iter().filter_map(|tool| match dialect.tool_name(&tool.name) {
            Cow::Borrowed(_) => None,
            Cow::Owned(theirs) => Some((theirs, tool.name.clone())),
        });
        Self(renamed.collect())
    }

    /// Gives the tools of a whole answer the names that the caller gave them.
    pub fn restore_reply(&self, reply: &mut Reply) {
        for part in &mut reply.parts {
            if let Part::ToolCall(call) = part {
                self.restore(&mut call.name);
            }
        }
    }

    /// Likewise, of a streamed answer.
    pub fn restore_event(&self, event: &mut Event) {
        if let Event::ToolCall { name, .. } = event {
            self.restore(name);
        }
    }

    fn restore(&self, name: &mut String) {
        if let Some((_, ours)) = self.0.iter().find(|(theirs, _)| theirs == name) {
            name.clone_from(ours);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Api;
    use super::super::conversation::{Conversation, Event, Tool};
    use super::{Renamed, fitted, shortened};

    #[test]
    fn a_name_that_fits_stays() {
        assert_eq!(fitted("get_weather-2", 64), "get_weather-2");
    }

    #[test]
    fn names_that_do_not_fit_stay_apart() {
        let (long, longer) = ("a".repeat(65), "a".repeat(66));
        let names = [
            fitted("a.b", 64),
            fitted("a/b", 64),
            fitted("a_b", 64),
            fitted(&long, 64),
            fitted(&longer, 64),
            fitted("", 64),
            fitted("é", 64),
        ];
        for (index, name) in names.iter().enumerate() {
            assert!(name.len() <= 64 && name.is_ascii() && !names[..index].contains(name), "{name}");
        }
    }

    #[test]
    fn a_long_text_is_told_apart_by_its_hash() {
        assert_eq!(shortened(&"é".repeat(64), 64), "é".repeat(64));
        let (one, other) = ("é".repeat(65), "é".repeat(66));
        assert_eq!(shortened(&one, 64).chars().count(), 64);
        assert_ne!(shortened(&one, 64), shortened(&other, 64));
    }

    #[test]
    fn the_caller_finds_its_own_names() {
        let name = format!("mcp__{}", "x".repeat(100));
        let tool = Tool {
            name: name.clone(),
            description: None,
            parameters: serde_json::json!({}),
            strict: None,
            cache: None,
        };
        let renamed =
            Renamed::of(&Conversation { tools: vec![tool], ..Conversation::default() }, Api::OpenAi.dialect());
        let theirs = fitted(&name, 64).into_owned();
        let mut event = Event::ToolCall { index: 0, id: "1".into(), name: theirs };
        renamed.restore_event(&mut event);
        assert_eq!(event, Event::ToolCall { index: 0, id: "1".into(), name });
    }
}

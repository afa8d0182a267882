//! The ids of tool calls. Gemini 3 wants the signature of its thoughts back with the call that followed them, and callers'
//! APIs have no place for it; but they send ids back as they are, so it rides in the id, as it does in LiteLLM's.

use crate::providers::marks::IN_CALL_ID;

/// An id that carries the signature. Letters, digits, `_` and `-` only: other providers, to whom the chat may go next, refuse
/// more.
pub(super) fn join(id: &str, signature: Option<&str>) -> String {
    let mut joined = plain(id);
    if let Some(signature) = signature.filter(|signature| !signature.is_empty()) {
        joined.push_str(IN_CALL_ID);
        joined.extend(signature.trim_end_matches('=').chars().map(|char| match char {
            '+' => '-',
            '/' => '_',
            char => char,
        }));
    }
    joined
}

/// The id and the signature apart, the signature in padded base64 as the provider wrote it.
pub(super) fn split(id: &str) -> (&str, Option<String>) {
    let Some((id, signature)) = id.split_once(IN_CALL_ID) else { return (id, None) };
    let mut signature: String = signature
        .trim_end_matches('=')
        .chars()
        .map(|char| match char {
            '-' => '+',
            '_' => '/',
            char => char,
        })
        .collect();
    while !signature.len().is_multiple_of(4) {
        signature.push('=');
    }
    (id, Some(signature).filter(|signature| !signature.is_empty()))
}

/// The ids of one answer.
#[derive(Debug, Default)]
pub(super) struct CallIds {
    next: u32,
}

impl CallIds {
    /// The number and the id of the next call. Where the provider gives none, one is made of the answer's id, so that calls
    /// of several answers of one chat differ.
    pub fn next(&mut self, given: Option<&str>, answer: Option<&str>, signature: Option<&str>) -> (u32, String) {
        let index = self.next;
        self.next = self.next.saturating_add(1);
        let id = match (given.filter(|id| !id.is_empty()), answer.filter(|id| !id.is_empty())) {
            (Some(given), _) => join(given, signature),
            (None, Some(answer)) => join(&format!("call_{answer}_{index}"), signature),
            (None, None) => join(&format!("call_{index}"), signature),
        };
        (index, id)
    }

    /// Whether there were any.
    pub const fn any(&self) -> bool {
        self.next > 0
    }
}

fn plain(id: &str) -> String {
    id.chars().map(|char| if char.is_ascii_alphanumeric() || matches!(char, '_' | '-') { char } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::{CallIds, join, split};

    #[test]
    fn signatures_come_back() {
        for signature in ["AA==", "A+/=", "AAAA", "ab+/"] {
            let id = join("call_1", Some(signature));
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')), "{id}");
            assert_eq!(split(&id), ("call_1", Some(signature.to_owned())));
        }
        assert_eq!(split("call_1__thought__A+/="), ("call_1", Some("A+/=".to_owned())));
        assert_eq!(split("toolu_1"), ("toolu_1", None));
        assert_eq!(split("a__thought__"), ("a", None));
        assert_eq!(join("a.b", Some("")), "a-b");
    }

    #[test]
    fn ids_of_several_answers_differ() {
        let mut ids = CallIds::default();
        assert_eq!(ids.next(None, Some("r1"), None), (0, "call_r1_0".to_owned()));
        assert_eq!(ids.next(Some("x"), Some("r1"), None), (1, "x".to_owned()));
        assert_eq!(ids.next(None, None, Some("QQ==")), (2, "call_2__thought__QQ".to_owned()));
    }
}

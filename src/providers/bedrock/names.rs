//! Names and ids as Bedrock takes them.

use std::borrow::Cow;

use crate::providers::{fitted, hash};

/// The tool by which a model gives an answer that has to be JSON. No tool of a caller has this name on the wire.
pub(super) const ANSWER: &str = "answer_in_json";

/// The longest name of a tool, and the longest id of a call.
const LONGEST: usize = 64;

/// A tool's name for the wire.
pub(super) fn tool(name: &str) -> Cow<'_, str> {
    if name == ANSWER { Cow::Owned(format!("{name}_{}", hash(name))) } else { fitted(name, LONGEST) }
}

/// The id of a call for the wire: calls and results only have to agree.
pub(super) fn id(id: &str) -> Cow<'_, str> {
    fitted(id, LONGEST)
}

/// A document's name: letters, digits, single spaces, hyphens, parentheses and square brackets, at most 200.
pub(super) fn document(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '(' | ')' | '[' | ']');
    let words: Vec<String> = name
        .split_whitespace()
        .map(|word| word.chars().map(|c| if allowed(c) { c } else { '-' }).collect())
        .collect();
    words.join(" ").chars().take(180).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{ANSWER, document, tool};

    #[test]
    fn no_tool_of_a_caller_is_taken_for_the_answer() {
        assert_ne!(tool(ANSWER), ANSWER);
        assert_eq!(tool("weather"), "weather");
    }

    #[test]
    fn documents_have_names_that_are_taken() {
        assert_eq!(document("Q3  report_v2.pdf"), "Q3 report-v2-pdf");
        assert_eq!(document(" \n "), "");
        assert_eq!(document(&"x ".repeat(300)).len(), 179);
    }
}

//! Patterns in which only `*` is special: any run of characters, also none, also `/`.
//!
//! The text between the `*`s is looked for from the right, each piece at its last place before the piece after it. That
//! is what a regular expression with greedy `.*` finds, but no place is looked at twice: linear in the text, whatever the
//! pattern, and without recursion.

use std::borrow::Cow;

/// Whether the whole of `text` matches `pattern`.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    scan(pattern, text, |_| ())
}

/// What each `*` of `pattern` stands for in `text`, from left to right, an earlier one as long as possible (greedy, as in
/// LiteLLM). `None` if the text does not match.
#[must_use]
pub fn captures<'t>(pattern: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut found = Vec::new();
    scan(pattern, text, |capture| found.push(capture)).then(|| {
        found.reverse();
        found
    })
}

/// `template` with its `*`s replaced, from left to right, by what those of `pattern` stand for in `text`. A `*` that has
/// no counterpart stands for nothing, and so does each where the text does not match.
#[must_use]
pub fn expand<'a>(template: &'a str, pattern: &str, text: &str) -> Cow<'a, str> {
    if !template.contains('*') {
        return Cow::Borrowed(template);
    }
    let mut captures = captures(pattern, text).unwrap_or_default().into_iter();
    let mut pieces = template.split('*');
    let mut name = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        name.push_str(captures.next().unwrap_or_default());
        name.push_str(piece);
    }
    Cow::Owned(name)
}

/// How a wildcard entry ranks among those that match a name: more literal characters, then fewer `*`. The larger is the
/// more specific.
pub(super) fn specificity(pattern: &str) -> (usize, core::cmp::Reverse<usize>) {
    let stars = pattern.matches('*').count();
    (pattern.chars().count().saturating_sub(stars), core::cmp::Reverse(stars))
}

/// Matches, and hands over what each `*` stands for, the last one first.
fn scan<'t>(pattern: &str, text: &'t str, mut capture: impl FnMut(&'t str)) -> bool {
    let Some((prefix, rest)) = pattern.split_once('*') else { return pattern == text };
    let (middle, suffix) = rest.rsplit_once('*').map_or((None, rest), |(middle, suffix)| (Some(middle), suffix));
    let Some(mut open) = text.strip_prefix(prefix).and_then(|text| text.strip_suffix(suffix)) else { return false };
    for piece in middle.into_iter().flat_map(|middle| middle.rsplit('*')) {
        // INVARIANT: `open` is what the remaining `*`s and pieces have to fill.
        let Some((before, after)) = open.rfind(piece).and_then(|at| {
            let (before, found) = open.split_at_checked(at)?;
            Some((before, found.strip_prefix(piece)?))
        }) else {
            return false;
        };
        capture(after);
        open = before;
    }
    capture(open);
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the pattern means, by the book: exponential, so for short texts only. Greedy captures, left to right.
    fn reference(pattern: &[char], text: &[char]) -> Option<Vec<String>> {
        match pattern.split_first() {
            None => text.is_empty().then(Vec::new),
            Some(('*', rest)) => (0..=text.len()).rev().find_map(|length| {
                let mut captures = reference(rest, &text[length..])?;
                captures.insert(0, text[..length].iter().collect());
                Some(captures)
            }),
            Some((literal, rest)) => {
                text.split_first().filter(|(first, _)| *first == literal).and_then(|(_, text)| reference(rest, text))
            }
        }
    }

    #[test]
    fn only_the_star_is_special_and_the_whole_text_counts() {
        for (pattern, text, expected) in [
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o\n", false),
            ("gpt-4o", "GPT-4o", false),
            ("gpt-4.1", "gpt-4x1", false),
            ("gpt-4.*", "gpt-4x1", false),
            ("gpt+", "gptt", false),
            ("gpt[1]*", "gpt[1]-mini", true),
            ("gpt[1]*", "gpt1-mini", false),
            ("gpt-?", "gpt-4", false),
            ("^gpt$", "gpt", false),
            ("\\*", "*", false),
            ("*", "", true),
            ("*", "a/b", true),
            ("", "", true),
            ("", "a", false),
            ("**", "a", true),
            ("openai/*", "openai/", true),
            ("openai/*", "openai", false),
            ("openai/*", "openai/a/b", true),
            ("bedrock/*", "bedrockz/x", false),
            ("bedrock/*", "xbedrock/y", false),
            ("gpt-*-mini", "gpt-4o-mini", true),
            ("gpt-*-mini", "gpt-4o-mini-evil", false),
            ("gpt-*-mini", "gpt-mini", false),
            ("gpt-*-mini", "gpt--mini", true),
            ("aba*aba", "aba", false),
            ("aba*aba", "ababa", false),
            ("aba*aba", "abaaba", true),
            ("*/gpt-4o*", "azure/eu/gpt-4o-mini", true),
            ("mod\u{e8}le-*", "mod\u{e8}le-x", true),
            ("mod\u{e8}le-*", "mode\u{300}le-x", false),
            ("openai/*", "openai/*", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn an_earlier_star_takes_as_much_as_it_can() {
        assert_eq!(captures("*-*", "a-b-c"), Some(vec!["a-b", "c"]));
        assert_eq!(captures("*/*", "openrouter/anthropic/claude"), Some(vec!["openrouter/anthropic", "claude"]));
        assert_eq!(captures("**", "ab"), Some(vec!["ab", ""]));
        assert_eq!(captures("a*b*c", "a1b2b3c"), Some(vec!["1b2", "3"]));
        assert_eq!(captures("a*", "b"), None);
        assert_eq!(captures("a", "a"), Some(vec![]));
    }

    #[test]
    fn a_template_takes_the_captures_from_left_to_right() {
        assert_eq!(expand("*", "openai/*", "openai/gpt-4o"), "gpt-4o");
        assert_eq!(expand("us.*-v1:0", "bedrock/*", "bedrock/claude"), "us.claude-v1:0");
        assert_eq!(expand("*/*", "*-on-*", "llama-on-groq"), "llama/groq");
        assert_eq!(expand("*", "*/*", "a/b"), "a", "the first of two");
        assert_eq!(expand("*+*", "x/*", "x/y"), "y+", "no counterpart");
        assert_eq!(expand("*", "openai/*", "openai/*"), "*", "a star in the request is plain text");
        assert!(matches!(expand("gpt-4o", "*", "x"), Cow::Borrowed("gpt-4o")));
    }

    #[test]
    fn a_pattern_made_to_blow_up_does_not() {
        let text = "a".repeat(100_000);
        assert!(!matches(&("a*".repeat(2_000) + "b"), &text));
        assert!(!matches(&("*a".repeat(2_000) + "*b*"), &text));
        assert!(matches(&("a*".repeat(2_000) + "a"), &text));
        assert!(!matches(&("*".repeat(10_000) + "b"), &text));
    }

    proptest! {
        #[test]
        fn it_finds_what_the_definition_says(pattern in "[ab*]{0,7}", text in "[ab*é]{0,9}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = reference(&chars(&pattern), &chars(&text));
            prop_assert_eq!(matches(&pattern, &text), expected.is_some());
            prop_assert_eq!(captures(&pattern, &text), expected.as_ref().map(|found| found.iter().map(String::as_str).collect()));
        }

        #[test]
        fn captures_put_back_in_the_pattern_give_the_text(pattern in "[ab/*]{0,9}", text in "[ab/]{0,12}") {
            if matches(&pattern, &text) {
                let expanded = expand(&pattern, &pattern, &text);
                prop_assert_eq!(expanded.as_ref(), &text);
            }
        }
    }
}

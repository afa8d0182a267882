/// Most characters of a name that an answer repeats.
const MOST: usize = 64;

/// A model name as an answer shows it: at most 64 characters, and whatever is not printable ASCII escaped (`\u{e9}`),
/// so that it can neither fill a log nor steer a terminal nor pass for another name. Backslashes are escaped too: the
/// form is unambiguous.
pub(super) fn shown(name: &str) -> String {
    let mut text = String::with_capacity(name.len().min(MOST));
    let mut characters = name.chars();
    for character in characters.by_ref().take(MOST) {
        match character {
            '\\' => text.push_str("\\\\"),
            ' '..='~' => text.push(character),
            other => text.extend(other.escape_unicode()),
        }
    }
    if characters.next().is_some() {
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::shown;
    use proptest::prelude::*;

    #[test]
    fn a_plain_name_is_shown_as_it_is() {
        assert_eq!(shown("openai/gpt-4o:free"), "openai/gpt-4o:free");
        assert_eq!(shown(&"m".repeat(64)), "m".repeat(64));
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(shown(&"m".repeat(65)), format!("{}...", "m".repeat(64)));
    }

    #[test]
    fn a_name_cannot_steer_a_terminal_or_look_like_another() {
        assert_eq!(shown("a\u{1b}[2J\r\n"), "a\\u{1b}[2J\\u{d}\\u{a}");
        assert_eq!(shown("gpt-4о"), "gpt-4\\u{43e}", "Cyrillic о");
        assert_eq!(shown("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(shown("\\u{e9}"), "\\\\u{e9}");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_bounded_printable_ascii(name in ".{0,200}") {
            let text = shown(&name);
            prop_assert!(text.len() <= 64 * 10 + 3);
            prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
}

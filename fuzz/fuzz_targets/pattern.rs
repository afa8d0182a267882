//! Wildcards mean what a table of all ways to match says they mean.
#![no_main]

use keyward::authz::{captures, expand, matches};
use libfuzzer_sys::fuzz_target;

/// What each `*` stands for, an earlier one as long as possible: quadratic, and by the definition.
fn reference(pattern: &[char], text: &[char]) -> Option<Vec<String>> {
    // `fits[i][j]`: the pattern from `i` on matches the text from `j` on.
    let mut fits = vec![vec![false; text.len() + 1]; pattern.len() + 1];
    fits[pattern.len()][text.len()] = true;
    for i in (0..pattern.len()).rev() {
        for j in (0..=text.len()).rev() {
            fits[i][j] = match pattern[i] {
                '*' => fits[i + 1][j] || (j < text.len() && fits[i][j + 1]),
                literal => j < text.len() && text[j] == literal && fits[i + 1][j + 1],
            };
        }
    }
    if !fits[0][0] {
        return None;
    }
    let mut found = Vec::new();
    let mut j = 0;
    for (i, character) in pattern.iter().enumerate() {
        let end = if *character == '*' { (j..=text.len()).rev().find(|end| fits[i + 1][*end])? } else { j + 1 };
        if *character == '*' {
            found.push(text[j..end].iter().collect());
        }
        j = end;
    }
    Some(found)
}

// The pattern, and behind the first line end the text.
fuzz_target!(|input: &str| {
    let (pattern, text) = input.split_once('\n').unwrap_or((input, ""));
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    let expected = reference(&chars(pattern), &chars(text));
    assert_eq!(matches(pattern, text), expected.is_some());
    let found = captures(pattern, text).map(|found| found.into_iter().map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(found, expected);
    if expected.is_some() && pattern.contains('*') {
        assert_eq!(expand(pattern, pattern, text), text, "put back in the pattern, captures give the text");
    }
});

//! Patterns in which only `*` is special, compared with names and with each other.

/// The checker judges a pattern by the very rule that requests are judged by.
pub use crate::authz::matches;

/// Whether some name matches both patterns.
pub fn overlap(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let only_stars = |rest: &[u8]| rest.iter().all(|byte| *byte == b'*');
    // From the ends of the patterns backwards: `row[j]` tells whether what follows in `a` and `b[j..]` have a name in common.
    let mut row: Vec<bool> = (0..=b.len()).map(|j| only_stars(b.get(j..).unwrap_or_default())).collect();
    for (i, left) in a.iter().enumerate().rev() {
        let mut right_end = only_stars(a.get(i..).unwrap_or_default());
        let mut upper = vec![right_end];
        for (j, right) in b.iter().enumerate().rev() {
            let at = |j: usize| row.get(j).copied().unwrap_or(false);
            // A star either ends here, or takes in whatever the other pattern begins with.
            let (skip_left, skip_right, both) = (at(j), right_end, at(j.saturating_add(1)));
            right_end = if *left == b'*' || *right == b'*' { skip_left || skip_right } else { left == right && both };
            upper.push(right_end);
        }
        upper.reverse();
        row = upper;
    }
    row.first().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_glob_matches_whole_names_and_never_crosses_into_another_prefix() {
        for (pattern, name, expected) in [
            ("bedrock/*", "bedrock/x/y", true),
            ("bedrock/*", "bedrock/", true),
            ("bedrock/*", "bedrockz/x", false),
            ("gpt-*-mini", "gpt-4o-mini", true),
            ("gpt-*-mini", "gpt-4o-mini-evil", false),
            ("a*a", "a", false),
            ("*", "", true),
            ("a**b", "ab", true),
            ("a*b*c", "axcxbxc", true),
            ("a*b*c", "acb", false),
            ("exact", "exact", true),
            ("exact", "exactly", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_overlap_when_a_name_fits_both() {
        for (a, b, expected) in [
            ("openai/o1-*", "openai/*", true),
            ("openai/*", "anthropic/*", false),
            ("*-mini", "gpt-*", true),
            ("a*b", "a*c", false),
            ("*", "*", true),
            ("ab", "ab", true),
            ("ab", "a", false),
        ] {
            assert_eq!((overlap(a, b), overlap(b, a)), (expected, expected), "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn patterns_that_match_one_name_overlap(a in "[ab*]{0,6}", b in "[ab*]{0,6}", name in "[ab]{0,6}") {
            if matches(&a, &name) && matches(&b, &name) {
                prop_assert!(overlap(&a, &b));
            }
        }

        #[test]
        fn a_pattern_overlaps_a_name_exactly_if_it_matches_it(pattern in "[ab*]{0,6}", name in "[ab]{0,6}") {
            prop_assert_eq!(overlap(&pattern, &name), matches(&pattern, &name));
        }
    }
}

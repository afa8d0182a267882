use super::text::duration;

/// The headers OpenAI's API carries on every answer: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`.
///
/// For requests and for tokens, the tightest limit that applies as `(limit, remaining, reset_ms)`: the most there may
/// be in a window, what is left now, and milliseconds until all of it is there again. `None`: no such limit applies.
#[must_use]
pub fn rate_limit_headers(
    requests: Option<(u64, u64, u64)>,
    tokens: Option<(u64, u64, u64)>,
) -> Vec<(&'static str, String)> {
    const REQUESTS: [&str; 3] =
        ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
    const TOKENS: [&str; 3] = ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];
    let mut headers = Vec::with_capacity(6);
    for ([limit, remaining, reset], standing) in [(REQUESTS, requests), (TOKENS, tokens)] {
        if let Some((most, left, reset_ms)) = standing {
            headers.push((limit, most.to_string()));
            headers.push((remaining, left.to_string()));
            headers.push((reset, duration(reset_ms)));
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_told_in_openais_words() {
        let requests = Some((600, 599, 120));
        let tokens = Some((200_000, 0, 360_000));
        assert_eq!(
            rate_limit_headers(requests, tokens),
            [
                ("x-ratelimit-limit-requests", "600".to_owned()),
                ("x-ratelimit-remaining-requests", "599".to_owned()),
                ("x-ratelimit-reset-requests", "120ms".to_owned()),
                ("x-ratelimit-limit-tokens", "200000".to_owned()),
                ("x-ratelimit-remaining-tokens", "0".to_owned()),
                ("x-ratelimit-reset-tokens", "6m0s".to_owned()),
            ]
        );
    }

    #[test]
    fn a_limit_that_does_not_apply_is_not_mentioned() {
        assert_eq!(rate_limit_headers(None, None), []);
        let tokens = Some((1, 1, 0));
        let names: Vec<_> = rate_limit_headers(None, tokens).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"]);
    }
}

//! What a model understands, as far as its name tells.

/// OpenAI's own generation of a model: `gpt-5.2` is (5, 2); `gpt-4o`, (4, 0); `gpt-35-turbo`, as Azure writes it, (3, 5). Other
/// names have none.
fn gpt(model: &str) -> Option<(u32, u32)> {
    let version = name(model).strip_prefix("gpt-")?;
    let end = version.find(|character: char| !character.is_ascii_digit()).unwrap_or(version.len());
    let (major, rest) = version.split_at_checked(end)?;
    let major: u32 = major.parse().ok()?;
    if (30..60).contains(&major) {
        return Some((major / 10, major % 10));
    }
    let minor = rest.strip_prefix('.').unwrap_or_default();
    let minor = minor.split(|character: char| !character.is_ascii_digit()).next().unwrap_or_default();
    Some((major, minor.parse().unwrap_or(0)))
}

/// Without what routers put in front: `openai/gpt-5`.
fn name(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}

/// Whether it is one of OpenAI's reasoning models, which refuse `max_tokens`. Everything else that speaks this API,
/// OpenAI's older models included, knows `max_tokens`; many do not know `max_completion_tokens`.
pub(in crate::providers) fn wants_max_completion_tokens(model: &str) -> bool {
    let o = name(model).strip_prefix('o').is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()));
    o || name(model) == "chat-latest" || gpt(model).is_some_and(|(major, _)| major >= 5)
}

/// Whether the name is one of OpenAI's own.
pub(in crate::providers) fn is_openais(model: &str) -> bool {
    gpt(model).is_some() || wants_max_completion_tokens(model)
}

/// Whether it certainly refuses `reasoning_effort`.
pub(super) fn never_reasons(model: &str) -> bool {
    gpt(model).is_some_and(|(major, _)| major < 5)
}

/// Whether it refuses any `temperature` and `top_p` but the default. Of OpenAI's reasoning models those take others that do not
/// reason unless they are told to, where they are not.
pub(super) fn refuses_sampling(model: &str, is_told_to_reason: bool) -> bool {
    let optional = matches!(gpt(model), Some((5, 1 | 2 | 4))) && !is_variant(model);
    reasons(model) && (is_told_to_reason || !optional)
}

/// Whether it refuses texts to stop at, as all that reason have since `o3`.
pub(super) fn refuses_stop(model: &str) -> bool {
    reasons(model) && !name(model).starts_with("o1") && !name(model).starts_with("o3-mini")
}

/// Whether it is one of OpenAI's reasoning models.
fn reasons(model: &str) -> bool {
    wants_max_completion_tokens(model) && !name(model).starts_with("gpt-5-chat") && name(model) != "chat-latest"
}

/// Variants for code, for chats and of more effort always reason.
fn is_variant(model: &str) -> bool {
    ["-codex", "-chat", "-pro"].iter().any(|variant| model.contains(variant))
}

/// Whether it refuses a call of a tool of the past that comes without what the model thought, even if that is nothing.
pub(super) fn wants_thoughts_back(model: &str) -> bool {
    model.to_ascii_lowercase().contains("deepseek")
}

/// The word for an effort that it knows: those above `high` are of newer models of OpenAI only, and `max` is
/// Anthropic's.
pub(super) fn effort<'a>(model: &str, effort: &'a str) -> &'a str {
    match effort {
        "xhigh" | "max" if gpt(model).is_some_and(|version| version >= (5, 2)) => "xhigh",
        "xhigh" | "max" => "high",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{effort, never_reasons, refuses_sampling, refuses_stop, wants_max_completion_tokens};

    #[test]
    fn reasoning_models_of_openai_are_known_by_name() {
        for model in ["o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5.2-codex", "openai/gpt-5-mini", "gpt-10"] {
            assert!(wants_max_completion_tokens(model), "{model}");
        }
        for model in ["gpt-4o", "gpt-4.1", "gpt-3.5-turbo", "gpt-oss-120b", "mistral-large", "deepseek-chat", "olmo", "o"] {
            assert!(!wants_max_completion_tokens(model), "{model}");
        }
        // Names of Azure's deployments.
        assert!(!wants_max_completion_tokens("gpt-35-turbo") && !wants_max_completion_tokens("gpt-41-mini"));
        assert!(never_reasons("gpt-4o") && !never_reasons("gpt-oss-20b") && !never_reasons("o3") && !never_reasons("gpt-5"));
    }

    #[test]
    fn what_reasons_is_not_told_how_to_sample() {
        for model in ["o1", "o3-mini", "gpt-5", "gpt-5-mini", "gpt-5.5", "gpt-5.2-pro", "gpt-5.1-codex", "openai/o4-mini"] {
            assert!(refuses_sampling(model, false), "{model}");
        }
        for model in ["gpt-4o", "gpt-4.1", "gpt-5-chat-latest", "gpt-5.1", "gpt-5.2-2025-12-11", "gpt-oss-20b", "qwen3"] {
            assert!(!refuses_sampling(model, false), "{model}");
        }
        assert!(refuses_sampling("gpt-5.1", true) && !refuses_sampling("qwen3", true));
        for model in ["o3", "o3-pro", "o4-mini", "gpt-5", "gpt-5.1", "gpt-51"] {
            assert!(refuses_stop(model), "{model}");
        }
        for model in ["o1", "o3-mini", "openai/o3-mini-2025-01-31", "gpt-4o", "gpt-35-turbo"] {
            assert!(!refuses_stop(model), "{model}");
        }
    }

    #[test]
    fn efforts_are_said_in_words_the_model_knows() {
        assert_eq!(effort("gpt-5.2", "max"), "xhigh");
        assert_eq!(effort("gpt-5", "max"), "high");
        assert_eq!(effort("qwen3", "xhigh"), "high");
        assert_eq!(effort("gpt-5", "minimal"), "minimal");
    }
}

//! How much Claude is to think.

use serde_json::{Value, json};

use super::super::conversation::{Conversation, Part, Reasoning, Role};
use super::model::Claude;

/// The least budget that Anthropic takes.
const LEAST: u64 = 1024;

/// The most output where neither the caller nor the policy says: Anthropic must be told. Every model takes as much.
const DEFAULT_OUTPUT: u64 = 4096;

/// Likewise, of models whose thoughts come out of it as they see fit.
const DEFAULT_OUTPUT_WITH_THOUGHTS: u64 = 16384;

/// What the request says about thinking.
#[derive(Debug, Default, PartialEq)]
pub(in crate::providers) struct Thinking {
    /// `thinking`, where it is said.
    pub(in crate::providers) thinking: Option<Value>,
    /// `output_config.effort`.
    pub(in crate::providers) effort: Option<String>,
    /// `max_tokens`: thoughts are a part of it.
    pub(in crate::providers) max_tokens: u64,
    /// It was asked for, but cannot be.
    pub(in crate::providers) unmapped: bool,
}

impl Thinking {
    /// Whether the model is asked to think.
    pub(in crate::providers) fn is_on(&self) -> bool {
        self.thinking.as_ref().is_some_and(|thinking| thinking.get("type").is_some_and(|kind| kind != "disabled"))
    }
}

/// `most` is the policy's maximum of output; `forced` tells that a tool must be called.
pub(in crate::providers) fn of(conversation: &Conversation, claude: Claude, most: Option<u64>, forced: bool) -> Thinking {
    let asked = conversation.max_output_tokens;
    let default = if claude.thinks_adaptively() { DEFAULT_OUTPUT_WITH_THOUGHTS } else { DEFAULT_OUTPUT };
    let max_tokens = asked.or(most).unwrap_or(default);
    let plain = Thinking { max_tokens, ..Thinking::default() };
    let refused = Thinking { max_tokens, unmapped: true, ..Thinking::default() };
    let reasoning = match &conversation.reasoning {
        None => return plain,
        Some(Reasoning::Off) if claude.always_thinks() => return refused,
        Some(Reasoning::Off) if claude.thinks_by_itself() => {
            return Thinking { thinking: Some(json!({ "type": "disabled" })), ..plain };
        }
        Some(Reasoning::Off) => return plain,
        Some(reasoning) => reasoning,
    };
    if forced && !claude.thinks_when_forced() {
        return refused;
    }
    if claude.thinks_adaptively() {
        let effort = match reasoning {
            Reasoning::Effort(effort) => Some(word(effort, claude)),
            Reasoning::Budget(..2048) => Some("low"),
            Reasoning::Budget(2048..4096) => Some("medium"),
            Reasoning::Budget(_) => Some("high"),
            Reasoning::Adaptive | Reasoning::Off => None,
        };
        let thinking = if claude.keeps_thoughts() {
            json!({ "type": "adaptive", "display": "summarized" })
        } else {
            json!({ "type": "adaptive" })
        };
        return Thinking { thinking: Some(thinking), effort: effort.map(str::to_owned), ..plain };
    }
    let budget = match reasoning {
        Reasoning::Effort(effort) => budget(effort),
        Reasoning::Budget(budget) => (*budget).max(LEAST),
        Reasoning::Adaptive | Reasoning::Off => budget("medium"),
    };
    // A maximum that nobody asked for gives way; the budget stays below it in any case.
    let max_tokens = match (asked, most) {
        (Some(asked), _) => asked,
        (None, Some(most)) => most,
        (None, None) => budget.saturating_add(DEFAULT_OUTPUT),
    };
    let budget = budget.min(max_tokens.saturating_sub(1));
    if budget < LEAST || thoughts_are_missing(conversation) {
        return refused;
    }
    let thinking = json!({ "type": "enabled", "budget_tokens": budget });
    Thinking { thinking: Some(thinking), max_tokens, ..Thinking::default() }
}

/// A model with a budget wants its thoughts back while it works with tools: without them it must not think on.
fn thoughts_are_missing(conversation: &Conversation) -> bool {
    let Some(last) = conversation.turns.iter().rfind(|turn| turn.role == Role::Assistant) else { return false };
    let ends_in_result = conversation.turns.last().is_some_and(|turn| {
        turn.parts.iter().any(|part| matches!(part, Part::ToolResult(_)))
    });
    let signed = last.parts.iter().any(|part| match part {
        Part::Reasoning { signature, .. } => signature.as_deref().is_some_and(|signature| !signature.is_empty()),
        Part::RedactedReasoning(_) => true,
        _ => false,
    });
    ends_in_result && !signed
}

/// The effort in Anthropic's words.
fn word(effort: &str, claude: Claude) -> &str {
    match effort {
        "minimal" => "low",
        "xhigh" if !claude.has_xhigh() => "high",
        other => other,
    }
}

/// As LiteLLM counts.
fn budget(effort: &str) -> u64 {
    match effort {
        "minimal" | "low" => 1024,
        "high" => 4096,
        "xhigh" => 8192,
        "max" => 16384,
        _ => 2048,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::conversation::{Conversation, Reasoning};
    use super::super::model::Claude;
    use super::{Thinking, of};

    fn asked(reasoning: Reasoning, most: Option<u64>) -> Conversation {
        Conversation { reasoning: Some(reasoning), max_output_tokens: most, ..Conversation::default() }
    }

    fn budget(thinking: &Thinking) -> Option<u64> {
        thinking.thinking.as_ref()?.get("budget_tokens")?.as_u64()
    }

    #[test]
    fn the_budget_is_always_below_the_maximum() {
        let old = Claude::of("claude-sonnet-4-5");
        for (asked_for, most) in [(1, None), (1024, None), (5000, Some(2000)), (5000, Some(5000)), (9, Some(1025)), (9000, Some(9001))] {
            let thinking = of(&asked(Reasoning::Budget(asked_for), most), old, None, false);
            assert!(budget(&thinking).is_some_and(|budget| (1024..thinking.max_tokens).contains(&budget)), "{asked_for}");
        }
        assert!(of(&asked(Reasoning::Budget(1024), Some(1024)), old, None, false).unmapped);
    }

    #[test]
    fn what_is_not_asked_for_gives_way() {
        let thinking = of(&asked(Reasoning::Effort("max".into()), None), Claude::of("claude-opus-4-1"), None, false);
        assert_eq!((budget(&thinking), thinking.max_tokens), (Some(16384), 16384 + 4096));
        let thinking = of(&asked(Reasoning::Effort("max".into()), None), Claude::of("claude-opus-4-1"), Some(8000), false);
        assert_eq!((budget(&thinking), thinking.max_tokens), (Some(7999), 8000));
    }

    #[test]
    fn newer_models_are_told_an_effort() {
        let thinking = of(&asked(Reasoning::Effort("minimal".into()), Some(10)), Claude::of("claude-opus-5"), None, false);
        assert_eq!(thinking.effort.as_deref(), Some("low"));
        assert_eq!(thinking.thinking, Some(json!({ "type": "adaptive", "display": "summarized" })));
    }

    #[test]
    fn off_is_said_where_it_is_not_the_default() {
        let off = asked(Reasoning::Off, None);
        assert_eq!(of(&off, Claude::of("claude-opus-4-6"), None, false).thinking, None);
        assert_eq!(of(&off, Claude::of("claude-sonnet-5"), None, false).thinking, Some(json!({ "type": "disabled" })));
        assert!(of(&off, Claude::of("claude-opus-5-5"), None, false).unmapped);
    }

    #[test]
    fn a_forced_tool_and_thoughts_do_not_go_together() {
        let high = asked(Reasoning::Effort("high".into()), None);
        assert!(of(&high, Claude::of("claude-sonnet-4-5"), None, true).unmapped);
        assert!(of(&high, Claude::of("claude-sonnet-5"), None, true).is_on());
    }
}

use crate::providers::Call;
use crate::providers::anthropic::model::Claude;

/// Whose model it is: models differ in what they take beside Converse's common fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Anthropic's.
    Claude(Claude),
    /// Amazon's Nova.
    Nova,
    /// `OpenAI`'s, open weights and not.
    OpenAi,
    /// Everyone else's.
    Other,
}

impl Family {
    /// Told by the provider's name of the model, or where that is the ARN of an inference profile, by the caller's.
    pub fn of(call: &Call<'_>) -> Self {
        let of_name = |name: &str| {
            let name = name.to_ascii_lowercase();
            // What stands before may hold numbers: of regions, of accounts.
            if let Some((_, rest)) = name.split_once("claude") {
                Some(Self::Claude(Claude::of(rest)))
            } else if name.contains("amazon.nova") || name.starts_with("nova") {
                Some(Self::Nova)
            } else if name.contains("openai.") || name.contains("gpt-") {
                Some(Self::OpenAi)
            } else {
                None
            }
        };
        of_name(call.provider_model).or_else(|| of_name(call.model)).unwrap_or(Self::Other)
    }

    pub fn claude(self) -> Option<Claude> {
        if let Self::Claude(claude) = self { Some(claude) } else { None }
    }

    /// Whether it knows cache points and that a tool failed.
    pub fn is_claude_or_nova(self) -> bool {
        matches!(self, Self::Claude(_) | Self::Nova)
    }

    /// Whether its answers and the arguments of its tools can be held to a schema: of Claude that is known by name.
    pub fn has_structured_output(self) -> bool {
        self.claude().is_some_and(Claude::has_structured_output)
    }
}

#[cfg(test)]
mod tests {
    use super::Family;
    use crate::providers::Call;
    use crate::providers::anthropic::model::Claude;
    use crate::providers::golden::call;
    use crate::request::Endpoint;

    #[test]
    fn families_are_told_by_names() {
        let claude = |name| Family::Claude(Claude::of(name));
        let profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-3-7-sonnet-20250219-v1:0";
        for (name, family) in [
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", claude("claude-sonnet-4-5")),
            ("anthropic.claude-opus-4-20250514-v1:0", claude("claude-opus-4-0")),
            ("global.anthropic.claude-opus-4-6-v1", claude("claude-opus-4-6")),
            (profile, claude("claude-sonnet-3-7")),
            ("eu.amazon.nova-pro-v1:0", Family::Nova),
            ("openai.gpt-oss-120b-1:0", Family::OpenAi),
            ("meta.llama3-1-70b-instruct-v1:0", Family::Other),
        ] {
            assert_eq!(Family::of(&call(name, Endpoint::Chat)), family, "{name}");
        }
        let hidden = call("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/x", Endpoint::Chat);
        assert_eq!(Family::of(&Call { model: "claude-sonnet-4", ..hidden }), claude("claude-sonnet-4"));
    }
}

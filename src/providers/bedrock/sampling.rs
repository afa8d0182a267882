//! Writes `inferenceConfig` and what of `additionalModelRequestFields` has to do with sampling and thinking.

use serde_json::{Map, Number, Value, json};

use super::family::Family;
use crate::providers::Call;
use crate::providers::anthropic::{model::Claude, thinking};
use crate::providers::conversation::{Conversation, Reasoning};
use crate::providers::unmapped::Unmapped;

/// The fields.
#[derive(Debug, Default)]
pub(super) struct Sampling {
    /// `inferenceConfig`.
    pub inference: Map<String, Value>,
    /// For `additionalModelRequestFields`.
    pub additional: Map<String, Value>,
}

/// Writes them. `forces` tells that a tool must be called.
pub(super) fn write(
    conversation: &Conversation,
    call: &Call<'_>,
    family: Family,
    forces: bool,
    unmapped: &mut Unmapped,
) -> Sampling {
    let mut sampling = Sampling::default();
    // Without one a model may give as much as it can: more than was reserved.
    sampling.infer("maxTokens", conversation.max_output_tokens.or(call.max_output_tokens).map(Value::from));
    let thinks = match (family.claude(), &conversation.reasoning) {
        (Some(claude), _) => sampling.claude_thinks(claude, conversation, call, forces, unmapped),
        (None, Some(reasoning)) => sampling.think(reasoning, family, unmapped),
        (None, None) => false,
    };
    sampling.sample(conversation, family, thinks, unmapped);
    sampling.infer("stopSequences", stop(conversation, family, unmapped));
    sampling
}

impl Sampling {
    fn infer(&mut self, name: &str, value: Option<Value>) {
        self.inference.extend(value.map(|value| (name.to_owned(), value)));
    }

    fn add(&mut self, name: &str, value: Value) {
        self.additional.insert(name.to_owned(), value);
    }

    /// Claude is told as Anthropic is. Says whether it thinks.
    fn claude_thinks(
        &mut self,
        claude: Claude,
        conversation: &Conversation,
        call: &Call<'_>,
        forces: bool,
        unmapped: &mut Unmapped,
    ) -> bool {
        let thinking = thinking::of(conversation, claude, call.max_output_tokens, forces);
        if let Some(reasoning) = conversation.reasoning.as_ref().filter(|_| thinking.unmapped) {
            unmapped.add_reasoning(reasoning);
        }
        let thinks = thinking.is_on();
        if thinking.thinking.as_ref().is_some_and(|thinking| thinking.get("budget_tokens").is_some()) {
            self.infer("maxTokens", Some(thinking.max_tokens.into()));
        }
        if let Some(thinking) = thinking.thinking {
            self.add("thinking", thinking);
        }
        if let Some(effort) = thinking.effort {
            self.add("output_config", json!({ "effort": effort }));
        }
        thinks
    }

    fn think(&mut self, reasoning: &Reasoning, family: Family, unmapped: &mut Unmapped) -> bool {
        match (family, reasoning) {
            (Family::Nova, Reasoning::Effort(effort)) => {
                let effort = if effort == "minimal" { "low" } else { effort };
                self.add("reasoningConfig", json!({ "type": "enabled", "maxReasoningEffort": effort }));
            }
            (Family::OpenAi, Reasoning::Effort(effort)) => self.add("reasoning_effort", json!(effort)),
            // Others do not think, or always do.
            (Family::Nova | Family::Other, Reasoning::Off) => {}
            _ => unmapped.add_reasoning(reasoning),
        }
        false
    }

    /// Claude takes nothing but its defaults where it thinks, nor do its newest models at all.
    fn sample(&mut self, conversation: &Conversation, family: Family, thinks: bool, unmapped: &mut Unmapped) {
        let claude = family.claude();
        let samples = claude.is_none_or(|claude| claude.samples() && !thinks);
        let says = |number: &&Number| claude.is_none() || !is(number, 1);
        let temperature = conversation.temperature.as_ref().filter(says);
        let top_p = conversation.top_p.as_ref().filter(says);
        let both = claude.is_none_or(Claude::samples_twofold) || temperature.is_none();
        if let Some(temperature) = temperature {
            if samples {
                // Converse counts from 0 to 1.
                let above = temperature.as_f64().is_some_and(|it| it > 1.0);
                self.infer("temperature", Some(if above { json!(1) } else { json!(temperature) }));
            } else {
                unmapped.add("temperature");
            }
        }
        if let Some(top_p) = top_p {
            if samples && both {
                self.infer("topP", Some(json!(top_p)));
            } else {
                unmapped.add("top_p");
            }
        }
        if let Some(top_k) = conversation.top_k {
            match family {
                Family::Claude(_) if samples => self.add("top_k", json!(top_k)),
                Family::Nova => self.add("inferenceConfig", json!({ "topK": top_k })),
                _ => unmapped.add("top_k"),
            }
        }
        if conversation.seed.is_some() {
            unmapped.add("seed");
        }
        for (name, penalty) in [
            ("frequency_penalty", &conversation.frequency_penalty),
            ("presence_penalty", &conversation.presence_penalty),
        ] {
            if penalty.as_ref().is_some_and(|penalty| !is(penalty, 0)) {
                unmapped.add(name);
            }
        }
    }
}

fn is(number: &Number, value: u8) -> bool {
    number.as_f64() == Some(f64::from(value))
}

fn stop(conversation: &Conversation, family: Family, unmapped: &mut Unmapped) -> Option<Value> {
    let mut texts = Vec::new();
    for text in conversation.stop.iter().filter(|text| !text.is_empty()) {
        if family.claude().is_some() && text.trim().is_empty() {
            // Claude refuses one of nothing but white space.
            unmapped.add_either("stop", "stop_sequences");
        } else {
            texts.push(json!(text));
        }
    }
    (!texts.is_empty()).then_some(Value::Array(texts))
}

//! What a dialect hides in an answer for itself: callers send it back as it is, and the chat may go on with another provider,
//! to whom it means nothing, or who refuses it.

use super::Api;
use super::conversation::{Conversation, Part};

/// Between the id of a call and the signature that Gemini wants back with it. LiteLLM's, so chats that began there go on here.
pub const IN_CALL_ID: &str = "__thought__";

/// Before a signature of Gemini's.
pub const GEMINI: &str = "gemini:";

/// Stands for the signature of thoughts that came as `reasoning_content`: their provider wants, or at least takes, them
/// back under that name. Those that came otherwise have none: where they came from (Groq, Mistral) may refuse the name.
pub const TOLD_AS_REASONING_CONTENT: &str = "reasoning_content";

/// Takes out what is not for a provider that speaks `api`. Thoughts stay, without a signature.
pub fn strip(conversation: &mut Conversation, api: Api) {
    for turn in &mut conversation.turns {
        turn.parts.iter_mut().for_each(|part| strip_part(part, api));
    }
}

fn strip_part(part: &mut Part, api: Api) {
    let is_gemini = api == Api::Gemini;
    match part {
        Part::ToolCall(call) if !is_gemini => strip_id(&mut call.id),
        Part::ToolResult(result) if !is_gemini => strip_id(&mut result.id),
        Part::Reasoning { signature, .. } => {
            let is_foreign = |signature: &str| {
                (signature.starts_with(GEMINI) && !is_gemini)
                    || (signature == TOLD_AS_REASONING_CONTENT && !matches!(api, Api::OpenAi | Api::AzureOpenAi))
            };
            *signature = signature.take().filter(|signature| !is_foreign(signature));
        }
        _ => {}
    }
}

fn strip_id(id: &mut String) {
    // An id that is nothing but the mark is better than none.
    if let Some(at) = id.find(IN_CALL_ID).filter(|at| *at > 0) {
        id.truncate(at);
    }
}

#[cfg(test)]
mod tests {
    use super::strip;
    use crate::providers::Api;
    use crate::providers::conversation::{Conversation, Part};
    use crate::providers::samples::{assistant, call, result, user};

    fn thought(signature: &str) -> Part {
        Part::Reasoning { text: "Hm".to_owned(), signature: Some(signature.to_owned()) }
    }

    fn chat() -> Conversation {
        let marked = "call_a__thought__QUJD";
        let turns = vec![
            assistant(vec![thought("gemini:QUJD"), thought("reasoning_content"), thought("Eo8B")]),
            assistant(vec![
                call(marked, "f", serde_json::json!({})),
                call("__thought__QUJD", "f", serde_json::json!({})),
            ]),
            user(vec![result(marked, Vec::new(), false), Part::text("__thought__ stays in text")]),
        ];
        Conversation { turns, ..Conversation::default() }
    }

    #[test]
    fn nobody_gets_the_marks_of_another() {
        for api in Api::ALL {
            let mut stripped = chat();
            strip(&mut stripped, *api);
            let parts: Vec<&Part> = stripped.turns.iter().flat_map(|turn| &turn.parts).collect();
            let signatures: Vec<_> = parts
                .iter()
                .filter_map(
                    |part| if let Part::Reasoning { text, signature } = part { Some((text, signature)) } else { None },
                )
                .map(|(text, signature)| (text.as_str(), signature.as_deref()))
                .collect();
            let gemini = (*api == Api::Gemini).then_some("gemini:QUJD");
            let openai = matches!(api, Api::OpenAi | Api::AzureOpenAi).then_some("reasoning_content");
            assert_eq!(signatures, [("Hm", gemini), ("Hm", openai), ("Hm", Some("Eo8B"))], "{api:?}");
            let ids: Vec<&str> = parts
                .iter()
                .filter_map(|part| match part {
                    Part::ToolCall(call) => Some(call.id.as_str()),
                    Part::ToolResult(result) => Some(result.id.as_str()),
                    _ => None,
                })
                .collect();
            let id = if *api == Api::Gemini { "call_a__thought__QUJD" } else { "call_a" };
            assert_eq!(ids, [id, "__thought__QUJD", id], "{api:?}");
            assert!(parts.contains(&&Part::text("__thought__ stays in text")), "{api:?}");
        }
    }
}

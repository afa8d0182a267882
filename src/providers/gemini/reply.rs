//! A whole answer.

use super::answer::{Answer, Said, stop};
use super::call_id::CallIds;
use crate::metering::Counts;
use crate::providers::conversation::{Part, Reply, Stop};
use crate::providers::{Malformed, wire};

pub(super) fn read(body: &[u8]) -> Result<Reply, Malformed> {
    let answer: Answer = wire::read(body).map_err(|error| Malformed(error.to_string()))?;
    let usage = answer.usage_metadata.and_then(|usage| usage.counts());
    let id = answer.response_id;
    let Some(candidate) = answer.candidates.and_then(|candidates| candidates.into_iter().next()) else {
        // What is asked may be refused before anything is answered.
        return match answer.prompt_feedback.and_then(|feedback| feedback.block_reason) {
            Some(_) => {
                // Nothing was generated, so nothing of it is counted.
                let usage = usage.map(|counts| Counts { output: counts.output.or(Some(0)), ..counts });
                Ok(Reply { id, created: None, parts: Vec::new(), stop: Stop::Filtered, usage })
            }
            None => Err(Malformed("it has no candidates".to_owned())),
        };
    };
    let mut ids = CallIds::default();
    let mut parts = Vec::new();
    for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
        match part.said(&mut ids, id.as_deref()) {
            Said::Text(more) => match parts.last_mut() {
                Some(Part::Text { text, .. }) => text.push_str(&more),
                _ => parts.push(Part::text(more)),
            },
            Said::Thought { text: more, signature: newer } => match parts.last_mut() {
                Some(Part::Reasoning { text, signature: signature @ None }) => {
                    text.push_str(&more);
                    *signature = newer;
                }
                _ if more.is_empty() && newer.is_none() => {}
                _ => parts.push(Part::Reasoning { text: more, signature: newer }),
            },
            Said::Call(_, call) => parts.push(Part::ToolCall(call)),
            Said::Image(image) => parts.push(Part::Image(image)),
            Said::Nothing => {}
        }
    }
    let stop = stop(candidate.finish_reason.as_deref().unwrap_or_default(), ids.any());
    Ok(Reply { id, created: None, parts, stop, usage })
}

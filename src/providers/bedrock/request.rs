//! Writes requests.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::family::Family;
use super::form::Form;
use super::sampling::Sampling;
use super::tools::Tools;
use super::{blocks, sampling, tools};
use crate::providers::conversation::Conversation;
use crate::providers::unmapped::Unmapped;
use crate::providers::{Call, Written, hash};

/// The longest value of `requestMetadata`.
const LONGEST_METADATA: usize = 256;

/// Writes the body of a call.
pub(super) fn write(conversation: &Conversation, call: &Call<'_>) -> Written {
    let family = Family::of(call);
    let mut unmapped = Unmapped::new(conversation, call.endpoint);
    let mut body = Map::new();

    let (system, messages) = blocks::write(conversation, family, &mut unmapped);
    if !system.is_empty() {
        body.insert("system".to_owned(), Value::Array(system));
    }
    body.insert("messages".to_owned(), Value::Array(messages));

    let form = Form::of(conversation, family, &mut unmapped);
    let Tools { config, tool_choice, forces } = tools::write(conversation, family, &form, &mut unmapped);
    let Sampling { inference, mut additional } =
        sampling::write(conversation, call, family, forces, &mut unmapped);
    additional.extend(tool_choice.map(|choice| ("tool_choice".to_owned(), choice)));
    let has_stop = inference.contains_key("stopSequences");
    if !inference.is_empty() {
        body.insert("inferenceConfig".to_owned(), Value::Object(inference));
    }
    body.extend(config.map(|config| ("toolConfig".to_owned(), config)));
    if let Form::Native(output) = form {
        body.insert("outputConfig".to_owned(), output);
    }
    if !additional.is_empty() {
        body.insert("additionalModelRequestFields".to_owned(), Value::Object(additional));
    }
    if family.claude().is_some() && has_stop {
        // Which of the texts ended the answer is told only where it is asked for: of a whole answer, and of a stream.
        let paths = json!(["/stop_sequence", "/delta/stop_sequence"]);
        body.insert("additionalModelResponseFieldPaths".to_owned(), paths);
    }
    if let Some(user) = conversation.user.as_deref().filter(|user| !user.is_empty()) {
        body.insert("requestMetadata".to_owned(), json!({ "user": metadata(user) }));
    }
    Written { body: Value::Object(body), unmapped: unmapped.into_names() }
}

/// What `requestMetadata` takes as a value. Text that does not fit is told apart by a hash.
fn metadata(text: &str) -> Cow<'_, str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " :_@$=/+-.".contains(c);
    if text.len() <= LONGEST_METADATA && text.chars().all(allowed) {
        return Cow::Borrowed(text);
    }
    let hash = hash(text);
    let kept = text.chars().take(LONGEST_METADATA.saturating_sub(hash.len() + 1));
    let mut fitted: String = kept.map(|c| if allowed(c) { c } else { '_' }).collect();
    fitted.push('-');
    fitted.push_str(&hash);
    Cow::Owned(fitted)
}

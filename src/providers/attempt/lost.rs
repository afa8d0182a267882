use crate::metering::{BodyKind, Counts, Dialect, Meter, estimate_tokens};
use crate::request::Endpoint;

/// What is owed for a good answer of which this is all that comes, or that nobody can read. The provider charges for it where
/// something was generated, be it cut off; not for an error in its place, the page of a proxy, or JSON that is about something
/// else.
pub(super) fn owed(endpoint: Endpoint, body: &[u8]) -> Option<Counts> {
    let mut meter = Meter::new(Dialect::from(endpoint), BodyKind::Json, false);
    meter.feed(body, true);
    let metered = meter.finish();
    let is_page = body.is_empty() || body.trim_ascii_start().starts_with(b"<");
    let generated = metered.usage.is_some() || metered.first_token_seen || !metered.complete;
    if !generated || is_page || metered.provider_error {
        return None;
    }
    let ascii = body.iter().filter(|byte| byte.is_ascii()).count() as u64;
    let estimated = estimate_tokens(ascii, (body.len() as u64).saturating_sub(ascii));
    let told = metered.usage.map(Counts::from).unwrap_or_default();
    let output = told.output.filter(|_| metered.output_known).or(Some(estimated));
    Some(Counts { input: told.input.filter(|_| metered.input_known), output, ..told })
}

use std::borrow::Cow;

use super::{Attempt, CREDENTIAL, INTERNAL, Refused};
use crate::providers::conversation::Failure;
use crate::providers::fields::{MOST_VALUES, too_many_values};
use crate::providers::{Credential, Renamed, Service, marks};
use crate::request::Edits;

/// Headers that an attempt sets for its provider, or Envoy for the attempt.
const OF_ONE_ATTEMPT: [&str; 6] =
    ["authorization", "x-api-key", "api-key", "x-goog-api-key", "content-length", "x-envoy-expected-rq-timeout-ms"];

/// What signing for AWS adds to an attempt.
const OF_AWS: &str = "x-amz-";

/// Whether a header tells where a request comes from: addresses and hosts within the company are no provider's business.
fn tells_the_way(name: &str) -> bool {
    name.starts_with("x-forwarded-") || matches!(name, "forwarded" | "x-real-ip" | "via")
}

/// Whether a header belongs to one of the APIs: what it means to another is nobody's knowledge.
#[must_use]
pub fn of_an_api(name: &str) -> bool {
    name.starts_with("anthropic-") || name.starts_with("openai-")
}

/// What becomes of the request's headers.
#[derive(Debug, Default)]
pub struct RequestHead {
    /// Headers to remove, before any is set.
    pub remove: Vec<String>,
    /// Headers to set.
    pub set: Vec<(Cow<'static, str>, String)>,
    /// Whether the body has to be changed.
    pub needs_body: bool,
}

/// What becomes of the request's body.
#[derive(Debug, PartialEq)]
pub enum Body {
    /// A few places of it change.
    Edited(Edits),
    /// This goes out in its place.
    Written(Vec<u8>),
}

impl Attempt {
    /// Takes up the request's headers, to which credential injectors have added the providers' credentials.
    ///
    /// Envoy makes every attempt of the headers that the one before has left: whatever an attempt sets for its provider is
    /// taken away first, so that no credential reaches another provider.
    #[must_use]
    pub fn request_headers<'h>(&self, headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> RequestHead {
        let dialect = self.dialect();
        let translated = self.service() == Service::Translated;
        let own = dialect.headers(&self.call());
        let (path, length) = (self.path(translated), self.body_bytes.to_string());
        // The gate has written the body for the first target.
        let needs_body = translated || self.target.index != 0;
        let (mut remove, mut credential) = (Vec::new(), None);
        let (mut has_path, mut has_length) = (false, false);
        for (name, value) in headers {
            // Most often the first attempt finds both as they have to be, and what is right is not written again.
            if name == ":path" {
                has_path = value == path.as_bytes();
            } else if name == "content-length" && !needs_body && value == length.as_bytes() {
                has_length = true;
                continue;
            }
            let provider = name.strip_prefix(CREDENTIAL);
            if provider.is_some_and(|provider| provider.eq_ignore_ascii_case(&self.target.provider)) {
                credential = core::str::from_utf8(value).ok().filter(|value| !value.is_empty());
            }
            if name.starts_with(INTERNAL)
                || name.starts_with(OF_AWS)
                || of_an_api(name)
                || OF_ONE_ATTEMPT.contains(&name)
                || tells_the_way(name)
            {
                remove.push(name.to_owned());
            }
        }
        let mut set: Vec<(Cow<'static, str>, String)> = Vec::new();
        if !has_path {
            set.push((":path".into(), path));
        }
        let sent: &[(String, String)] = if translated { &[] } else { &self.api_headers };
        let new = own.into_iter().filter(|(name, _)| !sent.iter().any(|(sent, _)| sent == name));
        set.extend(new.map(|(name, value)| (name.into(), value)));
        set.extend(sent.iter().map(|(name, value)| (name.clone().into(), value.clone())));
        match (dialect.credential(), credential) {
            (Credential::Bearer, Some(secret)) => {
                let whole = secret.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "));
                let value = if whole { secret.to_owned() } else { format!("Bearer {secret}") };
                set.push(("authorization".into(), value));
            }
            (Credential::Header(name), Some(secret)) => set.push((name.into(), secret.to_owned())),
            (Credential::None, _) | (_, None) => {}
        }
        set.extend(self.identity.iter().map(|(name, value)| ((*name).into(), value.clone())));
        if !needs_body && !has_length {
            set.push(("content-length".into(), length));
        }
        RequestHead { remove, set, needs_body }
    }

    fn path(&self, translated: bool) -> String {
        let mut path = self.dialect().path(&self.call());
        if let Some(query) = self.query.as_ref().filter(|_| !translated) {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(query);
        }
        path
    }

    /// Takes up the whole body of the request.
    ///
    /// # Errors
    /// The answer to a request that cannot be said in the provider's dialect.
    pub fn request_body(&mut self, body: &[u8]) -> Result<Body, Refused> {
        if self.service() == Service::Native {
            let renamed = self.place.as_ref().map(|place| place.rename(&self.target.model));
            return Ok(Body::Edited(renamed.unwrap_or_default()));
        }
        let refuse = |message: String, param: Option<String>| {
            self.refuse(&Failure { message, param, ..Failure::of_status(400) })
        };
        if too_many_values(body) {
            let message = format!(
                "the request holds more than {MOST_VALUES} values: too many to be written for the provider of model {}",
                self.model
            );
            return Err(refuse(message, None));
        }
        let mut conversation =
            super::of_caller(self.endpoint).read_request(body).map_err(|bad| refuse(bad.message, bad.param))?;
        marks::strip(&mut conversation, self.target.api);
        let written = self.dialect().write_request(&conversation, &self.call());
        if let (Some(field), false) = (written.unmapped.first(), self.drop_params) {
            let message = format!(
                "`{field}` is not supported by the provider of model {}; leave it out, or set `drop_params: true` on the model",
                self.model
            );
            return Err(refuse(message, Some(field.clone())));
        }
        self.asks_usage = conversation.asks_usage;
        self.has_functions = conversation.has_functions;
        self.renamed = Renamed::of(&conversation, self.dialect());
        Ok(Body::Written(serde_json::to_vec(&written.body).unwrap_or_default()))
    }
}

use std::rc::Rc;

use super::stored::{Identified, Pending};
use super::{Exchange, Gate, cap};
use crate::answer::{Answer, Refusal, model_list};
use crate::authn::{self, Unauthenticated};
use crate::authz;
use crate::host::Host;
use crate::policy::{Key, KeyHash};
use crate::providers::attempt::of_an_api;
use crate::request::{self, BodyScan, Endpoint, Shape};

/// What the headers of a request say.
#[derive(Debug, Default)]
pub struct Head<'h> {
    method: &'h str,
    path: &'h str,
    request_id: &'h str,
    content_type: Option<&'h str>,
    declared: Declared,
    api_headers: Vec<(String, String)>,
}

/// What of it matters once the key is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Declared {
    encoded: bool,
    content_length: Option<u64>,
    anthropic_version: bool,
}

impl<'h> Head<'h> {
    /// Reads what matters out of all headers. A value that is not UTF-8 reads as empty.
    #[must_use]
    pub fn read(headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> Self {
        let mut head = Self::default();
        for (name, value) in headers {
            let text = core::str::from_utf8(value).unwrap_or_default();
            match name {
                ":method" => head.method = text,
                ":path" => head.path = text,
                "x-request-id" => head.request_id = text,
                "content-type" => head.content_type = Some(text),
                "content-encoding" => {
                    head.declared.encoded |= value != text.as_bytes() || !request::is_readable_encoding(text)
                }
                "content-length" => head.declared.content_length = text.parse().ok(),
                _ if of_an_api(name) => {
                    head.declared.anthropic_version |= name == "anthropic-version";
                    // Several of one name are one list (RFC 9110, section 5.3).
                    match head.api_headers.iter_mut().find(|(known, _)| known == name) {
                        Some((_, list)) => list.extend([",", text]),
                        None => head.api_headers.push((name.to_owned(), text.to_owned())),
                    }
                }
                _ => {}
            }
        }
        head
    }
}

/// What is to be done after the headers.
#[derive(Debug)]
pub enum Arrival {
    /// The body is needed.
    ReadBody,
    /// The key has to be looked up in the store before anything is decided.
    LookUp {
        /// Its hash.
        hash: KeyHash,
        /// Whether the store is to be asked for this request; if not, it is asked already.
        ask: bool,
    },
    /// The caller is answered here.
    Answered(Answer),
}

impl Exchange {
    /// Takes a request up at its headers.
    pub fn arrive<'h, H: Host>(
        gate: Rc<Gate>,
        host: &H,
        head: &Head<'h>,
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    ) -> (Self, Arrival) {
        let now = host.now();
        let mut exchange = Self::new(gate, now);
        exchange.api_headers.clone_from(&head.api_headers);
        exchange.request_id = bounded(head.request_id);
        let arrival = match exchange.take_up(host, head, headers) {
            Ok(arrival) => arrival,
            Err(refusal) => Arrival::Answered(exchange.refuse(host, &refusal)),
        };
        let timed = exchange.clock.own.map(|_| now);
        exchange.clock.stop(host, timed);
        (exchange, arrival)
    }

    fn take_up<'h, H: Host>(
        &mut self,
        host: &H,
        head: &Head<'h>,
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    ) -> Result<Arrival, Refusal> {
        let gate = Rc::clone(&self.gate);
        let Ok(routed) = request::route(head.method, head.path) else {
            // Whoever calls, there is nothing here; a key that is known is told how it stands all the same.
            let known = credential_hash(headers).ok().and_then(|hash| gate.recall(host, &hash).flatten());
            self.key = self.counting(known).ok();
            self.rule = None;
            head.path.clone_into(&mut self.path);
            return Err(Refusal::NotFound);
        };
        self.endpoint = Some(routed.endpoint);
        head.path.clone_into(&mut self.path);
        let hash = credential_hash(headers).map_err(|refused| self.unauthenticated(refused))?;
        let found = match gate.identify(host, &hash) {
            Identified::As(found) => found,
            Identified::LookUp(ask) => {
                let content_type = head.content_type.map(str::to_owned);
                self.pending = Some(Pending { hash, declared: head.declared, content_type });
                return Ok(Arrival::LookUp { hash, ask });
            }
            Identified::Unavailable => return Err(Refusal::StoreUnavailable),
        };
        let key = self.counting(found)?;
        self.go_on(host, key, &head.declared, head.content_type)
    }

    /// Goes on with a request whose key is known.
    pub(super) fn go_on<H: Host>(
        &mut self,
        host: &H,
        key: Rc<Key>,
        declared: &Declared,
        content_type: Option<&str>,
    ) -> Result<Arrival, Refusal> {
        let gate = Rc::clone(&self.gate);
        let endpoint = self.endpoint.ok_or(Refusal::NotFound)?;
        let key = Rc::clone(self.key.insert(key));
        self.clock.authenticated = host.now();
        if endpoint == Endpoint::Models {
            let shape = if declared.anthropic_version { Shape::Anthropic } else { Shape::OpenAi };
            let mut answer = model_list(authz::allowed_models(&gate.policy, &key), shape);
            self.status = answer.status;
            answer.headers.extend(self.known_caller_headers(host));
            return Ok(Arrival::Answered(answer));
        }
        authz::decide_endpoint(authz::levels(&gate.policy, &key), endpoint).map_err(|denied| {
            self.rule = Some(denied.to_string());
            Refusal::EndpointNotAllowed { endpoint }
        })?;
        if declared.encoded {
            return Err(Refusal::UnsupportedEncoding);
        }
        self.max_body_bytes = cap::request_bytes(authz::levels(&gate.policy, &key)).most;
        if declared.content_length.is_some_and(|length| length > self.max_body_bytes) {
            return Err(self.too_large());
        }
        self.scan = Some(BodyScan::new(endpoint, content_type)?);
        Ok(Arrival::ReadBody)
    }

    /// The key that was found, if it counts now.
    pub(super) fn counting(&mut self, found: Option<Rc<Key>>) -> Result<Rc<Key>, Refusal> {
        let seconds = i64::try_from(self.clock.arrived / 1_000_000_000).unwrap_or(i64::MAX);
        authn::counting(found, seconds).map_err(|refused| self.unauthenticated(refused))
    }

    fn unauthenticated(&mut self, refused: Unauthenticated) -> Refusal {
        self.rule = Some(refused.reason.to_string());
        self.refused_key = refused.key;
        Refusal::Unauthenticated
    }

    /// Takes the next piece of the body.
    ///
    /// # Errors
    /// The answer to a body that is too large or not what the endpoint takes.
    pub fn body<H: Host>(&mut self, host: &H, piece: &[u8]) -> Result<(), Answer> {
        let start = self.clock.start(host);
        self.body_bytes = self.body_bytes.saturating_add(piece.len() as u64);
        let scanned = if self.body_bytes > self.max_body_bytes {
            Err(self.too_large())
        } else if let Some(scan) = &mut self.scan {
            scan.feed(piece).map_err(Refusal::from)
        } else {
            Ok(())
        };
        let result = scanned.map_err(|refusal| self.refuse(host, &refusal));
        self.clock.stop(host, start);
        result
    }

    fn too_large(&mut self) -> Refusal {
        let levels = self.key.as_deref().map(|key| authz::levels(&self.gate.policy, key));
        self.rule = levels.map(|levels| cap::request_bytes(levels).to_string());
        Refusal::RequestTooLarge { limit: self.max_body_bytes }
    }

    /// The answer to a request that goes no further.
    pub(super) fn refuse<H: Host>(&mut self, host: &H, refusal: &Refusal) -> Answer {
        let shape = self.endpoint.map_or_else(|| request::shape(&self.path), Endpoint::shape);
        let mut answer = refusal.answer(shape, &self.request_id);
        self.status = answer.status;
        self.decision = refusal.code();
        // No provider is asked.
        self.served = None;
        if self.key.is_some() {
            answer.headers.extend(self.known_caller_headers(host));
        }
        answer
    }
}

fn credential_hash<'h>(headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> Result<KeyHash, Unauthenticated> {
    authn::credential(headers).map(|credential| authn::hash(credential.as_str()))
}

/// A request id of a caller's own may be anything: what is no short plain word is cut off there.
fn bounded(request_id: &str) -> String {
    const LONGEST: usize = 128;
    request_id.chars().take(LONGEST).take_while(char::is_ascii_graphic).collect()
}

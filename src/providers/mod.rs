//! How is each provider spoken to? One attempt: the provider's path, headers, credential and body, and its answer in the
//! words of the API that the caller speaks.
//!
//! There are two APIs that callers speak ([`Caller`]) and several that providers speak ([`Dialect`]). Where they are the
//! same, bodies pass through and only the model's name changes. Where not, a request is read into a [`Conversation`] and
//! written anew, and the answer is read into a [`Reply`] (or, streamed, into [`Event`]s) and written anew. So each API is
//! described once, and every caller reaches every provider.
//!
//! A dialect is one folder here, named like its `api:` in policy files, and one line in the list below. How to add one is
//! in `docs/dialects.md`.

pub mod attempt;
pub mod conversation;
mod events;
mod fields;
#[cfg(test)]
mod golden;
mod marks;
mod names;
mod percent;
#[cfg(test)]
mod samples;
mod schema;
mod unmapped;
mod wire;

pub use events::{SseEvent, SseEvents};
pub use names::{Renamed, fitted, hash, shortened};
pub use percent::percent_encoded;

/// Makes [`Api`] of the folders of dialects: each has its value in a static `DIALECT`.
macro_rules! dialects {
    ($($(#[$about:meta])* $folder:ident $name:literal => $api:ident,)*) => {
        $(mod $folder;)*

        /// The wire format a provider speaks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
        pub enum Api {
            $($(#[$about])* #[serde(rename = $name)] $api,)*
        }

        impl Api {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$api),*];

            /// Its name in policy files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$api => $name),* }
            }

            /// How it is spoken.
            #[must_use]
            pub fn dialect(self) -> &'static dyn Dialect {
                match self { $(Self::$api => &$folder::DIALECT),* }
            }
        }
    };
}

// Bundles hold the position: new ones come last.
dialects! {
    /// OpenAI and everything compatible with it: vLLM, Ollama's `/v1`, Mistral, Groq, …
    openai "openai" => OpenAi,
    /// Anthropic Messages.
    anthropic "anthropic" => Anthropic,
    /// Azure `OpenAI`: its v1 path, or deployments where an `api_version` is given.
    azure_openai "azure_openai" => AzureOpenAi,
    /// Google Gemini: `generateContent`.
    gemini "gemini" => Gemini,
    /// Amazon Bedrock: `Converse`, signed by Envoy.
    bedrock "bedrock" => Bedrock,
    /// Ollama's own chat.
    ollama "ollama" => Ollama,
}

/// How the callers of an endpoint speak, where what they say can be translated.
#[must_use]
pub fn caller(endpoint: Endpoint) -> Option<&'static dyn Caller> {
    match endpoint {
        Endpoint::Chat => Some(&openai::CHAT),
        Endpoint::Messages => Some(&anthropic::MESSAGES),
        _ => None,
    }
}

use std::borrow::Cow;

use conversation::{Conversation, Event, Failure, Reply};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::request::Endpoint;

/// What an attempt is made for.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// What the caller asks for.
    pub endpoint: Endpoint,
    /// The request's id: answers whose provider gives them none are named after it.
    pub request_id: &'a str,
    /// The model by the name the caller knows: answers name it.
    pub model: &'a str,
    /// The provider's own name of it.
    pub provider_model: &'a str,
    /// The most output that the policy lets the model give, where it says so; for providers that must be told one.
    pub max_output_tokens: Option<u64>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether the caller [has functions](Conversation::has_functions).
    pub has_functions: bool,
    /// When the answer was made, in seconds since the Unix epoch, for providers that do not say.
    pub created: u64,
    /// `api_version` of the provider in the policy.
    pub api_version: Option<&'a str>,
    /// `base_path` of the provider in the policy: comes before every path, in the place of the dialect's own.
    pub base_path: Option<&'a str>,
}

/// How a dialect serves an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The provider has this endpoint itself: bodies pass through.
    Native,
    /// A chat, which is translated.
    Translated,
    /// Not at all.
    None,
}

/// Where a provider wants its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// `authorization: Bearer …`
    Bearer,
    /// A header of its own.
    Header(&'static str),
    /// None is sent by us: Envoy signs the request, or the provider asks for none.
    None,
}

/// A request in a provider's words.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The body.
    pub body: Value,
    /// Fields of the request, by the caller's names, that could not be said in this dialect.
    pub unmapped: Vec<String>,
}

/// What a provider said that is not what its API says it would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

/// The API that a provider speaks.
pub trait Dialect: Sync {
    /// How it serves an endpoint.
    fn serves(&self, endpoint: Endpoint) -> Service;

    /// Path and query of a call, the base path included.
    fn path(&self, call: &Call<'_>) -> String;

    /// Where the credential goes.
    fn credential(&self) -> Credential;

    /// Headers beyond `content-type` and the credential. One that the caller sent is not overwritten where the endpoint is
    /// native.
    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)> {
        let _ = call;
        Vec::new()
    }

    /// What the provider is told in place of a tool's name that it would refuse: see [`fitted`] and [`Renamed`].
    fn tool_name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(name)
    }

    /// Writes a request. Fields that the dialect has no words for are named in [`Written::unmapped`]; whether they are
    /// dropped or refused is not the dialect's business.
    fn write_request(&self, conversation: &Conversation, call: &Call<'_>) -> Written;

    /// Reads the whole body of a good answer.
    ///
    /// # Errors
    /// It is not one.
    fn read_reply(&self, body: &[u8]) -> Result<Reply, Malformed>;

    /// A reader of the streamed answer to a call: what it says may depend on the model.
    fn read_stream(&self, call: &Call<'_>) -> Box<dyn StreamReader>;

    /// Reads the body of an answer with an error status; one that cannot be read is told by its status alone.
    fn read_failure(&self, status: u16, body: &[u8]) -> Failure;

    /// The response header that names the kind of an error, where it is not in the body.
    fn failure_header(&self) -> Option<&'static str> {
        None
    }

    /// As [`Self::read_failure`], with what [that header](Self::failure_header) says.
    fn read_named_failure(&self, status: u16, name: &str, body: &[u8]) -> Failure {
        let _ = name;
        self.read_failure(status, body)
    }
}

/// Reads a provider's stream, cut anywhere.
pub trait StreamReader {
    /// Takes the next bytes and adds what they say to `events`, at once: nothing that is complete is held back.
    ///
    /// # Errors
    /// The bytes are not what the API says; nothing more can be read after that.
    fn read(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Malformed>;

    /// Is told that the body ended as HTTP has it, for APIs that mark the end of a stream by nothing else.
    ///
    /// # Errors
    /// What was held back is not what the API says.
    fn end(&mut self, events: &mut Vec<Event>) -> Result<(), Malformed> {
        let _ = events;
        Ok(())
    }
}

/// The API that a caller speaks.
pub trait Caller: Sync {
    /// Reads a request, which is known to be a JSON object.
    ///
    /// # Errors
    /// What the caller has to change, and the field it is about.
    fn read_request(&self, body: &[u8]) -> Result<Conversation, BadRequest>;

    /// Writes a whole answer.
    fn write_reply(&self, reply: &Reply, call: &Call<'_>) -> Vec<u8>;

    /// A writer of one streamed answer.
    fn write_stream(&self, call: &Call<'_>, asks_usage: bool) -> Box<dyn StreamWriter>;

    /// Writes an error.
    fn write_failure(&self, failure: &Failure, request_id: &str) -> Vec<u8>;
}

/// Writes a stream in a caller's words.
pub trait StreamWriter {
    /// Adds what one event becomes to `out`. After [`Event::End`] or [`Event::Failed`] nothing more is written.
    fn write(&mut self, event: Event, out: &mut Vec<u8>);
}

/// A request that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRequest {
    /// What is wrong with it, for the caller.
    pub message: String,
    /// The field, in the caller's API.
    pub param: Option<String>,
}

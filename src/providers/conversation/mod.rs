//! A chat, apart from the API it is written in: what is asked ([`Conversation`]), what comes back ([`Reply`], [`Event`]), and
//! what goes wrong ([`Failure`]).

mod event;
mod failure;
mod part;
mod reply;
mod request;

pub use event::Event;
pub use failure::{Failure, FailureKind};
pub use part::{Image, Media, Part, ToolCall, ToolResult};
pub use reply::{Reply, Stop};
pub use request::{Conversation, Format, Reasoning, Role, Tool, ToolChoice, Turn};

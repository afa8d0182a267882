//! A provider that costs next to nothing: it reads a request and writes an answer made beforehand.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::support::http::{self, Connection};

/// How many events a streamed answer has.
pub const EVENTS: u64 = 50;

/// How long it waits between two events, so that each reaches Envoy by itself.
const GAP: Duration = Duration::from_millis(1);

/// The header by which a request asks for a streamed answer.
pub const STREAMED: &str = "x-streamed";

/// Starts the stub; it lives as long as the process.
pub fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("an address");
    let answers = Arc::new(Answers::new());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            thread::spawn(move || serve(stream, &answers));
        }
    });
    address
}

struct Answers {
    plain: Vec<u8>,
    head: Vec<u8>,
    events: Vec<Vec<u8>>,
    /// The same for callers of Anthropic's API.
    messages: Vec<Vec<u8>>,
}

impl Answers {
    fn new() -> Self {
        let usage = json!({ "prompt_tokens": 250, "completion_tokens": 50, "total_tokens": 300, "prompt_tokens_details": { "cached_tokens": 0 } });
        let body = json!({ "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "usage": usage,
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": "All work and no play. ".repeat(10) }, "finish_reason": "stop" }] });
        let body = body.to_string();
        let plain = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        let chunk = |choices: serde_json::Value, usage: serde_json::Value| {
            let data = json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, "usage": usage });
            http::chunk(format!("data: {data}\n\n").as_bytes())
        };
        let word = json!([{ "index": 0, "delta": { "content": " play" }, "logprobs": null, "finish_reason": null }]);
        let mut events: Vec<Vec<u8>> = (2..EVENTS).map(|_| chunk(word.clone(), serde_json::Value::Null)).collect();
        events.push(chunk(json!([]), usage));
        events.push([http::chunk(b"data: [DONE]\n\n").as_slice(), b"0\r\n\r\n"].concat());
        Self { plain: plain.into_bytes(), head, events, messages: messages() }
    }
}

/// A stream of Anthropic's with as many pieces of text, each a chunk.
fn messages() -> Vec<Vec<u8>> {
    let event = |name: &str, data: serde_json::Value| format!("event: {name}\ndata: {data}\n\n");
    let start = json!({ "type": "message_start", "message": { "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": { "input_tokens": 250, "output_tokens": 1 } } });
    let block = json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } });
    let word = json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": " play" } });
    let delta = json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null }, "usage": { "output_tokens": 50 } });
    let mut events = vec![event("message_start", start) + &event("content_block_start", block)];
    events.extend((2..EVENTS).map(|_| event("content_block_delta", word.clone())));
    let stop = event("content_block_stop", json!({ "type": "content_block_stop", "index": 0 }));
    events.push(stop + &event("message_delta", delta) + &event("message_stop", json!({ "type": "message_stop" })));
    let mut chunks: Vec<Vec<u8>> = events.iter().map(|event| http::chunk(event.as_bytes())).collect();
    chunks.last_mut().expect("events").extend_from_slice(b"0\r\n\r\n");
    chunks
}

fn serve(stream: TcpStream, answers: &Answers) -> io::Result<()> {
    let mut connection = Connection::over(stream)?;
    while let Some(message) = connection.message(false)? {
        if http::find(&message.headers, STREAMED).is_none() {
            connection.send(&answers.plain)?;
            continue;
        }
        connection.send(&answers.head)?;
        let events = if message.start.contains(" /v1/messages ") { &answers.messages } else { &answers.events };
        for event in events {
            thread::sleep(GAP);
            connection.send(event)?;
        }
    }
    Ok(())
}

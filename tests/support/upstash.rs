//! Upstash's REST API in front of a real Redis: `POST /` runs one command, `POST /pipeline` several, as JSON arrays.
//! Its own clients are held against it, so that what is tested here works there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redis::{ConnectionLike as _, Value as Told};
use serde_json::{Value, json};

/// A running server; every connection is a thread, with a connection of its own to Redis.
#[derive(Debug)]
pub struct Upstash {
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

struct Request {
    target: String,
    authorized: bool,
    base64: bool,
    body: Value,
}

impl Upstash {
    /// Listens in front of the Redis at `url`, for whoever shows `token`.
    pub fn start(url: &str, token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let over = Arc::new(AtomicBool::new(false));
        let client = redis::Client::open(url).expect("the URL of a Redis");
        let (stop, authorization) = (over.clone(), format!("Bearer {token}"));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let (client, authorization) = (client.clone(), authorization.clone());
                // A caller that goes away ends its thread.
                thread::spawn(move || serve(&stream, &client, &authorization));
            }
        });
        Self { address, over }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Upstash {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

/// One connection, for as many requests as it brings.
fn serve(stream: &TcpStream, client: &redis::Client, authorization: &str) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut connection = client.get_connection().ok()?;
    loop {
        let request = read(&mut reader, authorization)?;
        let (status, answer) = answer(&request, &mut connection);
        let answer = answer.to_string();
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
        { stream }.write_all((head + &answer).as_bytes()).ok()?;
    }
}

fn read(reader: &mut BufReader<&TcpStream>, authorization: &str) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut request = Request { target, authorized: false, base64: false, body: Value::Null };
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        if line.trim_end().is_empty() {
            break;
        }
        let (name, value) = line.trim_end().split_once(':')?;
        let value = value.trim_start();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => request.authorized = value == authorization,
            "upstash-encoding" => request.base64 = value == "base64",
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = serde_json::from_slice(&body).unwrap_or_default();
    Some(request)
}

fn answer(request: &Request, connection: &mut redis::Connection) -> (&'static str, Value) {
    if !request.authorized {
        return ("401 Unauthorized", json!({ "error": "WRONGPASS invalid or missing auth token" }));
    }
    let mut run = |command: &Value| match command.as_array() {
        Some(words) if !words.is_empty() => run(words, request.base64, connection),
        _ => Err("ERR failed to parse command".to_owned()),
    };
    let told = |result: Result<Value, String>| match result {
        Ok(result) => json!({ "result": result }),
        Err(error) => json!({ "error": error }),
    };
    match (request.target.trim_end_matches('/'), request.body.as_array()) {
        ("", _) => match run(&request.body) {
            Ok(result) => ("200 OK", told(Ok(result))),
            Err(error) => ("400 Bad Request", told(Err(error))),
        },
        ("/pipeline", Some(commands)) => ("200 OK", commands.iter().map(|command| told(run(command))).collect()),
        _ => ("400 Bad Request", told(Err("ERR failed to parse pipeline request".to_owned()))),
    }
}

fn run(words: &[Value], base64: bool, connection: &mut redis::Connection) -> Result<Value, String> {
    let mut command = redis::Cmd::new();
    for word in words {
        // Numbers come as they are written.
        command.arg(word.as_str().map_or_else(|| word.to_string(), str::to_owned));
    }
    let told = connection.req_command(&command).map_err(|error| {
        let code = error.code().unwrap_or("ERR");
        format!("{code} {}", error.detail().unwrap_or_default())
    })?;
    shown(told, base64)
}

fn shown(told: Told, base64: bool) -> Result<Value, String> {
    let text = |bytes: &[u8]| {
        if base64 { STANDARD.encode(bytes) } else { String::from_utf8_lossy(bytes).into_owned() }
    };
    Ok(match told {
        Told::Nil => Value::Null,
        Told::Int(number) => number.into(),
        Told::BulkString(bytes) => text(&bytes).into(),
        // The one text that is never encoded.
        Told::Okay => "OK".into(),
        Told::SimpleString(status) => text(status.as_bytes()).into(),
        Told::Array(values) => {
            return values.into_iter().map(|value| shown(value, base64)).collect();
        }
        other => return Err(format!("ERR a reply that was not expected: {other:?}")),
    })
}

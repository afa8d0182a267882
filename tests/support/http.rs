//! HTTP/1.1 at the level of bytes, for both sides: what a test writes is what goes over the wire.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a test waits for bytes before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Header fields in the order they came; names in lower case.
pub type Headers = Vec<(String, String)>;

/// A whole message: a request's first line is `method path`, an answer's `status`.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// The first line.
    pub start: String,
    /// The header fields.
    pub headers: Headers,
    /// The body, its transfer coding taken off.
    pub body: Vec<u8>,
    /// What followed the body.
    pub trailers: Headers,
    /// Whether the body came to its end.
    pub complete: bool,
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// What followed the body.
    pub trailers: Headers,
    /// Whether the body came to its end.
    pub complete: bool,
}

impl Response {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The first value of a header.
pub fn find<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

/// One end of a connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    pending: Vec<u8>,
}

/// How far a body reaches.
#[derive(Debug, Clone, Copy)]
enum Extent {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Connection {
    /// Opens a connection.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect_timeout(&address, PATIENCE)?)
    }

    /// Takes over a connection.
    pub fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, pending: Vec::new() })
    }

    /// Writes bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Closes it, for all who hold it.
    pub fn close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Reads the first line and the header fields; `None` at a clean end of the connection.
    pub fn head(&mut self) -> io::Result<Option<(String, Headers)>> {
        let end = loop {
            if let Some(at) = self.pending.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if !self.fill()? {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&self.pending[..end]).into_owned();
        self.pending.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let field =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        Ok(Some((start, lines.filter_map(field).collect())))
    }

    /// Reads a whole message. A body cut short is kept as far as it came.
    pub fn message(&mut self, is_answer: bool) -> io::Result<Option<Message>> {
        let Some((start, headers)) = self.head()? else { return Ok(None) };
        if start.starts_with("HTTP/1.1 100") {
            return self.message(is_answer);
        }
        if find(&headers, "expect").is_some() {
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut body = Body::of(&start, &headers, is_answer);
        let mut message = Message { start, headers, ..Message::default() };
        loop {
            match self.piece(&mut body) {
                Ok(Some(piece)) => message.body.extend_from_slice(&piece),
                Ok(None) => {
                    message.complete = true;
                    message.trailers = body.trailers;
                    return Ok(Some(message));
                }
                Err(_) => return Ok(Some(message)),
            }
        }
    }

    /// Reads an answer.
    pub fn response(&mut self) -> io::Result<Response> {
        let message = self.message(true)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let Message { start, headers, body, trailers, complete } = message;
        Ok(Response { status: status(&start), headers, body, trailers, complete })
    }

    /// Reads the next piece of a body, a chunk where it is chunked; `None` at its end.
    pub fn piece(&mut self, body: &mut Body) -> io::Result<Option<Vec<u8>>> {
        match body.extent {
            Extent::Length(0) => Ok(None),
            Extent::Length(left) => {
                if self.pending.is_empty() && !self.fill()? {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let piece: Vec<u8> = self.pending.drain(..left.min(self.pending.len())).collect();
                body.extent = Extent::Length(left - piece.len());
                Ok(Some(piece))
            }
            Extent::Chunked => {
                let line = self.line()?;
                let size = line.split(';').next().unwrap_or_default();
                let size = usize::from_str_radix(size.trim(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
                if size == 0 {
                    loop {
                        let line = self.line()?;
                        let Some((name, value)) = line.split_once(':') else { break };
                        body.trailers.push((name.to_lowercase(), value.trim().to_owned()));
                    }
                    body.extent = Extent::Length(0);
                    return Ok(None);
                }
                while self.pending.len() < size + 2 {
                    if !self.fill()? {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                let piece: Vec<u8> = self.pending.drain(..size).collect();
                self.pending.drain(..2);
                Ok(Some(piece))
            }
            Extent::UntilClose => {
                if self.pending.is_empty() && !self.fill()? {
                    return Ok(None);
                }
                Ok(Some(std::mem::take(&mut self.pending)))
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.pending.windows(2).position(|window| window == b"\r\n") {
                let line = String::from_utf8_lossy(&self.pending[..at]).into_owned();
                self.pending.drain(..at + 2);
                return Ok(line);
            }
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn fill(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 65536];
        let read = self.stream.read(&mut buffer)?;
        self.pending.extend_from_slice(&buffer[..read]);
        Ok(read > 0)
    }
}

/// How much of a body is still to come.
#[derive(Debug)]
pub struct Body {
    extent: Extent,
    trailers: Headers,
}

impl Body {
    /// The body announced by a head.
    pub fn of(start: &str, headers: &Headers, is_answer: bool) -> Self {
        let chunked = find(headers, "transfer-encoding").is_some_and(|value| value.contains("chunked"));
        let length = find(headers, "content-length").and_then(|value| value.parse().ok());
        let extent = match (chunked, length) {
            _ if is_answer && matches!(status(start), 204 | 304) => Extent::Length(0),
            (true, _) => Extent::Chunked,
            (false, Some(length)) => Extent::Length(length),
            (false, None) if is_answer => Extent::UntilClose,
            (false, None) => Extent::Length(0),
        };
        Self { extent, trailers: Headers::new() }
    }
}

/// The status code of an answer's first line.
pub fn status(start: &str) -> u16 {
    start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// Sends raw bytes over a connection of their own and reads one answer.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> io::Result<Response> {
    let mut connection = Connection::open(address)?;
    // An answer may come before all of a large body was taken, and the rest be refused.
    let sent = connection.send(bytes);
    connection.response().or_else(|error| sent.and(Err(error)))
}

/// `GET`.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Response> {
    exchange(address, format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes())
}

/// The bytes of a request with a `content-length`.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = head(method, path, headers);
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// The bytes of a request whose body is cut into chunks of `size` bytes.
pub fn chunked_request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    size: usize,
    trailers: &Headers,
) -> Vec<u8> {
    let mut bytes = head(method, path, headers);
    bytes.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
    for piece in body.chunks(size) {
        bytes.extend_from_slice(&chunk(piece));
    }
    bytes.extend_from_slice(&last_chunk(trailers));
    bytes
}

/// The end of a chunked body.
pub fn last_chunk(trailers: &Headers) -> Vec<u8> {
    let fields: String = trailers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("0\r\n{fields}\r\n").into_bytes()
}

/// One chunk of a chunked body.
pub fn chunk(piece: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", piece.len()).into_bytes();
    bytes.extend_from_slice(piece);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: gateway\r\n");
    for (name, value) in headers {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(value);
        text.push_str("\r\n");
    }
    text.into_bytes()
}

//! A store that answers what no store does.

use std::net::{SocketAddr, TcpListener};
use std::thread;

use crate::catalog::policy;
use crate::support::gateway::{Behind, Gateway};
use crate::support::http::Connection;

/// Answers every call with this body.
fn answering(body: &'static str, times: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut connection = Connection::over(stream).expect("a connection");
                while let Ok(Some(_)) = connection.message(false) {
                    let size = body.len() * times;
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{{\"FCALL\":[0", size + 13);
                    let whole = [head.as_bytes(), body.repeat(times).as_bytes(), b"]}"].concat();
                    if connection.send(&whole).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Thirty million bytes, which would be half a thousand million once they are read.
#[test]
fn an_answer_that_is_too_long_is_none_and_ends_nothing() {
    let store = answering(",0", 15 << 20);
    let limit = "keys: [{ id: k, hash: <k>, models: [all], limits: [{ requests: 10, per: day }] }]";
    let behind = Behind { store: Some(store), ..Behind::default() };
    let policy = policy(&format!("store: {{ cluster: redis-http, timeout: 5s }}\n{limit}"));
    let gateway = Gateway::start_before(behind, &policy, 1, |_| ());
    for _ in 0..4 {
        assert_eq!(gateway.chat("k", "gpt-4o").outcome(), (503, "store_unavailable".into()));
    }
    assert!(!gateway.envoy().log().contains("panicked") && !gateway.envoy().log().contains("memory allocation"));
    assert_eq!(gateway.stat("vm_reload_success"), 0, "{}", gateway.envoy().log());
}

//! A way to a server that can be made slow, or stop: what is sent takes a set time, in each direction.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How often what waits looks whether the way has become faster.
const LOOK: Duration = Duration::from_millis(5);
/// Nothing comes through while the test lasts.
const STALLED: u64 = 600_000;

/// A way to a server; at first nothing slows it down.
#[derive(Debug)]
pub struct Slow {
    address: SocketAddr,
    /// In milliseconds, each way.
    delay: Arc<AtomicU64>,
}

impl Slow {
    /// A way to the server at an address, which need not be there yet.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        let delay = Arc::<AtomicU64>::default();
        let told = Arc::clone(&delay);
        thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                // A server that is gone closes the connection.
                let Ok(server) = TcpStream::connect(server) else { continue };
                let both =
                    [(&caller, &server), (&server, &caller)].map(|(from, to)| (from.try_clone(), to.try_clone()));
                for ends in both {
                    let (Ok(from), Ok(to)) = ends else { continue };
                    carry(from, to, Arc::clone(&told));
                }
            }
        });
        Self { address, delay }
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets everything take so long, each way; what is on its way as well.
    pub fn delay(&self, time: Duration) {
        self.delay.store(time.as_millis().try_into().expect("a short time"), Ordering::SeqCst);
    }

    /// Nothing arrives any more, and no connection breaks.
    pub fn stall(&self) {
        self.delay.store(STALLED, Ordering::SeqCst);
    }
}

/// Brings bytes from one end to the other, the end of the connection behind them.
fn carry(mut from: TcpStream, to: TcpStream, delay: Arc<AtomicU64>) {
    let (send, sent) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 65536];
        while let Ok(size @ 1..) = from.read(&mut buffer) {
            if send.send((Instant::now(), buffer[..size].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || deliver(&sent, to, &delay));
}

fn deliver(sent: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream, delay: &AtomicU64) {
    for (at, bytes) in sent {
        loop {
            let left = Duration::from_millis(delay.load(Ordering::SeqCst)).saturating_sub(at.elapsed());
            if left.is_zero() {
                break;
            }
            thread::sleep(left.min(LOOK));
        }
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

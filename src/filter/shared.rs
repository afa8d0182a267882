use core::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::lookup::Waiter;
use super::stream::Stream;
use crate::gate::Gate;

/// A request as the SDK holds it: so that the root can go on with it when its key was looked up. Only one callback runs at a
/// time, and Envoy does what a callback asks for after it, so it is never borrowed twice.
pub struct Shared(Rc<RefCell<Stream>>);

impl Shared {
    pub fn new(gate: Option<Rc<Gate>>, context: u32) -> Self {
        let new = |stream: &_| RefCell::new(Stream::new(gate, Waiter { context, stream: Clone::clone(stream) }));
        Self(Rc::new_cyclic(new))
    }
}

impl Context for Shared {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, trailers: usize) {
        self.0.borrow_mut().on_http_call_response(token, headers, body, trailers);
    }
}

impl HttpContext for Shared {
    fn on_http_request_headers(&mut self, count: usize, end_of_stream: bool) -> Action {
        self.0.borrow_mut().on_http_request_headers(count, end_of_stream)
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.0.borrow_mut().on_http_request_body(size, end_of_stream)
    }

    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        self.0.borrow_mut().on_http_request_trailers(count)
    }

    fn on_http_response_headers(&mut self, count: usize, end_of_stream: bool) -> Action {
        self.0.borrow_mut().on_http_response_headers(count, end_of_stream)
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.0.borrow_mut().on_http_response_body(size, end_of_stream)
    }

    fn on_http_response_trailers(&mut self, count: usize) -> Action {
        self.0.borrow_mut().on_http_response_trailers(count)
    }

    fn on_log(&mut self) {
        self.0.borrow_mut().on_log();
    }
}

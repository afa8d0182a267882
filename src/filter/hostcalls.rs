//! Envoy's host calls, the few the filter needs.
//!
//! The SDK's own wrappers panic on any unexpected status and on header values that are not UTF-8, both of which a caller
//! can provoke, and allocate a string per header. These return `None` or `false` instead and borrow from one block.
//! Every function is safe to call in any callback; what Envoy does not allow at that moment fails and changes nothing.

use core::ptr::null_mut;

use super::headers::Headers;
use crate::store::Question;

/// Status of a host call that worked; every other number is a failure.
const OK: u32 = 0;
/// What a conditional write met that lost the race.
const CAS_MISMATCH: u32 = 8;

/// A header map.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Map {
    Request = 0,
    Response = 2,
    CallResponse = 6,
}

/// A buffer of bytes.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    CallResponse = 4,
    PluginConfiguration = 7,
}

/// The kind of a metric.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum MetricKind {
    Counter = 0,
    Gauge = 1,
    Histogram = 2,
}

/// What a shared-data write met.
pub enum Written {
    Done,
    Conflict,
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, max: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_buffer_bytes(buffer: u32, start: usize, size: usize, data: *const u8, length: usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(key: *const u8, key_size: usize, value: *const u8, value_size: usize, cas: u32) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_close_stream(stream: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
}

/// Takes over the memory that the host allocated in this VM through the SDK's allocator.
fn take(data: *mut u8, size: usize) -> Vec<u8> {
    if data.is_null() || size == 0 {
        return Vec::new();
    }
    // SAFETY: the host called `proxy_on_memory_allocate(size)` of this VM for it, which leaks a boxed slice of exactly
    // `size` bytes from the global allocator, and hands it over to us alone.
    unsafe { Vec::from_raw_parts(data, size, size) }
}

/// Nanoseconds since the Unix epoch.
pub fn now() -> u64 {
    let mut time = 0;
    // SAFETY: the pointer is valid for the call.
    unsafe { proxy_get_current_time_nanoseconds(&raw mut time) };
    time
}

/// Bytes of a buffer from `start`, at most `max`.
pub fn buffer(buffer: Buffer, start: usize, max: usize) -> Option<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the pointers are valid for the call.
    let status = unsafe { proxy_get_buffer_bytes(buffer as u32, start, max, &raw mut data, &raw mut size) };
    (status == OK).then(|| take(data, size))
}

/// Replaces the whole of a buffer.
pub fn replace_buffer(buffer: Buffer, bytes: &[u8]) -> bool {
    // SAFETY: the pointer is valid for the call; the host copies. A length beyond the buffer's replaces all of it.
    let status = unsafe { proxy_set_buffer_bytes(buffer as u32, 0, usize::MAX, bytes.as_ptr(), bytes.len()) };
    status == OK
}

/// Adds to the end of a buffer.
pub fn append_buffer(buffer: Buffer, bytes: &[u8]) -> bool {
    // SAFETY: the pointer is valid for the call; the host copies. A start beyond the buffer's end is its end.
    let status = unsafe { proxy_set_buffer_bytes(buffer as u32, usize::MAX, 0, bytes.as_ptr(), bytes.len()) };
    status == OK
}

/// All headers as one block; see [`super::headers::Headers`].
pub fn header_block(map: Map) -> Vec<u8> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the pointers are valid for the call.
    let status = unsafe { proxy_get_header_map_pairs(map as u32, &raw mut data, &raw mut size) };
    if status == OK { take(data, size) } else { Vec::new() }
}

/// Sets a header to one value, whatever it had.
pub fn set_header(map: Map, name: &str, value: &str) {
    // SAFETY: the pointers are valid for the call; the host copies.
    unsafe { proxy_replace_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
}

/// Removes every value of a header.
pub fn remove_header(map: Map, name: &str) {
    // SAFETY: the pointers are valid for the call.
    unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) };
}

/// An Envoy attribute; the path's parts are separated by NUL.
pub fn property(path: &str) -> Option<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the pointers are valid for the call.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut data, &raw mut size) };
    (status == OK).then(|| take(data, size))
}

/// Sets a filter state object `wasm.<name>` of the stream.
pub fn set_property(name: &str, value: &[u8]) {
    // SAFETY: the pointers are valid for the call; the host copies.
    unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
}

/// A value of shared data and its version.
pub fn shared_data(key: &str) -> Option<(Vec<u8>, u32)> {
    let (mut data, mut size, mut cas) = (null_mut(), 0, 0);
    // SAFETY: the pointers are valid for the call.
    let status = unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), &raw mut data, &raw mut size, &raw mut cas) };
    (status == OK).then(|| (take(data, size), cas))
}

/// Writes shared data if its version still is `cas`.
pub fn set_shared_data(key: &str, value: &[u8], cas: u32) -> Written {
    // SAFETY: the pointers are valid for the call; the host copies.
    let status = unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) };
    if status == CAS_MISMATCH { Written::Conflict } else { Written::Done }
}

/// Answers the request in Envoy's place.
pub fn send_local_response<'h>(
    status: u16,
    details: &str,
    headers: impl Iterator<Item = (&'h str, &'h str)> + Clone,
    body: &[u8],
) {
    let block = super::headers::serialize(headers);
    // SAFETY: the pointers are valid for the call; the host copies.
    unsafe {
        proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            block.as_ptr(),
            block.len(),
            -1,
        )
    };
}

/// Lets the request go on that was paused.
pub fn resume_request() {
    // SAFETY: takes no memory of ours.
    unsafe { proxy_continue_stream(0) };
}

/// Breaks the response off, also for the caller.
pub fn reset_response() {
    // SAFETY: takes no memory of ours.
    unsafe { proxy_close_stream(1) };
}

/// Has the calls that follow be those of another context; `false` if it is not there any more.
pub fn set_effective_context(context: u32) -> bool {
    // SAFETY: takes no memory of ours.
    let status = unsafe { proxy_set_effective_context(context) };
    status == OK
}

/// Calls the store, and gives the token of the call; `None` if it could not even be made.
pub fn ask(question: &Question) -> Option<u32> {
    let headers = vec![
        (":method", "POST"),
        (":path", "/"),
        (":authority", question.authority.as_str()),
        ("content-type", "application/json"),
    ];
    // The SDK's own: it has to know the token to find the context that the answer is for.
    proxy_wasm::hostcalls::dispatch_http_call(
        &question.cluster,
        headers,
        Some(&question.body),
        vec![],
        question.timeout,
    )
    .ok()
}

/// No answer of the store is longer. One that is may take all memory to read, and the VM with it.
const LONGEST_ANSWER: usize = 1 << 20;

/// Status and body of the answer to a call; status 0 where none came, and no body where there is too much of it.
pub fn call_response(size: usize) -> (u16, Vec<u8>) {
    let size = if size > LONGEST_ANSWER { 0 } else { size };
    let block = header_block(Map::CallResponse);
    let status = Headers::new(&block).iter().find(|(name, _)| *name == ":status").map(|(_, value)| value.to_vec());
    let status = status.and_then(|status| String::from_utf8(status).ok()?.parse().ok()).unwrap_or(0);
    (status, buffer(Buffer::CallResponse, 0, size).unwrap_or_default())
}

/// Defines a metric, or finds the one of that name.
pub fn define_metric(kind: MetricKind, name: &str) -> Option<u32> {
    let mut id = 0;
    // SAFETY: the pointers are valid for the call.
    let status = unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) };
    (status == OK).then_some(id)
}

/// Adds to a counter.
pub fn increment_metric(id: u32, by: u64) {
    // SAFETY: takes no pointers.
    unsafe { proxy_increment_metric(id, i64::try_from(by).unwrap_or(i64::MAX)) };
}

/// Sets a gauge, or records a value in a histogram.
pub fn record_metric(id: u32, value: u64) {
    // SAFETY: takes no pointers.
    unsafe { proxy_record_metric(id, value) };
}

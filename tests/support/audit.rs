//! Reads the audit records that Envoy's access logger wrote.

use std::fs::File;
use std::io::Read as _;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The records read so far, and where to read on.
#[derive(Debug)]
pub struct AuditLog {
    file: File,
    rest: String,
    records: Vec<Value>,
}

impl AuditLog {
    /// Reads from what the access logger writes to.
    pub fn new(file: File) -> Self {
        Self { file, rest: String::new(), records: Vec::new() }
    }

    /// All records written so far.
    pub fn read(&mut self) -> &[Value] {
        let _ = self.file.read_to_string(&mut self.rest);
        while let Some(at) = self.rest.find('\n') {
            let line: String = self.rest.drain(..=at).collect();
            let record = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no audit record: {line}"));
            self.records.push(record);
        }
        &self.records
    }

    /// The one record of a request. Waits for it, and fails when it does not come or comes twice.
    pub fn find(&mut self, request_id: &str) -> Value {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let found: Vec<Value> =
                self.read().iter().filter(|record| record["request_id"] == request_id).cloned().collect();
            match found.as_slice() {
                [record] => return record.clone(),
                [] if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
                _ => panic!("{} audit records for request {request_id}", found.len()),
            }
        }
    }
}

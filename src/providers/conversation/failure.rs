/// An error of a provider, apart from the API that tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The HTTP status; in the middle of a stream the one it would have had.
    pub status: u16,
    /// What kind it is.
    pub kind: FailureKind,
    /// The provider's words.
    pub message: String,
    /// The provider's own code for it (`context_length_exceeded`, `RESOURCE_EXHAUSTED`), where it has one.
    pub code: Option<String>,
    /// The field it is about, where it says so.
    pub param: Option<String>,
    /// After how many seconds it may be tried again, where the body says so and no header does.
    pub retry_after: Option<u32>,
}

/// The kinds of errors that both callers' APIs tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// 400, 422: the request.
    Request,
    /// 401: our credential.
    Authentication,
    /// 403.
    Permission,
    /// 404.
    NotFound,
    /// 413.
    TooLarge,
    /// 429.
    RateLimit,
    /// 529, 503: too busy.
    Overloaded,
    /// 408, 504.
    Timeout,
    /// Everything else.
    Server,
}

impl FailureKind {
    /// The kind that a status tells.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            403 => Self::Permission,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            413 => Self::TooLarge,
            429 => Self::RateLimit,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::Request,
            _ => Self::Server,
        }
    }
}

impl Failure {
    /// An error of which only the status is known.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        let message = format!("the provider answered with status {status}");
        Self { status, kind: FailureKind::of_status(status), message, code: None, param: None, retry_after: None }
    }
}

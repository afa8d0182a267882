//! What was recorded: one audit record per request, refused ones too, and the observations that become metrics.
//!
//! Neither ever holds a prompt, a key or a credential. Fails by saying less: what is not known is `null`.

mod alert;
mod line;
mod metrics;
mod record;
mod tried;

pub use alert::BudgetAlert;
pub use metrics::metric_name;
pub use record::{AuditRecord, Latency};
pub use tried::{Spent, Tried};

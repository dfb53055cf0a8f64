//! How a fetch ended, copied out of it whole, to be compared.

use super::{Fetch, ifetch_error, ifetch_status};

/// Name and value, in Latin-1.
pub(crate) type Field = (String, String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: i32,
    pub(crate) version: i32,
    pub(crate) reason: String,
    pub(crate) headers: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: ifetch_status,
    pub(crate) error: ifetch_error,
    pub(crate) message: String,
    pub(crate) head: Option<Head>,
    pub(crate) trailers: Vec<Field>,
    /// The collected body; of a streaming fetch, what ifetch_read() gave.
    pub(crate) body: String,
    pub(crate) interim: Vec<Head>,
}

impl Outcome {
    /// Copies what an ended fetch tells; `read` and `interim` are what it told on its way.
    pub(crate) fn of(fetch: &Fetch, read: String, interim: Vec<Head>) -> Outcome {
        Outcome {
            status: fetch.poll(),
            error: fetch.error(),
            message: fetch.message(),
            head: fetch.head(),
            trailers: fetch.trailers(),
            body: fetch.body().unwrap_or(read),
            interim,
        }
    }

    /// The status code of the response; 0 without one.
    pub(crate) fn code(&self) -> i32 {
        self.head.as_ref().map_or(0, |head| head.status)
    }
}

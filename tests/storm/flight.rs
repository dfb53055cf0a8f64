//! One fetch of the storm, from its start to the verdict on its end.

use super::plan::{Place, Plan};
use super::script::body;
use super::support::*;
use ::ifetch::ffi::report::ifetch_acted::IFETCH_ACTED_NO;
use ::ifetch::ffi::report::ifetch_ending::IFETCH_ENDING_DRAINED;
use std::sync::Arc;

pub(crate) struct Flight {
    pub(crate) plan: Plan,
    pub(crate) fetch: Arc<Fetch>,
    /// The body of a streaming fetch, as far as it was read.
    read: Vec<u8>,
    /// Whether another thread has it, too.
    pub(crate) is_lent: bool,
    pub(crate) landed: Option<Landing>,
}

/// How a fetch ended, to be compared with what the server has seen when all is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Landing {
    pub(crate) end: ifetch_error,
    pub(crate) was_reused: bool,
    pub(crate) was_retried: bool,
    pub(crate) was_drained: bool,
    /// The server cannot have seen it, says the library.
    pub(crate) is_unseen: bool,
}

impl Flight {
    pub(crate) fn start(client: &Client, url: &str, plan: Plan) -> Flight {
        let fetch = Arc::new(client.start(url, &plan.options()));
        Flight { plan, fetch, read: Vec::new(), is_lent: false, landed: None }
    }

    /// Hears its news, until there are none for now.
    pub(crate) fn hear(&mut self, buffer: &mut [u8]) {
        assert!(self.landed.is_none(), "told of twice: {:?}", self.plan);
        loop {
            match self.fetch.poll() {
                IFETCH_PENDING => return,
                IFETCH_HEAD => {}
                IFETCH_READABLE => {
                    let (n, _) = self.fetch.read(buffer);
                    self.read.extend_from_slice(&buffer[..n]);
                }
                IFETCH_DONE | IFETCH_FAILED | IFETCH_CANCELLED => {
                    self.landed = Some(self.judge());
                    return;
                }
                other => panic!("{other:?} of {:?}", self.plan),
            }
        }
    }

    /// Cancelled by its owner, it ends at once, unless it has ended before.
    pub(crate) fn cancel(&mut self, buffer: &mut [u8]) {
        self.hear(buffer);
        if self.landed.is_none() {
            self.fetch.cancel();
            self.hear(buffer);
            let is_cancelled = |landed: Landing| landed.end == IFETCH_ERROR_CANCELLED;
            assert!(self.landed.is_some_and(is_cancelled), "{:?} of {:?}", self.landed, self.plan);
        }
    }

    /// An end is for good.
    pub(crate) fn assert_ended(&self, end: ifetch_error) {
        let status = match end {
            IFETCH_ERROR_NONE => IFETCH_DONE,
            IFETCH_ERROR_CANCELLED => IFETCH_CANCELLED,
            _ => IFETCH_FAILED,
        };
        assert_eq!((self.fetch.poll(), self.fetch.error()), (status, end), "{:?}", self.plan);
    }

    fn judge(&self) -> Landing {
        let (plan, fetch, report) = (&self.plan, &self.fetch, self.fetch.report());
        let context = format!("{plan:?}: {}, {report:?}", fetch.message());
        let end = fetch.error();
        self.assert_ended(end);
        let landing = Landing {
            end,
            was_reused: report.reused == 1,
            was_retried: report.retried == 1,
            was_drained: report.ending == IFETCH_ENDING_DRAINED as i32,
            is_unseen: report.acted == IFETCH_ACTED_NO as i32,
        };
        assert!(plan.allows(end) || self.met_a_dying_connection(&landing), "{end:?}, {context}");
        self.judge_body(end, &context);
        if let Some(timeout_ms) = plan.deadline_behind(end) {
            assert!(report.ended_ns >= u64::from(timeout_ms) * 1_000_000, "too early, {context}");
        }
        landing
    }

    /// A server may end a kept connection just when it is used again, and then only a request that
    /// may be repeated is.
    pub(crate) fn met_a_dying_connection(&self, landing: &Landing) -> bool {
        let ends = [IFETCH_ERROR_SEND, IFETCH_ERROR_RECEIVE, IFETCH_ERROR_NO_RESPONSE];
        self.plan.posts.is_some() && landing.was_reused && ends.contains(&landing.end)
    }

    /// No byte of any other answer, whatever has become of this one.
    fn judge_body(&self, end: ifetch_error, context: &str) {
        let arrived = match self.plan.streams {
            true => self.read.clone(),
            false => self.fetch.body().unwrap_or_default().into_bytes(),
        };
        let whole = body(self.plan.number);
        match end {
            IFETCH_ERROR_NONE => assert!(arrived == whole, "not its body, {context}"),
            IFETCH_ERROR_TRUNCATED if !self.plan.streams => {
                assert!(arrived == whole[..whole.len() / 2], "not its half, {context}");
            }
            _ => assert!(whole.starts_with(&arrived), "not of its body, {context}"),
        }
        let head = self.fetch.head();
        assert!(head.is_none_or(|head| head.status == 200), "{context}");
        assert!(matches!(self.plan.place, Place::Port(_)) || arrived.is_empty(), "{context}");
    }
}

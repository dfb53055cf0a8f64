//! One fetch: a request, the connections made for it, and what came back.

mod ending;
mod identity;
mod interim;
pub(crate) mod options;
pub(crate) mod report;
mod state;
mod timers;
mod transfer;

use crate::connection::response::Response;
use crate::error::{Error, Kind};
use crate::proto::head::{Fields, Head};
use crate::proto::target::Target;
use crate::transport::cancel::Cancel;
use crate::transport::sys::Instant;
use crate::transport::token::Seated;
use ending::Ended;
use interim::Interim;
use options::Options;
use report::{LookupKind, Times};
use state::State;
use std::ffi::CStr;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Complete,
    Failed,
    Cancelled,
}

/// What a fetch says when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Interim,
    Head,
    Readable,
    Writable,
    Ended(Outcome),
}

/// What a fetch is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Queued,
    Resolving,
    Connecting,
    Handshaking,
    Sending,
    Waiting,
    Receiving,
    Ended,
}

impl Phase {
    /// How many there are.
    pub(crate) const ALL: usize = Phase::Ended as usize + 1;
}

/// How far a fetch is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) expected: Option<u64>,
}

/// What remains of a request that was sent before, over a connection that died.
#[derive(Clone, Copy, Debug, Default)]
struct Earlier {
    may_have_acted: bool,
}

#[derive(Debug)]
pub(crate) struct Fetch {
    target: Arc<Target>,
    options: Arc<Options>,
    state: State,
    response: Option<Box<Response>>,
    /// Interim responses, if the caller has asked for them and there were any.
    interim: Option<Box<Interim>>,
    head_shown: bool,
    /// The caller has written all of a streamed request body.
    upload_ended: bool,
    lookup: LookupKind,
    retried: Option<Earlier>,
    times: Times,
    /// Where it sits under the token of its options, if there is one and it has not ended.
    seated: Seated,
    pub(crate) userdata: usize,
}

impl Fetch {
    /// A vacant place for fetches; it has to refer to something.
    pub(crate) fn vacant(target: &Arc<Target>, options: &Arc<Options>, now: Instant) -> Self {
        Self {
            target: Arc::clone(target),
            options: Arc::clone(options),
            state: State::Ended(Ended::vacant(now)),
            response: None,
            interim: None,
            head_shown: false,
            upload_ended: false,
            lookup: LookupKind::None,
            retried: None,
            times: Times::new(now),
            seated: Seated::NOWHERE,
            userdata: 0,
        }
    }

    /// Begins a fetch in a vacant place, which goes as far as it can when it is first driven. `site`
    /// is where the pool may know the origin. It fails at once if it is `refused`.
    pub(crate) fn start(
        &mut self,
        (target, refused): (Arc<Target>, Option<Error>),
        site: u32,
        options: Arc<Options>,
        now: Instant,
        cancel: &Arc<Cancel>,
    ) {
        self.target = target;
        self.userdata = options.userdata;
        self.options = options;
        (self.head_shown, self.upload_ended) = (false, false);
        (self.lookup, self.retried) = (LookupKind::None, None);
        self.times = Times::new(now);
        if let Some(error) = refused.or_else(|| self.options.check().err()) {
            cancel.end();
            self.state = State::Ended(Ended::unstarted(error, now));
            return;
        }
        self.state.replace_nothing(State::Begin { site });
        if let Some(token) = &self.options.token {
            self.seated = token.enter(cancel);
        }
    }

    /// Vacates the place. What the fetch refers to is let go, but for its URL; `nothing` stands in for
    /// its options. It has ended, or is the copy of one in a forked child, where only descriptors are
    /// closed. Gives the memory of its response, which serves another one.
    pub(crate) fn vacate(&mut self, nothing: &Arc<Options>) -> Option<Box<Response>> {
        self.leave_token();
        self.options = Arc::clone(nothing);
        self.interim = None;
        match &mut self.state {
            State::Ended(ended) => ended.error = None,
            state => *state = State::Ended(Ended::vacant(self.times.started)),
        }
        self.response.take()
    }

    /// How it stands. Levels: true for as long as it is so.
    #[inline]
    pub(crate) fn status(&self) -> Status {
        let exchange = match &self.state {
            // Nothing comes before bad news.
            State::Ended(ended) if ended.outcome != Outcome::Complete => {
                return Status::Ended(ended.outcome);
            }
            State::Ended(_) => None,
            State::Exchange(exchange) => Some(exchange),
            _ => return Status::Pending,
        };
        if self.interim.as_ref().is_some_and(|interim| interim.waits()) {
            return Status::Interim;
        }
        let streams = self.response.is_some() && self.options.streams();
        if streams && !self.head_shown {
            return Status::Head;
        }
        match exchange {
            None => Status::Ended(Outcome::Complete),
            Some(exchange) if streams && exchange.is_readable() => Status::Readable,
            Some(exchange) if exchange.is_writable() => Status::Writable,
            Some(_) => Status::Pending,
        }
    }

    /// The status as it is told to the caller, to whom some things are told once.
    pub(crate) fn tell_status(&mut self) -> Status {
        let status = self.status();
        if let Some(interim) = &mut self.interim {
            interim.tell(status == Status::Interim);
        }
        self.head_shown |= status == Status::Head;
        status
    }

    fn waits_for_reader(&self) -> bool {
        match &self.state {
            State::Exchange(exchange) => {
                self.response.is_some() && self.options.streams() && exchange.is_readable()
            }
            _ => false,
        }
    }

    /// Whether it is the caller's turn, and not the server's.
    fn waits_for_caller(&self) -> bool {
        let writes = matches!(&self.state, State::Exchange(exchange) if exchange.is_writable());
        writes || self.waits_for_reader()
    }

    /// The caller has written all of its request body.
    pub(crate) fn write_end(&mut self) -> Result<(), Error> {
        let is_tunnel = self.head().is_some_and(|head| head.status == 101);
        if !(self.options.uploads() || is_tunnel) {
            return Err(Error::new(Kind::WrongState, "end the request body: it is not streamed"));
        }
        self.upload_ended = true;
        Ok(())
    }

    /// Its token needs not cancel it any more.
    #[inline]
    pub(crate) fn leave_token(&mut self) {
        if let Some(token) = &self.options.token {
            token.leave(&mut self.seated);
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        match &self.state {
            State::Queue(_) => Phase::Queued,
            State::Begin { .. } | State::Resolve(..) => Phase::Resolving,
            State::Connect(_) => Phase::Connecting,
            State::Handshake(_) => Phase::Handshaking,
            State::Exchange(_) if self.response.is_some() => Phase::Receiving,
            State::Exchange(exchange) if exchange.sending().is_over() => Phase::Waiting,
            State::Exchange(_) => Phase::Sending,
            State::Ended(_) => Phase::Ended,
        }
    }

    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    /// When it wants to be driven though nothing has happened.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.next_timer().map(|(at, _)| at)
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress {
            sent: self.traffic_now().sent,
            received: self.response.as_ref().map_or(0, |r| r.received()),
            expected: self.response.as_ref().and_then(|r| r.expected),
        }
    }

    pub(crate) fn error(&self) -> Option<&Error> {
        match &self.state {
            State::Ended(ended) => ended.error.as_ref(),
            _ => None,
        }
    }

    /// The head that the caller is to see: an interim one for as long as it is shown.
    pub(crate) fn head(&self) -> Option<&Head> {
        let interim = self.interim.as_ref().and_then(|interim| interim.shown());
        interim.or(self.response.as_ref().map(|r| &r.head))
    }

    pub(crate) fn url(&self) -> &CStr {
        self.target.url()
    }

    pub(crate) fn trailers(&self) -> Option<&Fields> {
        self.response.as_ref().and_then(|r| r.trailers.as_deref())
    }

    /// The collected body with the NUL behind it.
    pub(crate) fn body(&self) -> Option<&[u8]> {
        self.response.as_ref().and_then(|r| r.body())
    }
}

//! The end of a fetch: its outcome, and what becomes of its connection.

use crate::connection::Context;
use crate::connection::exchange::Exchange;
use crate::error::{Error, Kind};
use crate::fetch::options::Policy;
use crate::fetch::report::{Ending, Traffic};
use crate::fetch::state::State;
use crate::fetch::{Fetch, Outcome, Phase};
use crate::proto::persistence::CloseReason;
use crate::proto::target::Target;
use crate::transport::cancel::Canceller;
use crate::transport::sys::{Errno, Instant};

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    /// Where it was then.
    pub(crate) phase: Phase,
    pub(crate) at: Instant,
    /// Why, unless it is complete.
    pub(crate) error: Option<Error>,
    /// By whom it was cancelled, if it was.
    pub(crate) canceller: Option<Canceller>,
    /// What was sent and received, now that the connection has gone.
    pub(crate) traffic: Traffic,
}

/// What becomes of a connection.
enum Parting {
    Keep,
    /// So many bytes are to be drained.
    Drain(u64),
    Close,
}

impl Ended {
    /// The end of a fetch that could not even begin.
    pub(crate) fn unstarted(error: Error, at: Instant) -> Self {
        Self { error: Some(error), ..Self::vacant(at) }
    }

    /// What stands in a place that no fetch has.
    pub(crate) fn vacant(at: Instant) -> Self {
        let (outcome, phase) = (Outcome::Failed, Phase::Resolving);
        Self { outcome, phase, at, error: None, canceller: None, traffic: Traffic::default() }
    }
}

impl Fetch {
    /// The one way into `Ended`. A cancel that came first wins.
    pub(crate) fn end(&mut self, outcome: Outcome, error: Option<Error>, cx: &mut Context<'_>) {
        let phase = self.phase();
        if phase == Phase::Ended {
            return;
        }
        self.leave_token();
        let canceller = if cx.cancel.end() { None } else { cx.cancel.canceller() };
        let (outcome, error) = match canceller {
            None => (outcome, error),
            Some(by) => (Outcome::Cancelled, Some(cancelled(phase, &self.target, by))),
        };
        let mut traffic = self.traffic_now();
        let parting = self.part(outcome, &mut traffic, cx);
        let ended = Ended { outcome, phase, at: cx.now, error, canceller, traffic };
        let before = std::mem::replace(&mut self.state, State::Ended(ended));
        // Whatever sockets are left are closed before their place goes to somebody else.
        match (before, parting) {
            (State::Exchange(exchange), Parting::Keep) => {
                cx.pool.keep(exchange.into_connection(), cx.now);
            }
            (State::Exchange(exchange), Parting::Drain(left)) => {
                let until = cx.now.after_ms(self.options.drain_ms);
                let connection = exchange.into_connection();
                if !cx.pool.drain(connection, left, cx.buffer, (cx.now, until))
                    && let State::Ended(ended) = &mut self.state
                {
                    ended.traffic.ending = Ending::Finished;
                    ended.traffic.close_reason = Some(CloseReason::Interrupted);
                }
            }
            (State::Exchange(exchange), Parting::Close) => {
                cx.pool.close(exchange.into_connection().close());
            }
            (State::Handshake(handshake), _) => {
                cx.pool.close(handshake.into_connection().close());
            }
            (State::Connect(race), _) => cx.pool.close(race.into_link()),
            (State::Resolve(link, name), _) => {
                cx.names.leave(&name, cx.key);
                cx.pool.close(link);
            }
            (State::Queue(ticket), _) => cx.pool.leave_queue(ticket),
            (State::Begin { .. } | State::Ended(_), _) => {}
        }
    }

    /// Lets go of the connection, or ends it, and says what is to become of it.
    fn part(&mut self, outcome: Outcome, traffic: &mut Traffic, cx: &mut Context<'_>) -> Parting {
        let ending_of_broken = self.ending_of_broken();
        let drains = if cx.cancel.is_spared() { self.left_to_drain(cx) } else { None };
        let exchange = match &mut self.state {
            State::Exchange(exchange) => exchange,
            State::Connect(race) => {
                race.abort();
                return Parting::Close;
            }
            State::Handshake(handshake) => {
                handshake.abort(cx);
                traffic.close_reason = Some(CloseReason::Interrupted);
                traffic.ending = ending_of_broken;
                return Parting::Close;
            }
            _ => return Parting::Close,
        };
        let of_response = self.response.as_ref().and_then(|response| response.close_reason);
        let closes = match outcome {
            Outcome::Complete => of_response.or_else(|| close_reason(exchange, cx)),
            Outcome::Failed | Outcome::Cancelled => Some(CloseReason::Interrupted),
        };
        if closes.is_none() && exchange.release() {
            traffic.ending = Ending::Kept;
            return Parting::Keep;
        }
        if let Some(left) = drains
            && exchange.release()
        {
            traffic.ending = Ending::Drained;
            return Parting::Drain(left);
        }
        traffic.close_reason = closes.or(Some(CloseReason::Interrupted));
        // A request that the server still waits for must not end as if it were complete.
        let orderly = outcome == Outcome::Complete && exchange.sending().is_complete();
        if !orderly {
            exchange.abort();
        }
        traffic.ending = if orderly { Ending::Finished } else { ending_of_broken };
        Parting::Close
    }

    /// How a connection is ended that was not to end.
    fn ending_of_broken(&self) -> Ending {
        match self.options.policy {
            Policy::Finish => Ending::Finished,
            Policy::Reset | Policy::Drain => Ending::Reset,
        }
    }

    /// Says that the system would not let us.
    pub(super) fn cannot(&self, what: &str, errno: Errno) -> Error {
        let url = self.target.url().to_string_lossy();
        Error::with_os(Kind::System, errno.0, format!("fetch {url}: {what}: {errno}"))
    }

    /// Whether its token has cancelled by its deadline, or should have: then it has now.
    pub(super) fn is_past_token(&self, cx: &Context<'_>) -> bool {
        let canceller = self.options.token.as_ref().and_then(|token| token.cancelled(cx.now));
        if let Some(canceller) = canceller {
            cx.cancel.cancel(canceller);
        }
        canceller.is_some()
    }

    pub(super) fn check_deadline(&self, cx: &Context<'_>) -> Result<(), Error> {
        let due = self.next_timer().filter(|&(at, _)| at <= cx.now);
        match due.and_then(|(_, timer)| timer.failure()) {
            Some((kind, waited_for)) => {
                let url = self.target.url().to_string_lossy();
                let why = format!("fetch {url}: it took too long to {waited_for}");
                Err(Error::new(kind, why))
            }
            None => Ok(()),
        }
    }

    /// What has been sent and received so far.
    pub(crate) fn traffic_now(&self) -> Traffic {
        let before = self.retried.unwrap_or_default();
        match &self.state {
            State::Exchange(exchange) => {
                let link = exchange.link();
                Traffic {
                    sent: exchange.sending().sent(),
                    received: exchange.received(),
                    attempts: if link.reused { 0 } else { link.attempts.into() },
                    interim: exchange.interim_seen(),
                    may_have_acted: exchange.sending().head_is_out() || before.may_have_acted,
                    reused: link.reused,
                    tls: exchange.facts(),
                    ..Traffic::default()
                }
            }
            State::Ended(ended) => ended.traffic,
            State::Begin { .. }
            | State::Queue(_)
            | State::Resolve(..)
            | State::Connect(_)
            | State::Handshake(_) => {
                let may_have_acted = before.may_have_acted;
                let attempts = match &self.state {
                    State::Connect(race) => race.attempts(),
                    State::Handshake(handshake) => handshake.link().attempts.into(),
                    _ => 0,
                };
                Traffic { attempts, may_have_acted, ..Traffic::default() }
            }
        }
    }
}

/// Why the connection of a complete exchange is not kept, if it is not.
fn close_reason(exchange: &mut Exchange, cx: &Context<'_>) -> Option<CloseReason> {
    if !cx.pool.keeps() {
        Some(CloseReason::Alone)
    } else if cx.pool.is_old(exchange.link(), cx.now) {
        Some(CloseReason::Age)
    } else if !cx.pool.wants(exchange.link()) {
        Some(CloseReason::Full)
    } else {
        exchange.close_reason()
    }
}

#[cold]
fn cancelled(phase: Phase, target: &Target, by: Canceller) -> Error {
    let url = target.url().to_string_lossy();
    let doing = match phase {
        Phase::Queued => "waiting for a connection",
        Phase::Resolving => "looking up its host",
        Phase::Connecting => "connecting",
        Phase::Handshaking => "shaking hands for TLS",
        Phase::Sending => "sending the request",
        Phase::Waiting => "waiting for the response",
        Phase::Receiving => "receiving the response",
        Phase::Ended => "ending",
    };
    let by = match by {
        Canceller::Call => "",
        Canceller::Token => ", by its token",
        Canceller::Deadline => ", as the deadline of its token passed",
    };
    Error::new(Kind::Cancelled, format!("fetch {url}: cancelled while {doing}{by}"))
}

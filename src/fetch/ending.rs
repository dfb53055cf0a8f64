//! The end of a fetch: its outcome, and what becomes of its connection.

use crate::connection::Context;
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

impl Ended {
    /// The end of a fetch that could not even begin.
    pub(crate) fn unstarted(error: Error, at: Instant) -> Self {
        let (outcome, traffic) = (Outcome::Failed, Traffic::default());
        let (phase, error, canceller) = (Phase::Resolving, Some(error), None);
        Self { outcome, phase, at, error, canceller, traffic }
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
        match &mut self.state {
            State::Exchange(_) => self.leave_connection(outcome, &mut traffic, cx),
            State::Connect(race) => race.abort(),
            State::Handshake(handshake) => {
                handshake.abort(cx);
                traffic.close_reason = Some(CloseReason::Interrupted);
                traffic.ending = self.ending_of_broken();
            }
            State::Queue(ticket) => cx.pool.leave_queue(*ticket),
            State::Resolve(name) => cx.names.leave(name, cx.key),
            State::Begin { .. } | State::Ended(_) => {}
        }
        // Whatever sockets are left are closed before their place goes to somebody else.
        self.state = State::Ended(Ended { outcome, phase, at: cx.now, error, canceller, traffic });
        if let Some(link) = self.link.take() {
            cx.pool.close(link);
        }
    }

    /// Keeps the connection, or has it drained, or ends it.
    fn leave_connection(&mut self, outcome: Outcome, traffic: &mut Traffic, cx: &mut Context<'_>) {
        let closes = match outcome {
            Outcome::Complete => self.close_reason(cx),
            Outcome::Failed | Outcome::Cancelled => Some(CloseReason::Interrupted),
        };
        let drains = (cx.cancel.is_spared()).then(|| self.left_to_drain(cx)).flatten();
        let State::Exchange(exchange) = &mut self.state else {
            return;
        };
        let kept = closes.is_none() || drains.is_some();
        if kept
            && let Some((parked, peer)) = exchange.release()
            && let Some(link) = self.link.take()
        {
            match drains {
                None => {
                    cx.pool.keep(link, parked, peer, cx.now);
                    traffic.ending = Ending::Kept;
                }
                Some(left) => {
                    let until = cx.now.after_ms(self.options.drain_ms);
                    let times = (cx.now, until);
                    let drains = cx.pool.drain((link, parked, peer), left, cx.buffer, times);
                    traffic.ending = if drains { Ending::Drained } else { Ending::Finished };
                    traffic.close_reason = closes.filter(|_| !drains);
                }
            }
            return;
        }
        traffic.close_reason = closes.or(Some(CloseReason::Interrupted));
        // A request that the server still waits for must not end as if it were complete.
        let orderly = outcome == Outcome::Complete && exchange.sending().is_complete();
        if !orderly {
            exchange.abort();
        }
        traffic.ending = if orderly { Ending::Finished } else { self.ending_of_broken() };
    }

    /// How a connection is ended that was not to end.
    fn ending_of_broken(&self) -> Ending {
        match self.options.policy {
            Policy::Finish => Ending::Finished,
            Policy::Reset | Policy::Drain => Ending::Reset,
        }
    }

    /// Why the connection of a complete exchange is not kept, if it is not.
    fn close_reason(&mut self, cx: &mut Context<'_>) -> Option<CloseReason> {
        let (State::Exchange(exchange), Some(link)) = (&mut self.state, &self.link) else {
            return None;
        };
        if !cx.pool.keeps() {
            return Some(CloseReason::Alone);
        }
        let of_response = self.response.as_ref().and_then(|response| response.close_reason);
        of_response.or_else(|| {
            if cx.pool.is_old(link, cx.now) {
                Some(CloseReason::Age)
            } else if !cx.pool.wants(link) {
                Some(CloseReason::Full)
            } else {
                exchange.close_reason()
            }
        })
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
        if !self.options.has_deadlines() {
            return Ok(());
        }
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

    /// Connection attempts made.
    pub(super) fn attempts(&self) -> u32 {
        match (&self.state, &self.link) {
            (State::Connect(race), _) => race.attempts(),
            (State::Handshake(_) | State::Exchange(_), Some(link)) if !link.reused => {
                link.attempts.into()
            }
            _ => 0,
        }
    }

    /// What has been sent and received so far.
    pub(crate) fn traffic_now(&self) -> Traffic {
        let attempts = self.attempts();
        let before = self.retried.unwrap_or_default();
        match &self.state {
            State::Exchange(exchange) => Traffic {
                sent: exchange.sending().sent(),
                received: exchange.received(),
                attempts,
                interim: exchange.interim_seen(),
                may_have_acted: exchange.sending().head_is_out() || before.may_have_acted,
                reused: self.link.as_ref().is_some_and(|link| link.reused),
                tls: exchange.facts(),
                ..Traffic::default()
            },
            State::Ended(ended) => ended.traffic,
            State::Begin { .. }
            | State::Queue(_)
            | State::Resolve(_)
            | State::Connect(_)
            | State::Handshake(_) => {
                let may_have_acted = before.may_have_acted;
                Traffic { attempts, may_have_acted, ..Traffic::default() }
            }
        }
    }
}

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

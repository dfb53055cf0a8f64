//! What each outcome has to be justified by.

use super::flight::{self, Cancelled, fetched, plan};
use super::plan::{Pause, Plan};
use super::{secure, tokens};
use crate::error::Kind;
use crate::fetch::options::Deadline;
use crate::fetch::{Outcome, Phase, Status};
use crate::simulation::server::{Serving, script};
use crate::simulation::world::World;

/// A connection that was silent 10 ms before may be used without a look at it, and a call may be
/// interrupted for 50 ms.
const UNSEEN_NS: u64 = 60_000_000;

pub(super) fn digit(status: Status) -> u64 {
    match status {
        Status::Pending => 0,
        Status::Interim => 1,
        Status::Head => 2,
        Status::Readable => 3,
        Status::Writable => 4,
        Status::Ended(outcome) => 5 + outcome as u64,
    }
}

fn wrong(number: usize, why: &str) {
    World::with(|world| world.wrong(format!("fetch {number}: {why}")));
}

/// The outcome of a fetch, told for the first time or again.
pub(super) fn check_end(number: usize, outcome: Outcome) {
    let before = flight::with(number, |flight| flight.outcome.replace(outcome));
    match before {
        Some(before) if before == outcome => return,
        Some(before) => wrong(number, &format!("it was {before:?} and is {outcome:?}")),
        None => {}
    }
    let cancelled = flight::with(number, |flight| flight.cancelled);
    match (cancelled, outcome) {
        (Cancelled::No, Outcome::Cancelled) if !tokens::is_past(&plan(number)) => {
            wrong(number, "nobody has cancelled it");
        }
        (
            Cancelled::InTime | Cancelled::AtStart | Cancelled::Surely(_),
            Outcome::Complete | Outcome::Failed,
        ) => {
            wrong(number, &format!("it was cancelled while it ran, and is {outcome:?}"));
        }
        _ => {}
    }
    check_body_so_far(number);
    secure::check_report(number, outcome);
    match outcome {
        Outcome::Complete => check_complete(number),
        Outcome::Failed => check_failed(number),
        Outcome::Cancelled => {}
    }
}

/// The body as its user has it.
fn body_of(number: usize) -> Vec<u8> {
    if plan(number).streams {
        return flight::with(number, |flight| flight.read.clone());
    }
    let body = fetched(number).and_then(|fetched| {
        fetched.with(|fetch| fetch.body().map(|with_nul| with_nul[..with_nul.len() - 1].to_vec()))
    });
    body.flatten().unwrap_or_default()
}

/// What the head says whose answer it is.
fn field_of(number: usize) -> Option<String> {
    let field = fetched(number)?.with(|fetch| {
        fetch.head()?.fields.find(b"fetch").map(|value| value.to_string_lossy().into_owned())
    });
    field?
}

fn status_of(number: usize) -> Option<u16> {
    fetched(number)?.with(|fetch| fetch.head().map(|head| head.status))?
}

/// Whether the servers said it, to this fetch and no other.
fn was_said(number: usize, is_it: impl Fn(&Serving) -> bool) -> bool {
    World::with(|world| {
        world.servings.iter().any(|serving| serving.number == number && is_it(serving))
    })
}

/// What has come of a body is the beginning of one that a server meant for this fetch.
pub(super) fn check_body_so_far(number: usize) {
    let body = body_of(number);
    if !body.is_empty()
        && !was_said(number, |serving| serving.body.starts_with(&body) || !serving.is_sound)
    {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        wrong(number, &format!("no server said {shown:?} to it"));
    }
}

fn check_complete(number: usize) {
    let (body, status) = (body_of(number), status_of(number));
    let is_whole = |serving: &Serving| {
        serving.is_sound
            && serving.is_delivered
            && serving.body == body
            && Some(serving.status) == status
    };
    let is_named = field_of(number) == Some(number.to_string());
    let is_its = is_named && was_said(number, is_whole);
    if !is_its && !may_be_stray(number, status, &body) {
        wrong(number, &format!("it is DONE with {status:?} and {} bytes", body.len()));
    }
}

/// Bytes that a server sent to nobody may be taken for the answer to a request that was under way,
/// and not for one that was sent long after them.
fn may_be_stray(number: usize, status: Option<u16>, body: &[u8]) -> bool {
    status == Some(408)
        && body.is_empty()
        && script::TIMED_OUT.starts_with(b"HTTP/1.1 408")
        && strayed(number)
}

/// Whether bytes came on a connection of this fetch that nobody had asked for.
fn strayed(number: usize) -> bool {
    let plan = plan(number);
    World::with(|world| {
        world.connections.iter().any(|connection| {
            let its = connection.requests.list.iter().find(|request| request.number == number);
            // Of half a head nobody knows whose it is.
            let may_be_its = connection.requests.is_within_head()
                && connection.owner == Some(plan.caller)
                && connection.address.port() == plan.port;
            // What comes before the first request is meant for whoever made the connection.
            let is_first = connection.requests.list.first().is_some_and(|r| r.number == number);
            connection.server.stray_at.is_some_and(|at| {
                let is_soon = its.is_some_and(|request| request.sent_at <= at + UNSEEN_NS);
                may_be_its || is_first || is_soon
            })
        })
    })
}

fn check_failed(number: usize) {
    let told = fetched(number).and_then(|fetched| {
        fetched.with(|fetch| {
            let error = fetch.error()?;
            Some((error.kind, error.message.to_string_lossy().into_owned()))
        })
    });
    let Some((kind, message)) = told.flatten() else {
        return wrong(number, "it has FAILED without an error");
    };
    World::with(|world| world.trace(|_| format!("fetch {number} has failed: {message}")));
    if !is_excused(number, kind) {
        wrong(number, &format!("it has no reason to fail with {kind:?}: {message}"));
    }
}

/// Whether there was a reason to fail like this.
fn is_excused(number: usize, kind: Kind) -> bool {
    let plan = plan(number);
    if let Some(deadline) = deadline_of(kind) {
        return plan.timeout_ms(deadline).is_some_and(|ms| was_due(number, deadline, ms));
    }
    match kind {
        Kind::System => World::with(|world| world.shortages > 0),
        Kind::Receive if World::with(|world| world.shortages > 0) => true,
        Kind::Resolve if World::with(|world| world.shortages > 0) => true,
        Kind::Resolve => World::with(|world| {
            let name = plan.name();
            let is_it = |of: &str| name.as_deref() == Some(of);
            world.lookups.iter().any(|lookup| lookup.has_failed && is_it(&lookup.name))
        }),
        // A server may reset a connection before the client has seen that it is there.
        Kind::Connect => {
            World::with(|world| world.was_refused(plan.caller, plan.port)) || broke(&plan)
        }
        Kind::BodyTooLarge => {
            let limit = plan.body_limit.unwrap_or(u64::MAX);
            was_said(number, |serving| serving.body.len() as u64 > limit)
        }
        Kind::UploadIncomplete => plan.written_len() < plan.upload_len(),
        _ if was_said(number, |serving| serving.allowed.contains(&kind)) => true,
        _ if secure::is_refused(&plan, kind) => true,
        Kind::Tls | Kind::Send | Kind::Receive | Kind::NoResponse | Kind::Truncated => broke(&plan),
        Kind::NotHttp | Kind::ExtraBytes => strayed(number),
        _ => false,
    }
}

fn deadline_of(kind: Kind) -> Option<Deadline> {
    Some(match kind {
        Kind::TimeoutTotal => Deadline::Total,
        Kind::TimeoutResolve => Deadline::Resolve,
        Kind::TimeoutConnect => Deadline::Connect,
        Kind::TimeoutFirstByte => Deadline::FirstByte,
        Kind::TimeoutHead => Deadline::Head,
        Kind::TimeoutIdle => Deadline::Idle,
        Kind::TimeoutQueue => Deadline::Queue,
        _ => return None,
    })
}

/// Whether the time of a deadline had passed when the fetch ended.
fn was_due(number: usize, deadline: Deadline, ms: u32) -> bool {
    let Some(report) = fetched(number).and_then(|fetched| fetched.with(|fetch| fetch.report()))
    else {
        return false;
    };
    let since = match deadline {
        Deadline::Total | Deadline::Queue => Some(0),
        Deadline::Resolve => report.granted_ns,
        Deadline::Connect => report.connecting_ns,
        Deadline::FirstByte | Deadline::Head => report.waiting_ns,
        Deadline::Idle => report.sending_ns,
    };
    let (Some(since), Some(ended)) = (since, report.ended_ns) else {
        return false;
    };
    ended >= since + u64::from(ms) * 1_000_000
}

/// Whether a server has broken off a connection that this fetch had, before it was answered.
fn broke(plan: &Plan) -> bool {
    World::with(|world| {
        world.connections.iter().enumerate().any(|(at, connection)| {
            let has = connection.owner == Some(plan.caller)
                && connection.address.port() == plan.port
                && connection.server.closed_at.is_some();
            let is_its = connection.requests.list.iter().any(|r| r.number == plan.number)
                || connection.requests.is_within_head();
            // One that nothing could be sent on any more.
            let is_unsent = connection.requests.sent == 0;
            let is_answered = world.servings.iter().any(|serving| {
                serving.number == plan.number && serving.connection == at && serving.is_delivered
            });
            has && (is_its || is_unsent) && !is_answered
        })
    })
}

/// Nothing is left to happen, and this fetch has not ended: somebody has to be waited for.
pub(super) fn check_stuck(number: usize, all: &[usize]) {
    let plan = plan(number);
    let Some(fetched) = fetched(number) else {
        return;
    };
    let Some(phase) = fetched.with(|fetch| fetch.phase()) else {
        return wrong(number, "its client is busy, and nobody is inside");
    };
    let waits_for_user = flight::with(number, |flight| flight.is_kept_waiting);
    if waits_for_user && plan.pause == Pause::ForEver {
        return;
    }
    if waits_for_user {
        return wrong(number, "its user has not come back");
    }
    if plan.timeout_ms(Deadline::Total).is_some() {
        return wrong(number, "it waits beyond its deadline");
    }
    let is_excused = match phase {
        Phase::Queued => {
            plan.timeout_ms(Deadline::Queue).is_none()
                && all.iter().any(|&other| {
                    let other = flight::fetched(other);
                    let phase = other.and_then(|other| other.with(|fetch| fetch.phase()));
                    phase.is_some_and(|phase| phase != Phase::Queued)
                })
        }
        Phase::Handshaking => plan.timeout_ms(Deadline::Connect).is_none() && faces_silence(&plan),
        Phase::Sending | Phase::Waiting | Phase::Receiving => {
            plan.timeout_ms(Deadline::Idle).is_none() && faces_silence(&plan)
        }
        Phase::Resolving | Phase::Connecting | Phase::Ended => false,
    };
    if !is_excused {
        wrong(number, &format!("it hangs, {phase:?}"));
    }
}

/// Whether the server of this fetch does nothing more.
fn faces_silence(plan: &Plan) -> bool {
    World::with(|world| {
        world.connections.iter().any(|connection| {
            let last = connection.requests.list.last();
            let is_its = last.is_some_and(|last| last.number == plan.number)
                || connection.requests.is_within_head()
                || connection.requests.sent == 0;
            connection.owner == Some(plan.caller)
                && connection.address.port() == plan.port
                && connection.is_live()
                && is_its
                && connection.server.is_silent()
        })
    })
}

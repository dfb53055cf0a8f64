//! Those who cancel and free, and what has to be so when they have done it.

use super::flight::{self, Cancelled, Flight, fetched, plan};
use super::plan::Plan;
use super::{Users, inside, is_busy, rest, tokens};
use crate::fetch::Phase;
use crate::fetch::options::Policy;
use crate::simulation::turns::Turn;
use crate::simulation::world::connection::Ending;
use crate::simulation::world::{Inside, World};

/// Another thread cancels some fetch that runs.
pub(crate) fn somebody() {
    let running: Vec<usize> = Users::with(|users| {
        let flights = users.flights.iter().enumerate();
        flights.filter(|(_, flight)| flight.is_flying()).map(|(number, _)| number).collect()
    });
    // Not too many, or none would ever come to another end.
    if running.is_empty() || World::with(|world| world.random.percent(60)) {
        return;
    }
    let chosen = World::with(|world| world.random.below(running.len() as u64) as usize);
    cancel(running[chosen]);
}

pub(crate) fn cancel(number: usize) {
    let Some(fetched) = fetched(number) else {
        return;
    };
    // While somebody is inside, nobody can tell whether it runs.
    let was_busy = is_busy(plan(number).caller);
    let is_running = !was_busy && note_surely(number);
    before(number, was_busy);
    World::with(|world| {
        world.note("cancel", number as u64, is_running.into());
        world.enter(Inside::Canceller(number));
    });
    fetched.cancel();
    World::with(|world| {
        world.leave();
        world.note("cancelled", number as u64, 0);
    });
    let is_first = World::with(|world| world.has_acted(number));
    flight::with(number, |flight| {
        if is_first && matches!(flight.cancelled, Cancelled::No | Cancelled::Perhaps) {
            flight.cancelled = Cancelled::InTime;
        }
    });
    after(number, is_running);
}

/// A cancel begins, which may come before the end of the fetch or not.
pub(super) fn before(number: usize, is_unsure: bool) {
    flight::with(number, |flight| {
        flight.cancellers += 1;
        if is_unsure && flight.cancelled == Cancelled::No {
            flight.cancelled = Cancelled::Perhaps;
        }
    });
}

/// A cancel has come to its end.
pub(super) fn after(number: usize, is_running: bool) {
    let others = flight::with(number, |flight| {
        flight.cancellers -= 1;
        flight.cancellers
    });
    // The first of several acts, which may not have come to its end yet. It may be somebody who
    // was told that the deadline of a token has passed.
    let is_calm = World::with(|world| world.inside().is_empty());
    if others > 0 || !is_calm && tokens::is_past(&plan(number)) {
        return;
    }
    World::with(|world| world.note_cancelled(number));
    let Some(fetched) = fetched(number).filter(|_| is_running) else {
        return;
    };
    check_wire(number);
    let has_ended = fetched.with(|fetch| fetch.is_ended()).unwrap_or(true);
    let fd = fetched.fd();
    if !has_ended && fd >= 0 && !World::with(|world| world.is_readable(fd)) {
        World::with(|world| world.wrong(format!("the cancel of fetch {number} tells nobody")));
    }
}

/// If a fetch runs, notes that it is about to be cancelled, and says so.
pub(super) fn note_surely(number: usize) -> bool {
    let phase = fetched(number).and_then(|fetched| fetched.with(|fetch| fetch.phase()));
    let running = phase.filter(|&phase| phase != Phase::Ended);
    flight::with(number, |flight| {
        if let (Some(phase), Cancelled::No | Cancelled::Perhaps) = (running, flight.cancelled) {
            flight.cancelled = Cancelled::Surely(phase);
        }
    });
    running.is_some()
}

/// A connection on which the request of a fetch was under way, when that was cancelled, is ended
/// from this side, as its policy says. The last of those who are inside looks.
pub(super) fn check_wire(number: usize) {
    let (cancelled, others) = flight::with(number, |flight| (flight.cancelled, flight.cancellers));
    let (Cancelled::Surely(phase), 0) = (cancelled, others) else {
        return;
    };
    let Plan { caller, policy, .. } = *plan(number);
    World::with(|world| {
        let is_alone = caller >= world.habits.clients;
        let mut complaints = Vec::new();
        for (at, connection) in world.connections.iter().enumerate() {
            let is_its = match connection.requests.list.last() {
                Some(last) => last.number == number,
                // A handshake is for whoever made the connection, if that is known.
                None => is_alone && phase == Phase::Handshaking && connection.requests.sent > 0,
            };
            if !is_its || connection.owner != Some(caller) || connection.server.closed_at.is_some()
            {
                continue;
            }
            let endings = &connection.endings[..];
            let is_reset = matches!(endings.last(), Some(Ending::Reset | Ending::Refused));
            let is_right = match policy {
                Policy::Reset => is_reset,
                Policy::Finish => {
                    endings.first() == Some(&Ending::Finished) && !endings.contains(&Ending::Reset)
                }
                // What is spared is read out, and kept or closed.
                Policy::Drain if phase == Phase::Receiving => true,
                Policy::Drain => is_reset,
            };
            let session = connection.server.session.as_ref();
            let is_spared = policy == Policy::Drain && phase == Phase::Receiving;
            if !is_spared && session.is_some_and(|session| session.client_has_parted()) {
                complaints.push(format!("fetch {number} was cancelled, and says goodbye"));
            }
            if !is_right {
                complaints.push(format!(
                    "fetch {number} was cancelled with {policy:?}, and connection {at} is {endings:?}"
                ));
            }
        }
        complaints.into_iter().for_each(|complaint| world.wrong(complaint));
    });
}

/// Frees a fetch, ended or not; later if a cancel of it is inside, as the header asks.
pub(super) fn free(number: usize) {
    let (is_inside, fetched) =
        flight::with(number, |flight| (flight.cancellers > 0, flight.fetched.clone()));
    let Some(fetched) = fetched else {
        return;
    };
    if is_inside {
        return World::with(|world| world.plan_turn(1_000, Turn::Free(number)));
    }
    note_surely(number);
    let caller = plan(number).caller;
    World::with(|world| world.note("free", number as u64, 0));
    if !inside(caller, || fetched.release()) {
        return World::with(|world| world.wrong(format!("fetch {number} cannot be freed")));
    }
    World::with(|world| world.note_cancelled(number));
    if flight::with(number, |flight| flight.outcome.is_none()) {
        check_wire(number);
    }
    flight::with(number, |flight| {
        let Flight { fetched, is_freed, is_kept_waiting, deadline, .. } = flight;
        (*fetched, *is_freed, *is_kept_waiting, *deadline) = (None, true, false, None);
    });
    // The last of its client closes the descriptor.
    inside(caller, || drop(fetched));
    rest::refresh(caller);
    // Whoever gives up may try again at once.
    let next = Users::with(|users| {
        users.flights.iter().position(|flight| flight.caller == caller && !flight.has_begun)
    });
    World::with(|world| {
        if let Some(next) = next.filter(|_| world.random.percent(50)) {
            world.plan_turn(0, Turn::Start(next));
        }
    });
}

//! What has to be so whenever nobody is inside the library, and when nothing is left to happen.

use super::flight::{self, Cancelled};
use super::plan::Plan;
use super::{Users, client, is_busy, laws, tokens};
use crate::client::Count;
use crate::fetch::Phase;
use crate::fetch::options::Deadline;
use crate::fetch::report::Report;
use crate::simulation::turns::Turn;
use crate::simulation::world::World;
use crate::simulation::world::files::Kind;
use std::collections::BTreeSet;
use std::rc::Rc;

/// How often a descriptor may be polled while nothing happens: each poll may do a part of what
/// is ready.
pub(super) const POLLS_MAX: u32 = 300;

/// A deadline may be late by as much, if its user polls at once.
const TICK_NS: u64 = 1_000_000;

/// Has those polled that are readable, and sees to it that no deadline passes unnoticed.
pub(crate) fn look() {
    let callers = Users::with(|users| users.callers.len());
    for caller in 0..callers {
        let (fd, is_planned) = Users::with(|users| {
            let caller = &users.callers[caller];
            (caller.fd, caller.is_poll_planned)
        });
        // Nobody polls a fetch that has ended.
        let is_over = client(caller).is_none() && flight::of_caller(caller).is_empty();
        if fd < 0 || is_planned || is_over {
            continue;
        }
        if World::with(|world| world.is_readable(fd)) {
            Users::with(|users| users.callers[caller].is_poll_planned = true);
            World::with(|world| {
                let lag = world.random.below(world.habits.lag_ns);
                world.plan_turn(lag, Turn::Poll(caller));
            });
            continue;
        }
        let now = World::with(|world| world.now());
        for number in flight::of_caller(caller) {
            let (due, is_inside) =
                flight::with(number, |flight| (flight.deadline, flight.cancellers > 0));
            World::with(|world| {
                // One that fails for a shortage may have nothing to tell it with.
                let is_cancelled = world.cancelled_in(number).is_some() && world.shortages == 0;
                if is_cancelled && !is_inside {
                    world.wrong(format!("the end of fetch {number} is not told"));
                }
            });
            if due.is_some_and(|due| due + TICK_NS < now) {
                World::with(|world| {
                    world.wrong(format!("a deadline of fetch {number} has passed unnoticed"));
                });
            }
        }
    }
}

/// Looks at the fetches of a caller after a call.
pub(super) fn refresh(caller: usize) {
    if is_busy(caller) {
        return;
    }
    let plans = World::with(|world| Rc::clone(&world.plans));
    let mut wanted = BTreeSet::new();
    let mut names = BTreeSet::new();
    for plan in plans.iter().filter(|plan| plan.caller == caller) {
        names.extend(plan.name());
        let Some(fetched) = flight::fetched(plan.number) else {
            continue;
        };
        let Some(stand) = fetched.with(|fetch| (fetch.phase(), fetch.report())) else {
            continue;
        };
        if stand.0 == Phase::Resolving {
            wanted.extend(plan.name());
        }
        let started = flight::with(plan.number, |flight| flight.started_at);
        let deadline = next_deadline(plan, started, &stand);
        flight::with(plan.number, |flight| flight.deadline = deadline);
    }
    World::with(|world| {
        names.difference(&wanted).for_each(|name| world.note_unwanted(caller, name));
    });
    check_counts(caller, &plans);
}

/// When a fetch is due at the latest, as far as it can be told from its report.
fn next_deadline(plan: &Plan, started: u64, (phase, report): &(Phase, Report)) -> Option<u64> {
    let after = |deadline: Deadline, since: Option<u64>| {
        Some(started + since? + u64::from(plan.timeout_ms(deadline)?) * 1_000_000)
    };
    let started = Some(0);
    let in_phase = match phase {
        Phase::Queued => [after(Deadline::Queue, started), None],
        Phase::Resolving => [after(Deadline::Resolve, report.granted_ns), None],
        Phase::Connecting | Phase::Handshaking => {
            [after(Deadline::Connect, report.connecting_ns), None]
        }
        Phase::Waiting if report.first_byte_ns.is_none() => [
            after(Deadline::FirstByte, report.waiting_ns),
            after(Deadline::Head, report.waiting_ns),
        ],
        Phase::Waiting => [after(Deadline::Head, report.waiting_ns), None],
        Phase::Sending | Phase::Receiving => [None, None],
        Phase::Ended => return None,
    };
    let token = tokens::deadline(plan);
    in_phase.into_iter().chain([after(Deadline::Total, started), token]).flatten().min()
}

/// What a client counts is what there is.
fn check_counts(caller: usize, plans: &[Rc<Plan>]) {
    let Some(client) = client(caller) else {
        return;
    };
    let count = |count| client.count(count).unwrap_or(u64::MAX);
    let mut complaints = Vec::new();
    let limits = Users::with(|users| users.callers[caller].limits);
    let (connections, idle) = (count(Count::Connections), count(Count::Idle));
    if limits.connections > 0 && connections > limits.connections as u64 && idle > 0 {
        complaints
            .push(format!("{connections} connections, {idle} of them idle, under {limits:?}"));
    }
    let held = plans.iter().filter(|plan| plan.caller == caller);
    let held: Vec<Phase> =
        held.filter_map(|plan| flight::fetched(plan.number)?.with(|fetch| fetch.phase())).collect();
    for phase in
        [Phase::Queued, Phase::Resolving, Phase::Connecting, Phase::Handshaking, Phase::Sending]
    {
        let there = held.iter().filter(|&&other| other == phase).count() as u64;
        if count(Count::In(phase)) != there {
            complaints
                .push(format!("it counts {} {phase:?}, not {there}", count(Count::In(phase))));
        }
    }
    let is_calm = World::with(|world| world.inside().is_empty());
    if is_calm && held.iter().all(|&phase| phase == Phase::Ended) {
        let sockets = World::with(|world| world.sockets_of(caller));
        if connections != sockets || connections != idle + count(Count::Draining) {
            complaints.push(format!("it counts {connections} connections, {idle} idle; {sockets}"));
        }
    }
    World::with(|world| {
        complaints.into_iter().for_each(|why| world.wrong(format!("client {caller}: {why}")));
    });
}

/// When nothing is left to happen, each fetch has ended or waits for one who does nothing.
pub(crate) fn check_rest() {
    for caller in 0..Users::with(|users| users.callers.len()) {
        let waiting = flight::of_caller(caller);
        for &number in &waiting {
            laws::check_stuck(number, &waiting);
        }
        let keeps_for_ever = Users::with(|users| users.callers[caller].keeps_for_ever);
        let Some(client) = client(caller) else {
            continue;
        };
        let count = |count| client.count(count).unwrap_or(0);
        let (idle, draining) = (count(Count::Idle), count(Count::Draining));
        if draining > 0 || idle > 0 && !keeps_for_ever {
            World::with(|world| {
                world.wrong(format!("client {caller}: {idle} idle, {draining} draining for ever"));
            });
        }
    }
}

/// Has everything ended and freed, in any order.
pub(crate) fn plan_end() {
    let (flights, callers) = Users::with(|users| (users.flights.len(), users.callers.len()));
    World::with(|world| {
        for number in 0..flights {
            if world.random.percent(50) {
                let delay = world.random.below(1_000_000);
                world.plan_turn(delay, Turn::Cancel(number));
            }
            let delay = world.random.below(2_000_000);
            world.plan_turn(delay, Turn::Free(number));
        }
        for caller in 0..callers {
            let delay = world.random.below(2_000_000);
            world.plan_turn(delay, Turn::Close(caller));
        }
    });
}

/// When everything has been freed, nothing is left.
pub(crate) fn check_end() {
    let complaints = World::with(|world| {
        let mut complaints: Vec<String> =
            world.open_files().map(|(fd, file)| format!("{fd} is left open: {file:?}")).collect();
        if world.helpers() > 0 {
            complaints.push(format!("{} helper threads are left", world.helpers()));
        }
        complaints
    });
    let lost = Users::with(|users| {
        let flights = users.flights.iter().enumerate();
        let lost = flights.filter(|(_, flight)| {
            !flight.is_freed && (flight.fetched.is_some() || flight.cancelled != Cancelled::No)
        });
        lost.map(|(number, _)| format!("fetch {number} is left")).collect::<Vec<_>>()
    });
    World::with(|world| complaints.into_iter().chain(lost).for_each(|why| world.wrong(why)));
}

impl World {
    fn sockets_of(&self, caller: usize) -> u64 {
        let is_its = |kind: &Kind, owner| matches!(kind, Kind::Socket(_)) && owner == Some(caller);
        self.open_files().filter(|(_, file)| is_its(&file.kind, file.owner)).count() as u64
    }
}

//! Whose turn it is: the network, helper threads and those who cancel between any two system calls,
//! and the users of the library one after the other.

use crate::simulation::caller::{self, cancel, rest, tokens};
use crate::simulation::world::names::help;
use crate::simulation::world::{Event, Inside, World};
use crate::transport::sys::Fd;

/// A call, or a few, that a user of the library makes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    Start(usize),
    /// What is readable is polled: a client, or a fetch alone.
    Poll(usize),
    /// A fetch is asked how it stands, and read or written.
    Attend(usize),
    /// The same, after its user has taken its time.
    Move(usize),
    /// Inside a call that waits.
    Wait(usize),
    Cancel(usize),
    Free(usize),
    /// Limits and timeouts of a client change.
    Change(usize),
    /// A client is freed.
    Close(usize),
}

/// How deep threads may interrupt each other.
const DEPTH_MAX: usize = 4;

/// After so many steps a world is taken for one that never comes to rest.
const STEPS_MAX: usize = 400_000;

/// No interruption of a call is longer.
const INTERRUPTED_NS: u64 = 50_000_000;

/// Called at the borders of each system call.
pub(crate) fn let_others() {
    let is_interrupted = World::with(|world| {
        world.calls += 1;
        let ns = world.random.below(world.habits.call_ns);
        world.pass(ns);
        let one_in = world.habits.interruption;
        one_in > 0 && world.random.below(one_in) == 0
    });
    if World::with(|world| world.inside().len()) > DEPTH_MAX {
        return;
    }
    happen();
    poll_beside_a_cancel();
    if !is_interrupted {
        return;
    }
    match World::with(|world| world.random.below(3)) {
        0 => cancel::somebody(),
        1 => {
            World::with(|world| {
                let now = world.now();
                let next = world.next_beside().filter(|&at| at < now + INTERRUPTED_NS);
                next.inspect(|&at| world.pass_until(at));
            });
            happen();
        }
        _ if World::with(|world| world.is_no_caller_inside()) => take_turn(),
        _ => {}
    }
}

/// While a canceller is at work, the owner may see what it has done so far.
fn poll_beside_a_cancel() {
    let cancelled = World::with(|world| match world.inside().last() {
        Some(&(Inside::Canceller(number) | Inside::TokenCanceller(number)))
            if world.is_no_caller_inside() =>
        {
            Some(number).filter(|_| world.random.below(4) == 0)
        }
        _ => None,
    });
    cancelled.into_iter().for_each(caller::poll_for);
}

/// What is due beside those who call.
fn happen() {
    while let Some(event) = World::with(|world| world.pop_beside()) {
        match World::with(|world| world.handle(event)) {
            None => {}
            Some(Event::HelperBegins(helper)) => help(helper, false),
            Some(Event::HelperAnswered(helper)) => help(helper, true),
            Some(Event::Cancel(number)) => cancel::cancel(number),
            Some(Event::CancelToken(token)) => tokens::cancel(token),
            Some(other) => unreachable!("the world handles {other:?} itself"),
        }
        caller::note_outside();
    }
}

/// Waits until an epoll is readable, or the time is over, or a signal comes.
pub(crate) fn sleep(epoll: Fd, timeout_ms: Option<u32>) {
    let end = World::with(|world| {
        timeout_ms.map(|ms| world.now().saturating_add(u64::from(ms) * 1_000_000))
    });
    loop {
        let is_over = World::with(|world| {
            if world.is_readable(epoll) || world.random.percent(2) {
                return true;
            }
            // If nothing will ever happen, it is a signal that ends it.
            let next = world.next_beside();
            let until = next.into_iter().chain(end).min();
            until.inspect(|&at| world.pass_until(at));
            next.is_none_or(|at| end.is_some_and(|end| end < at))
        });
        if is_over {
            return;
        }
        happen();
    }
}

/// One call of a user, if one is due.
fn take_turn() {
    let due = World::with(|world| {
        let now = world.now();
        world.turns.pop(now)
    });
    if let Some(turn) = due {
        caller::take(turn);
    }
}

/// Runs the world until nothing is left to happen. Fails with what went wrong first.
pub(crate) fn run() -> Result<(), String> {
    for _ in 0..STEPS_MAX {
        rest::look();
        if let Some(wrong) = World::with(|world| world.first_wrong().cloned()) {
            return Err(wrong);
        }
        let next =
            World::with(|world| world.next_beside().into_iter().chain(world.turns.next_at()).min());
        let Some(next) = next else {
            return Ok(());
        };
        World::with(|world| world.pass_until(next));
        happen();
        take_turn();
    }
    Err(format!("the world does not come to rest in {STEPS_MAX} steps"))
}

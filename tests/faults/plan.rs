//! What is to happen to which call, and who makes it.

use super::support::calls;
use super::table::{Call, Fault, How};
use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

thread_local! {
    static IS_HELPER: Cell<bool> = const { Cell::new(false) };
}

/// This thread is one that the library has made.
pub(crate) fn become_helper() {
    IS_HELPER.set(true);
}

/// Whether this thread's calls are the library's; all others are the test's own.
pub(crate) fn is_library() -> bool {
    calls::is_inside() || IS_HELPER.get()
}

/// So many calls move a byte at most, and the rest of a huge body what they can.
const SLOW_CALLS: usize = 30_000;

struct Plan {
    fault: Option<Fault>,
    /// How many calls of each kind there were.
    seen: [usize; Call::COUNT],
}

static PLAN: Mutex<Plan> = Mutex::new(Plan { fault: None, seen: [0; Call::COUNT] });

fn plan() -> MutexGuard<'static, Plan> {
    PLAN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on, this happens, if anything.
pub(crate) fn arm(fault: Option<Fault>) {
    *plan() = Plan { fault, seen: [0; Call::COUNT] };
}

/// Whether it has happened.
pub(crate) fn has_happened() -> bool {
    let plan = plan();
    plan.fault.is_some_and(|fault| plan.seen[fault.call as usize] >= fault.nth)
}

/// Nothing more happens. Says how many calls of each kind there were.
pub(crate) fn disarm() -> [usize; Call::COUNT] {
    std::mem::replace(&mut *plan(), Plan { fault: None, seen: [0; Call::COUNT] }).seen
}

/// What is to happen to this call.
pub(crate) fn fate(call: Call) -> Option<How> {
    if !is_library() {
        return None;
    }
    let mut plan = plan();
    let seen = &mut plan.seen[call as usize];
    *seen += 1;
    let seen = *seen;
    let fault = plan.fault.filter(|fault| fault.call == call)?;
    let is_due = match fault.how {
        How::AllMoveOne => seen <= SLOW_CALLS,
        _ => seen == fault.nth,
    };
    is_due.then_some(fault.how)
}

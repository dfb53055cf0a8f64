//! What the user of a fetch does when it has news: asks, reads and writes.

use super::flight::{self, fetched, plan};
use super::plan::{Pause, Plan, Upload, upload_byte};
use super::{inside, laws, rest};
use crate::error::Error;
use crate::fetch::Status;
use crate::simulation::turns::Turn;
use crate::simulation::world::World;

/// After so many small shares there are larger ones.
const SMALL_SHARES: usize = 60;

/// So often a user waits inside a call.
const WAITS_MAX: u32 = 100;

/// After so many shares in a row others get their turn.
const SHARES_IN_A_ROW: usize = 20;

/// Asks a fetch how it stands, until it has nothing more to say.
pub(super) fn attend(number: usize) {
    let plan = plan(number);
    let mut shares = 0;
    while let Some(fetched) = fetched(number) {
        let status = inside(plan.caller, || fetched.poll());
        note(number, status);
        match status {
            None | Some(Status::Pending | Status::Ended(_)) => return,
            Some(Status::Interim | Status::Head) => {}
            Some(Status::Readable | Status::Writable) => match plan.pause {
                Pause::None if shares < SHARES_IN_A_ROW => {
                    shares += 1;
                    move_bytes(number, &plan);
                }
                Pause::None => return later(number, 1_000),
                Pause::Of(ns) => return later(number, ns),
                Pause::ForEver => {
                    return flight::with(number, |flight| flight.is_kept_waiting = true);
                }
            },
        }
    }
}

/// Its user will come back to it.
fn later(number: usize, ns: u64) {
    flight::with(number, |flight| flight.is_kept_waiting = true);
    World::with(|world| world.plan_turn(ns, Turn::Move(number)));
}

/// The user has come back to it.
pub(super) fn go_on(number: usize) {
    flight::with(number, |flight| flight.is_kept_waiting = false);
    move_bytes(number, &plan(number));
    attend(number);
}

pub(super) fn wait(number: usize) {
    let plan = plan(number);
    let Some(fetched) = fetched(number) else {
        return;
    };
    let ms = plan.waits_ms.expect("it is planned for those who wait");
    let waits = flight::with(number, |flight| {
        flight.waits += 1;
        flight.waits
    });
    let status = inside(plan.caller, || fetched.wait(ms));
    note(number, status);
    match status {
        // One that waits for nothing goes back to its loop.
        Some(Status::Pending) if waits > WAITS_MAX => {}
        Some(Status::Pending) => World::with(|world| world.plan_turn(1_000, Turn::Wait(number))),
        // It is told as a poll would tell it, once.
        _ => attend(number),
    }
}

/// Reads or writes one share, as the fetch has asked for it last.
fn move_bytes(number: usize, plan: &Plan) {
    match flight::with(number, |flight| flight.status) {
        Status::Readable => read(number, plan),
        Status::Writable => write(number, plan),
        _ => {}
    }
}

fn read(number: usize, plan: &Plan) {
    let Some(fetched) = fetched(number) else {
        return;
    };
    let share = flight::with(number, |flight| {
        flight.reads += 1;
        if flight.reads > SMALL_SHARES { 65_536 } else { plan.share }
    });
    let mut buffer = vec![0; share];
    let Some((count, status)) = told(number, inside(plan.caller, || fetched.read(&mut buffer)))
    else {
        return;
    };
    flight::with(number, |flight| flight.read.extend_from_slice(&buffer[..count]));
    note(number, Some(status));
    laws::check_body_so_far(number);
}

fn write(number: usize, plan: &Plan) {
    let Some(fetched) = fetched(number) else {
        return;
    };
    let written = flight::with(number, |flight| flight.written);
    let share = plan.share.max(plan.upload_len() / 100);
    let end = plan.written_len().min(written + share);
    if written < end {
        let data: Vec<u8> = (written..end).map(|at| upload_byte(number, at as u64)).collect();
        let Some((count, status)) = told(number, inside(plan.caller, || fetched.write(&data)))
        else {
            return;
        };
        flight::with(number, |flight| flight.written += count);
        note(number, Some(status));
    }
    let is_all = flight::with(number, |flight| {
        let is_all = flight.written == plan.written_len() && !flight.has_ended_upload;
        flight.has_ended_upload |= is_all;
        is_all
    });
    if is_all && matches!(plan.upload, Upload::Length(_) | Upload::Chunked(_)) {
        let ended = inside(plan.caller, || fetched.write_end());
        if let Some(status) = told(number, ended) {
            note(number, Some(status));
        }
    }
}

/// A call that fits the state of the fetch is not refused.
fn told<T>(number: usize, result: Option<Result<T, Error>>) -> Option<T> {
    match result {
        Some(Ok(told)) => Some(told),
        refused => {
            let why = match refused {
                Some(Err(error)) => error.message.to_string_lossy().into_owned(),
                _ => "busy".to_owned(),
            };
            World::with(|world| world.wrong(format!("a call on fetch {number} is refused: {why}")));
            None
        }
    }
}

/// What a fetch has said.
fn note(number: usize, status: Option<Status>) {
    let Some(status) = status else {
        return World::with(|world| world.wrong(format!("fetch {number} is said to be busy")));
    };
    World::with(|world| {
        world.note("status", number as u64, laws::digit(status));
        world.trace(|_| format!("fetch {number} is {status:?}"));
    });
    let caller = flight::with(number, |flight| {
        flight.status = status;
        flight.is_kept_waiting = false;
        flight.heads += u32::from(status == Status::Head);
        flight.caller
    });
    if flight::with(number, |flight| flight.heads) > 1 {
        World::with(|world| world.wrong(format!("fetch {number} tells of its head again")));
    }
    if let Status::Ended(outcome) = status {
        laws::check_end(number, outcome);
    }
    rest::refresh(caller);
}

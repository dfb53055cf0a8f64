//! Tokens, those who cancel them, and what that does to the fetches under them.

use super::plan::{Plan, TokenPlan};
use super::{Users, cancel, flight, is_busy};
use crate::simulation::world::{Event, Inside, World};
use crate::transport::token::Token;
use std::sync::Arc;

/// A token, as its user knows it.
pub(crate) struct Held {
    token: Arc<Token>,
    parent: Option<usize>,
    deadline: Option<u64>,
    is_cancelled: bool,
}

/// Makes the tokens of a world.
pub(super) fn begin() {
    let plans = World::with(|world| world.habits.tokens.clone());
    for (number, TokenPlan { parent, timeout_ms, cancelled_ns }) in plans.into_iter().enumerate() {
        let above = parent.map(self::token);
        let token = Arc::new(Token::new(above));
        let now = World::with(|world| world.now());
        if let Some(ms) = timeout_ms {
            token.set_timeout(ms).expect("nobody has used it");
        }
        let deadline = timeout_ms.map(|ms| now + u64::from(ms) * 1_000_000);
        let held = Held { token, parent, deadline, is_cancelled: false };
        Users::with(|users| users.tokens.push(held));
        World::with(|world| {
            if let Some(ns) = cancelled_ns {
                world.later(ns, Event::CancelToken(number));
            }
        });
    }
}

fn token(number: usize) -> Arc<Token> {
    Users::with(|users| Arc::clone(&users.tokens[number].token))
}

pub(super) fn of(plan: &Plan) -> Option<Arc<Token>> {
    plan.token.map(token)
}

/// What `f` tells of a fetch's token and those above.
fn line<T>(plan: &Plan, f: impl Fn(usize, &Held) -> Option<T>) -> Vec<T> {
    Users::with(|users| {
        let above = |&number: &usize| users.tokens[number].parent;
        let line = std::iter::successors(plan.token, above);
        line.filter_map(|number| f(number, &users.tokens[number])).collect()
    })
}

/// When the first of its tokens cancels by itself.
pub(super) fn deadline(plan: &Plan) -> Option<u64> {
    line(plan, |_, held| held.deadline).into_iter().min()
}

/// Whether the deadline of one of its tokens has passed.
pub(super) fn is_past(plan: &Plan) -> bool {
    let now = World::with(|world| world.now());
    deadline(plan).is_some_and(|at| at <= now)
}

/// A fetch is about to start: under a token that was cancelled it is CANCELLED at once.
pub(super) fn note_start(plan: &Plan) {
    if !line(plan, |_, held| held.is_cancelled.then_some(())).is_empty() {
        flight::with(plan.number, |flight| flight.cancelled = flight::Cancelled::AtStart);
    }
}

/// A fetch has been started: its token may have been cancelled meanwhile.
pub(super) fn note_started(plan: &Plan) {
    let is_cancelled = !line(plan, |_, held| held.is_cancelled.then_some(())).is_empty();
    flight::with(plan.number, |flight| {
        if is_cancelled && flight.cancelled == flight::Cancelled::No {
            flight.cancelled = flight::Cancelled::Perhaps;
        }
    });
}

/// Another thread cancels a token, with all that runs under it.
pub(crate) fn cancel(number: usize) {
    let plans = World::with(|world| std::rc::Rc::clone(&world.plans));
    let is_under = |plan: &Plan| line(plan, |other, _| (other == number).then_some(())).len() == 1;
    let under: Vec<usize> = (plans.iter())
        .filter(|plan| is_under(plan) && flight::with(plan.number, |flight| flight.is_flying()))
        .map(|plan| plan.number)
        .collect();
    under.iter().for_each(|&fetch| cancel::before(fetch, true));
    World::with(|world| {
        world.note("cancel token", number as u64, under.len() as u64);
        world.enter(under.first().map_or(Inside::Helper, |&fetch| Inside::TokenCanceller(fetch)));
    });
    token(number).cancel();
    World::with(|world| world.leave());
    Users::with(|users| users.tokens[number].is_cancelled = true);
    for fetch in under {
        // Its turn may have come when it had just ended.
        let is_running = !is_busy(flight::plan(fetch).caller) && cancel::note_surely(fetch);
        cancel::after(fetch, is_running);
    }
}

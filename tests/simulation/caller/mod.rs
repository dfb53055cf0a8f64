//! The users of the library: each client, and each fetch alone, has one, which does as the header
//! says. It polls when the descriptor is readable, and at no other time.

pub(crate) mod cancel;
mod flight;
mod laws;
pub(crate) mod plan;
pub(crate) mod rest;
mod secure;
mod talk;
pub(crate) mod tokens;

use crate::client::{Client, ClientLimit, ClientTimeout, start_alone};
use crate::connection::pool::Limit;
use crate::simulation::turns::Turn;
use crate::simulation::world::{Event, Inside, World};
use crate::transport::sys::Fd;
use flight::Flight;
use std::cell::RefCell;
use std::rc::Rc;
use tokens::Held;

#[derive(Default)]
pub(crate) struct Users {
    callers: Vec<Caller>,
    flights: Vec<Flight>,
    tokens: Vec<Held>,
    /// How much has happened outside of them.
    outside: u64,
}

/// One descriptor, and who polls it.
pub(crate) struct Caller {
    /// Nothing for a fetch alone, and once it has been freed.
    client: Option<Rc<Client>>,
    fd: Fd,
    is_poll_planned: bool,
    /// How often it was polled since something had happened, and when that was.
    polls: u32,
    polled_at: u64,
    limits: Limits,
    /// Whether idle connections are never closed for their age.
    keeps_for_ever: bool,
}

/// 0 for none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    connections: usize,
    per_origin: usize,
}

thread_local! {
    static USERS: RefCell<Users> = RefCell::default();
}

impl Users {
    fn with<T>(f: impl FnOnce(&mut Users) -> T) -> T {
        USERS.with_borrow_mut(f)
    }
}

/// The users of a world that has just begun.
pub(crate) fn begin() {
    let plans = World::with(|world| Rc::clone(&world.plans));
    let clients = World::with(|world| world.habits.clients);
    let callers = plans.iter().map(|plan| plan.caller + 1).max().unwrap_or(0).max(clients);
    Users::with(|users| *users = Users::default());
    for caller in 0..callers {
        let client = if caller < clients { inside(caller, Client::new) } else { None };
        let client = client.map(Rc::new);
        let fd = client.as_ref().map_or(-1, |client| client.fd());
        Users::with(|users| users.callers.push(Caller::new(client, fd)));
        if let Some(client) = self::client(caller) {
            // In some worlds before anything else, so that nobody has a place above it.
            if World::with(|world| world.random.percent(60)) {
                let n = World::with(|world| world.random.one_of(&[1, 1, 2, 4]));
                limit(caller, &client, n);
            } else {
                World::with(|world| world.set_limits(caller, 0, 0));
            }
        }
    }
    Users::with(|users| users.flights = plans.iter().map(|plan| Flight::new(plan)).collect());
    tokens::begin();
    World::with(|world| {
        for plan in plans.iter() {
            world.plan_turn(plan.starts_ns, Turn::Start(plan.number));
        }
        for client in 0..clients {
            for _ in 0..world.random.below(7) {
                let delay = world.random.below(400_000_000);
                world.plan_turn(delay, Turn::Change(client));
            }
            if world.random.percent(15) {
                let delay = world.random.below(2_000_000_000);
                world.plan_turn(delay, Turn::Close(client));
            }
        }
    });
}

/// Leaves everything as it is: in a world that went wrong nothing can be relied upon.
pub(crate) fn abandon() {
    std::mem::forget(Users::with(std::mem::take));
}

impl Caller {
    fn new(client: Option<Rc<Client>>, fd: Fd) -> Self {
        let limits = Limits::default();
        Self {
            client,
            fd,
            is_poll_planned: false,
            polls: 0,
            polled_at: 0,
            limits,
            keeps_for_ever: false,
        }
    }
}

/// Makes a call as the user of `caller`.
fn inside<T>(caller: usize, call: impl FnOnce() -> T) -> T {
    World::with(|world| world.enter(Inside::Caller(caller)));
    let result = call();
    World::with(|world| world.leave());
    result
}

/// Whether somebody is inside a call of this caller.
fn is_busy(caller: usize) -> bool {
    World::with(|world| world.inside().contains(&Inside::Caller(caller)))
}

pub(crate) fn note_outside() {
    Users::with(|users| users.outside += 1);
}

fn client(caller: usize) -> Option<Rc<Client>> {
    Users::with(|users| users.callers[caller].client.clone())
}

pub(crate) fn take(turn: Turn) {
    World::with(|world| world.trace(|_| format!("{turn:?}")));
    if !matches!(turn, Turn::Poll(_)) {
        note_outside();
    }
    match turn {
        Turn::Start(number) => start(number),
        Turn::Poll(caller) => poll(caller),
        Turn::Attend(number) => talk::attend(number),
        Turn::Move(number) => talk::go_on(number),
        Turn::Wait(number) => talk::wait(number),
        Turn::Cancel(number) => cancel::cancel(number),
        Turn::Free(number) => cancel::free(number),
        Turn::Change(caller) => change(caller),
        Turn::Close(caller) => close(caller),
    }
}

fn start(number: usize) {
    if flight::with(number, |flight| std::mem::replace(&mut flight.has_begun, true)) {
        return;
    }
    let plan = flight::plan(number);
    let caller = plan.caller;
    let (url, options) = (plan.url(), plan.options(tokens::of(&plan)));
    tokens::note_start(&plan);
    let is_of_client = World::with(|world| caller < world.habits.clients);
    let fetched = if is_of_client {
        let Some(client) = client(caller) else {
            return Users::with(|users| users.flights[number].is_freed = true);
        };
        let started = inside(caller, || client.start(Some(url.as_bytes()), options, number));
        let Some(fetched) = started else {
            return World::with(|world| world.wrong(format!("fetch {number} cannot be started")));
        };
        fetched
    } else {
        inside(caller, || start_alone(Some(url.as_bytes()), options))
    };
    let now = World::with(|world| world.now());
    let fd = fetched.fd();
    Users::with(|users| {
        users.callers[caller].fd = fd;
        users.flights[number].begin(fetched, now);
    });
    tokens::note_started(&plan);
    rest::refresh(caller);
    World::with(|world| {
        if let Some(ns) = plan.cancelled_ns {
            world.later(ns, Event::Cancel(number));
        }
        if let Some(ns) = plan.freed_ns {
            world.plan_turn(ns, Turn::Free(number));
        }
        if plan.waits_ms.is_some() {
            world.plan_turn(0, Turn::Wait(number));
        } else if world.habits.shortage > 0 || world.random.percent(30) {
            // A system that is short of descriptors may not be able to tell.
            world.plan_turn(0, Turn::Attend(number));
        }
    });
}

/// Polls for this fetch, if there is something to be told.
pub(crate) fn poll_for(number: usize) {
    let caller = flight::plan(number).caller;
    let fd = Users::with(|users| users.callers[caller].fd);
    if fd >= 0 && World::with(|world| world.is_readable(fd)) {
        take(Turn::Poll(caller));
    }
}

fn poll(caller: usize) {
    Users::with(|users| {
        let outside = users.outside;
        let at = &mut users.callers[caller];
        at.is_poll_planned = false;
        at.polls = if at.polled_at == outside { at.polls + 1 } else { 0 };
        at.polled_at = outside;
        let polls = at.polls;
        if polls > rest::POLLS_MAX {
            World::with(|world| {
                world.wrong(format!("{caller} is polled {polls} times for nothing"))
            });
        }
    });
    let Some(client) = client(caller) else {
        // A fetch alone; or those of a client that has been freed.
        return flight::of_caller(caller).into_iter().for_each(talk::attend);
    };
    if inside(caller, || client.poll()).is_none() {
        World::with(|world| world.wrong(format!("client {caller} is said to be busy")));
    }
    rest::refresh(caller);
    while let Some(number) = inside(caller, || client.next()) {
        talk::attend(number);
    }
}

fn change(caller: usize) {
    let Some(client) = client(caller) else {
        return;
    };
    let n = World::with(|world| world.random.one_of(&[0, 1, 1, 2, 3, 8]));
    match World::with(|world| world.random.below(8)) {
        0..=3 => limit(caller, &client, n),
        4 => inside(caller, || client.set_limit(ClientLimit::Pool(Limit::Idle), n)).unwrap_or(()),
        5 => inside(caller, || client.set_limit(ClientLimit::Names, n)).unwrap_or(()),
        6 => {
            Users::with(|users| users.callers[caller].keeps_for_ever = n == 0);
            let ms = n as u32 * 50;
            inside(caller, || client.set_timeout(ClientTimeout::Idle, ms)).unwrap_or(());
        }
        _ => {
            let ms = n as u32 * 50;
            inside(caller, || client.set_timeout(ClientTimeout::Age, ms)).unwrap_or(());
        }
    }
    rest::refresh(caller);
}

/// Sets one of the limits of how many connections there may be.
fn limit(caller: usize, client: &Client, n: usize) {
    let of_all = World::with(|world| world.random.percent(50));
    let which = if of_all { Limit::Connections } else { Limit::PerOrigin };
    let limits = Users::with(|users| {
        let limits = &mut users.callers[caller].limits;
        *(if of_all { &mut limits.connections } else { &mut limits.per_origin }) = n;
        *limits
    });
    World::with(|world| world.set_limits(caller, limits.connections, limits.per_origin));
    inside(caller, || client.set_limit(ClientLimit::Pool(which), n)).unwrap_or(());
}

/// A client is freed: what still runs on it is cancelled.
fn close(caller: usize) {
    let Some(client) = client(caller) else {
        return;
    };
    let running = flight::of_caller(caller);
    for &number in &running {
        cancel::note_surely(number);
    }
    inside(caller, || client.close());
    Users::with(|users| users.callers[caller].client = None);
    drop(client);
    for number in running {
        World::with(|world| world.note_cancelled(number));
        cancel::check_wire(number);
        talk::attend(number);
    }
    rest::refresh(caller);
}

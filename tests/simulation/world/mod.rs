//! The world of one thread: its time, what will happen when, its descriptors, connections, names.
//!
//! Everything in it follows from a seed. What happens is noted in a digest, by which two runs of
//! one seed are compared, and if wanted as text.

pub(crate) mod connection;
pub(crate) mod datagrams;
pub(crate) mod files;
pub(crate) mod names;
mod network;
mod queue;
pub(crate) mod requests;
mod secure;

use crate::simulation::caller::plan::{Habits, Plan};
use crate::simulation::random::Random;
use crate::simulation::server::{Serving, tls};
use crate::simulation::turns::Turn;
use crate::transport::sys::{Errno, Fd};
use connection::{Connection, Fate, Segment};
use datagrams::Packet;
use files::File;
use names::{Asked, Lookup};
use queue::Queue;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;

pub(crate) struct World {
    pub(crate) random: Random,
    now: u64,
    /// How many system calls there have been.
    pub(crate) calls: u64,
    /// What happens whoever is inside a call.
    beside: Queue<Event>,
    /// Calls that the users of the library will make.
    pub(crate) turns: Queue<Turn>,
    files: Vec<Option<File>>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) servings: Vec<Serving>,
    /// What servers are set up with that speak TLS.
    pub(crate) tls: tls::Configs,
    pub(crate) plans: Rc<[Rc<Plan>]>,
    pub(crate) habits: Habits,
    /// Helper threads.
    asked: Vec<Asked>,
    pub(crate) lookups: Vec<Lookup>,
    /// The call in which the cancel of a fetch had come to its end, by the number of the fetch.
    cancelled: Vec<Option<u64>>,
    /// Whether a cancel of it has done anything, which it does only if it comes first.
    acted: Vec<bool>,
    /// Who could not connect to where, by the port.
    refused: BTreeSet<(usize, u16)>,
    /// How many connections a caller may have in all, and to one origin; 0 for any number.
    limits: BTreeMap<usize, (usize, usize)>,
    /// How often the system was short of something.
    pub(crate) shortages: u32,
    /// Who is being told of a ring.
    hears_ring: BTreeSet<usize>,
    /// In which call the call of a caller ended that was told of a ring last.
    told_of_ring: BTreeMap<usize, u64>,
    /// Who is inside the library, the one who was interrupted last at the end; and which of all
    /// entries each of theirs is.
    inside: Vec<Inside>,
    entered: Vec<u64>,
    entries: u64,
    /// Whether what is ready is told in any order, and how much of it at once.
    unruly: bool,
    told_at_once: usize,
    wrongs: Vec<String>,
    digest: u64,
    /// What has happened, if that is wanted.
    story: Option<Vec<String>>,
}

/// What happens beside those who call.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Connected(usize, Option<i32>),
    Arrives(usize, Segment),
    Acknowledged(usize, usize),
    /// A server that reads slowly reads.
    Reads(usize),
    /// A server sends the next piece.
    Pushes(usize),
    /// A server closes a connection if it is idle, and has served no more than so many requests.
    GrowsTired(usize, usize),
    /// The end of a server that answers with a reset, since nobody is there any more.
    Reset(usize),
    Timer(Fd, u64),
    /// Something comes to a datagram socket.
    Packet(Packet),
    /// A helper thread begins, or has its answer.
    HelperBegins(usize),
    HelperAnswered(usize),
    /// Another thread cancels a fetch.
    Cancel(usize),
    /// Or a token.
    CancelToken(usize),
}

/// Who makes a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inside {
    /// The user of a client or of a fetch alone.
    Caller(usize),
    /// One who cancels this fetch.
    Canceller(usize),
    /// One who cancels a token, which this fetch is under.
    TokenCanceller(usize),
    Helper,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new(0, false));
}

impl World {
    fn new(seed: u64, tells: bool) -> Self {
        let mut random = Random::new(seed);
        let unruly = random.percent(50);
        let told_at_once = random.one_of(&[128, 128, 3, 1]);
        Self {
            now: 1_000_000_000,
            calls: 0,
            beside: Queue::default(),
            turns: Queue::default(),
            files: Vec::new(),
            connections: Vec::new(),
            servings: Vec::new(),
            tls: tls::Configs::default(),
            plans: Rc::default(),
            habits: Habits::new(&mut random),
            asked: Vec::new(),
            lookups: Vec::new(),
            cancelled: Vec::new(),
            acted: Vec::new(),
            refused: BTreeSet::new(),
            limits: BTreeMap::new(),
            shortages: 0,
            hears_ring: BTreeSet::new(),
            told_of_ring: BTreeMap::new(),
            inside: Vec::new(),
            entered: Vec::new(),
            entries: 0,
            unruly,
            told_at_once,
            wrongs: Vec::new(),
            digest: 0,
            story: tells.then(Vec::new),
            random,
        }
    }

    /// Another world. With `tells`, what happens is kept as text.
    pub(crate) fn begin(seed: u64, tells: bool) {
        Self::with(|world| {
            *world = Self::new(seed, tells);
            let plans = Plan::all(&mut world.random, &world.habits);
            world.plans = plans.into_iter().map(Rc::new).collect();
            world.cancelled = vec![None; world.plans.len()];
            world.acted = vec![false; world.plans.len()];
        });
    }

    pub(crate) fn with<T>(f: impl FnOnce(&mut World) -> T) -> T {
        WORLD.with_borrow_mut(f)
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn pass(&mut self, ns: u64) {
        self.now += ns;
    }

    pub(crate) fn pass_until(&mut self, at: u64) {
        self.now = self.now.max(at);
    }

    pub(crate) fn later(&mut self, delay: u64, event: Event) {
        self.later_at(self.now + delay, event);
    }

    fn later_at(&mut self, at: u64, event: Event) {
        let chance = self.random.number();
        self.beside.push(at, chance, event);
    }

    /// Has a call made after `delay`.
    pub(crate) fn plan_turn(&mut self, delay: u64, turn: Turn) {
        let chance = self.random.number();
        self.turns.push(self.now + delay, chance, turn);
    }

    pub(crate) fn next_beside(&self) -> Option<u64> {
        self.beside.next_at()
    }

    pub(crate) fn pop_beside(&mut self) -> Option<Event> {
        self.beside.pop(self.now)
    }

    /// Lets an event happen that is the network's alone; gives back any other.
    pub(crate) fn handle(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::Connected(connection, error) => self.establish(connection, error),
            Event::Arrives(connection, segment) => self.arrive(connection, segment),
            Event::Acknowledged(connection, count) => self.acknowledge(connection, count),
            Event::Reads(connection) => self.server_reads(connection),
            Event::Pushes(connection) => self.server_pushes(connection),
            Event::GrowsTired(connection, served) => self.server_grows_tired(connection, served),
            Event::Reset(connection) => self.server_refuses(connection),
            Event::Timer(fd, serial) => self.expire(fd, serial),
            Event::Packet(packet) => self.arrive_packet(packet),
            Event::HelperBegins(_)
            | Event::HelperAnswered(_)
            | Event::Cancel(_)
            | Event::CancelToken(_) => {
                return Some(event);
            }
        }
        None
    }

    pub(crate) fn enter(&mut self, inside: Inside) {
        self.inside.push(inside);
        self.entries += 1;
        self.entered.push(self.entries);
    }

    pub(crate) fn leave(&mut self) {
        self.entered.pop();
        if let Some(Inside::Caller(caller)) = self.inside.pop()
            && self.hears_ring.remove(&caller)
        {
            self.told_of_ring.insert(caller, self.calls);
        }
    }

    pub(crate) fn inside(&self) -> &[Inside] {
        &self.inside
    }

    /// Which of all entries into the library makes this system call.
    fn entry(&self) -> u64 {
        self.entered.last().copied().unwrap_or(0)
    }

    /// Whether all who are inside are other threads than those of the users.
    pub(crate) fn is_no_caller_inside(&self) -> bool {
        self.inside.iter().all(|inside| !matches!(inside, Inside::Caller(_)))
    }

    /// Whose descriptors and connections are made now.
    fn caller(&self) -> Option<usize> {
        self.inside.iter().rev().find_map(|inside| match inside {
            Inside::Caller(caller) => Some(*caller),
            _ => None,
        })
    }

    /// From now on a caller may have so many connections in all, and to one origin; 0 for any
    /// number. Who was given a place under higher limits keeps it, so the highest count.
    pub(crate) fn set_limits(&mut self, caller: usize, all: usize, per_origin: usize) {
        let higher = |a: usize, b: usize| if a == 0 || b == 0 { 0 } else { a.max(b) };
        let limits = self.limits.entry(caller).or_insert((all, per_origin));
        *limits = (higher(limits.0, all), higher(limits.1, per_origin));
    }

    pub(crate) fn note_cancelled(&mut self, number: usize) {
        let call = self.calls;
        self.cancelled[number].get_or_insert(call);
    }

    /// Something is done that a canceller does as well.
    fn note_act(&mut self) {
        if let Some(&Inside::Canceller(number)) = self.inside.last() {
            self.acted[number] = true;
        }
    }

    pub(crate) fn has_acted(&self, number: usize) -> bool {
        self.acted[number]
    }

    pub(crate) fn cancelled_in(&self, number: usize) -> Option<u64> {
        self.cancelled[number]
    }

    /// In some worlds the system is short of something now and then.
    fn run_short(&mut self, errno: i32) -> Result<(), Errno> {
        let short = self.habits.shortage > 0 && self.random.below(self.habits.shortage) == 0;
        if !short {
            return Ok(());
        }
        self.shortages += 1;
        self.note("short", errno as u64, 0);
        Err(Errno(errno))
    }

    fn draw_fate(&mut self, address: SocketAddr) -> Fate {
        let nature = self.habits.nature(address.port());
        match self.random.below(100) {
            chance if chance < nature.lost => Fate::Lost,
            chance if chance < nature.lost + nature.refused => {
                self.random.one_of(&[Fate::Refused, Fate::Refused, Fate::Unreachable])
            }
            chance if chance % 8 == 0 => Fate::EstablishedAtOnce,
            _ => Fate::Established,
        }
    }

    fn note_refused(&mut self, owner: Option<usize>, address: SocketAddr) {
        if let Some(owner) = owner {
            self.refused.insert((owner, address.port()));
        }
    }

    /// Whether an attempt of this caller to connect to this port has failed.
    pub(crate) fn was_refused(&self, caller: usize, port: u16) -> bool {
        self.refused.contains(&(caller, port))
    }

    /// Notes that something has happened. Two runs of one seed note the same.
    pub(crate) fn note(&mut self, what: &'static str, a: u64, b: u64) {
        let mut mix = |word: u64| {
            self.digest = (self.digest ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        };
        [self.now, what.len() as u64, a, b].into_iter().for_each(&mut mix);
        self.trace(|_| format!("{what} {a} {b}"));
    }

    /// Adds to the story, if there is one.
    pub(crate) fn trace(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.story.is_none() {
            return;
        }
        let (ms, ns) = (self.now / 1_000_000, self.now % 1_000_000);
        let line = format!("{ms:>7}.{ns:06} {:>1$}{2}", "", 2 * self.inside.len(), line(self));
        self.story.get_or_insert_default().push(line);
    }

    /// Something that must not be.
    pub(crate) fn wrong(&mut self, why: String) {
        self.trace(|_| format!("WRONG: {why}"));
        self.wrongs.push(why);
    }

    pub(crate) fn first_wrong(&self) -> Option<&String> {
        self.wrongs.first()
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    pub(crate) fn take_story(&mut self) -> Vec<String> {
        self.story.take().unwrap_or_default()
    }
}

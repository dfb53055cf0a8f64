//! The owner of the client and its fetches: one thread that starts, hears, interrupts and frees.

use super::canceller::Canceller;
use super::flight::{Flight, Landing};
use super::names;
use super::plan::{Interruption, Place, Plan};
use super::server::Server;
use super::support::*;
use ::ifetch::ffi::client::ifetch_client_limit::*;
use ::ifetch::ffi::client::ifetch_client_timeout::*;
use ::ifetch::ffi::client::ifetch_count::{self, *};
use ::ifetch::ffi::fetch::ifetch;
use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

pub(crate) const PORTS: usize = 4;
const CONNECTIONS: usize = 64;
/// How many fetches are under way: at one time most of them queue, at another there are more
/// connections than they need.
const HIGH_TIDE: usize = 256;
const LOW_TIDE: usize = 24;
const TIDE: usize = 5_000;
/// How many fetches that have ended are not freed at once.
const PAST: usize = 32;

pub(crate) struct Owner {
    seed: u64,
    fetches: usize,
    pub(crate) client: Client,
    pub(crate) server: Server,
    canceller: Canceller,
    /// An address that refuses, as long as the descriptor lives.
    refused: (OwnedFd, SocketAddr),
    flights: HashMap<*mut ifetch, Flight>,
    past: VecDeque<Flight>,
    /// When which fetch is interrupted by its owner.
    due: BinaryHeap<Reverse<(u64, usize, *mut ifetch)>>,
    pub(crate) landings: Vec<Option<Landing>>,
    turns: u64,
    buffer: Vec<u8>,
}

impl Owner {
    pub(crate) fn new(seed: u64, fetches: usize) -> Owner {
        let client = Client::new();
        client.set_limit(IFETCH_CLIENT_LIMIT_CONNECTIONS, CONNECTIONS as u64);
        client.set_limit(IFETCH_CLIENT_LIMIT_IDLE, 48);
        client.set_timeout(IFETCH_CLIENT_TIMEOUT_IDLE, 20);
        client.set_timeout(IFETCH_CLIENT_TIMEOUT_AGE, 500);
        Owner {
            seed,
            fetches,
            client,
            server: Server::start(PORTS, fetches, CONNECTIONS),
            canceller: Canceller::start(),
            refused: refused_address(),
            flights: HashMap::new(),
            past: VecDeque::new(),
            due: BinaryHeap::new(),
            landings: Vec::with_capacity(fetches),
            turns: 0,
            buffer: vec![0; 64 * 1024],
        }
    }

    pub(crate) fn run(&mut self) {
        let mut last_landing = Instant::now();
        while self.landings.len() < self.fetches || !self.flights.is_empty() {
            self.turns += 1;
            let is_high = (self.landings.len() / TIDE).is_multiple_of(2);
            let at_a_time = if is_high { HIGH_TIDE } else { LOW_TIDE };
            while self.landings.len() < self.fetches && self.flights.len() < at_a_time {
                self.launch();
            }
            let before = self.flights.len();
            self.hear();
            self.interrupt();
            self.take_back();
            self.check_counts();
            if self.flights.len() < before {
                last_landing = Instant::now();
            }
            let plans = || self.flights.values().map(|f| (&f.plan, f.fetch.phase()));
            let is_stuck = last_landing.elapsed() > PATIENCE;
            assert!(!is_stuck, "nothing ends any more: {:#?}", Vec::from_iter(plans()));
        }
        self.forget(0);
    }

    fn launch(&mut self) {
        let number = self.landings.len();
        self.landings.push(None);
        let plan = Plan::new(number, self.seed, PORTS);
        let name = plan.script.name;
        let url = match plan.place {
            // Nobody listens on the other address of this name.
            Place::Port(0) => format!("http://localhost:{}/{number}/{name}", self.server.port(0)),
            Place::Port(i) => format!("http://127.0.0.1:{}/{number}/{name}", self.server.port(i)),
            Place::Refused => format!("http://{}/", self.refused.1),
            Place::UnknownName => format!("http://{}/{number}", names::UNKNOWN),
            Place::BadUrl => "nonsense".to_owned(),
        };
        let interruption = plan.interruption;
        let mut flight = Flight::start(&self.client, &url, plan);
        let pointer = flight.fetch.as_ptr();
        match interruption {
            Some(Interruption::CancelElsewhere { yields }) => {
                flight.is_lent = true;
                self.canceller.lend(&flight.fetch, yields);
            }
            Some(Interruption::Cancel { turns } | Interruption::Free { turns }) => {
                self.due.push(Reverse((self.turns + turns, number, pointer)));
            }
            None => {}
        }
        self.flights.insert(pointer, flight);
    }

    /// Waits for news, but not past what this loop does by itself, and hears them.
    fn hear(&mut self) {
        if self.turns.is_multiple_of(4) {
            self.client.wait(5);
        } else if readable(&[self.client.fd()], Duration::from_millis(5)) {
            self.client.poll();
        }
        loop {
            let pointer = self.client.next();
            if pointer.is_null() {
                return;
            }
            let flight = self.flights.get_mut(&pointer).expect("each end is told once");
            flight.hear(&mut self.buffer);
            self.land(pointer);
        }
    }

    /// A fetch that has ended is over, unless somebody else may still cancel it.
    fn land(&mut self, pointer: *mut ifetch) {
        let is_over = |flight: &mut Flight| flight.landed.is_some() && !flight.is_lent;
        if let Entry::Occupied(mut flight) = self.flights.entry(pointer)
            && is_over(flight.get_mut())
        {
            let flight = flight.remove();
            self.landings[flight.plan.number] = flight.landed;
            self.past.push_back(flight);
            self.forget(PAST);
        }
    }

    /// Frees the oldest of those that have ended, which end as they did for good.
    fn forget(&mut self, all_but: usize) {
        let count = self.past.len().saturating_sub(all_but);
        for flight in self.past.drain(..count) {
            flight.assert_ended(flight.landed.expect("it has ended").end);
        }
    }

    /// Does what its owner had in mind for this turn.
    fn interrupt(&mut self) {
        while let Some(&Reverse((turn, number, pointer))) = self.due.peek() {
            if turn > self.turns {
                return;
            }
            self.due.pop();
            let its = |flight: &&mut Flight| flight.plan.number == number;
            let Some(flight) = self.flights.get_mut(&pointer).filter(its) else {
                continue;
            };
            if matches!(flight.plan.interruption, Some(Interruption::Free { .. })) {
                self.flights.remove(&pointer);
            } else {
                flight.cancel(&mut self.buffer);
                self.land(pointer);
            }
        }
    }

    fn take_back(&mut self) {
        for fetch in Vec::from_iter(self.canceller.returned()) {
            let pointer = fetch.as_ptr();
            let flight = self.flights.get_mut(&pointer).expect("it was lent, so it is there");
            flight.is_lent = false;
            drop(fetch);
            self.land(pointer);
        }
    }

    fn check_counts(&self) {
        let count = |which: ifetch_count| self.client.count(which);
        let connections = count(IFETCH_COUNT_CONNECTIONS);
        assert!(connections <= CONNECTIONS as u64, "{connections} connections");
        if !self.turns.is_multiple_of(16) {
            return;
        }
        let states = [
            IFETCH_COUNT_QUEUED,
            IFETCH_COUNT_RESOLVING,
            IFETCH_COUNT_CONNECTING,
            IFETCH_COUNT_SENDING,
            IFETCH_COUNT_WAITING,
            IFETCH_COUNT_RECEIVING,
            IFETCH_COUNT_ENDED,
        ];
        let counts = states.map(count);
        let known = self.flights.len() + self.past.len();
        assert_eq!(counts.iter().sum::<u64>(), known as u64, "{counts:?}");
    }
}

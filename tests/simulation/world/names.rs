//! Helper threads and the names that they look up.
//!
//! Each lookup is answered with addresses of its own, which tell it from all others: so an answer
//! that is used by those who did not ask for it shows.

use super::{Event, Inside, World};
use crate::simulation::turns;
use crate::transport::sys::{Errno, Fd, Helper, Unresolved};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// A helper thread: nothing once it has ended, and while it runs.
pub(crate) struct Asked {
    helper: Option<Box<dyn AnyHelper>>,
    lookup: usize,
    has_ended: bool,
}

/// `Helper`, for those whose type is not known.
pub(crate) trait AnyHelper: Send {
    fn next(&mut self) -> Option<Arc<str>>;
    fn handle(&mut self, answer: Result<Vec<SocketAddr>, Unresolved>);
}

impl<T: Helper> AnyHelper for T {
    fn next(&mut self) -> Option<Arc<str>> {
        Helper::next(self)
    }

    fn handle(&mut self, answer: Result<Vec<SocketAddr>, Unresolved>) {
        Helper::handle(self, answer);
    }
}

#[derive(Debug)]
pub(crate) struct Lookup {
    pub(crate) name: Arc<str>,
    /// In which call its answer came, if it has.
    answered_in: Option<u64>,
    /// Whether its answer has been received from a socket, by those who waited for it.
    pub(super) is_received: bool,
    /// Whether it gave no address, or not in time.
    pub(crate) has_failed: bool,
    /// Whether nobody wants its answer any more.
    pub(crate) is_stale: bool,
}

impl Lookup {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            answered_in: None,
            is_received: false,
            has_failed: false,
            is_stale: false,
        }
    }
}

impl World {
    pub(crate) fn spawn(&mut self, helper: Box<dyn AnyHelper>) -> Result<(), Errno> {
        self.run_short(libc::EAGAIN)?;
        let number = self.asked.len();
        self.note("spawn", number as u64, 0);
        self.asked.push(Asked { helper: Some(helper), lookup: 0, has_ended: false });
        let delay = self.random.below(200_000);
        self.later(delay, Event::HelperBegins(number));
        Ok(())
    }

    /// Helper threads that have not ended.
    pub(crate) fn helpers(&self) -> usize {
        self.asked.iter().filter(|asked| !asked.has_ended).count()
    }

    fn begin_lookup(&mut self, helper: usize, name: Arc<str>) {
        let number = self.lookups.len();
        self.trace(|_| format!("helper {helper} looks up {name}, lookup {number}"));
        self.note("lookup", helper as u64, number as u64);
        self.asked[helper].lookup = number;
        self.lookups.push(Lookup::new(&name));
        let delay = match self.random.below(10) {
            0 => 5_000_000_000 + self.random.below(40_000_000_000),
            1..=4 => self.random.below(100_000),
            _ => self.random.below(60_000_000),
        };
        self.later(delay, Event::HelperAnswered(helper));
    }

    fn answer(&mut self, helper: usize) -> Result<Vec<SocketAddr>, Unresolved> {
        let number = self.asked[helper].lookup;
        self.lookups[number].answered_in = Some(self.calls);
        let chance = self.random.below(100);
        if chance < self.habits.unknown_names {
            self.lookups[number].has_failed = true;
            self.note("no address", number as u64, chance);
            let (why, is_certain) = ("nobody knows it".to_owned(), chance.is_multiple_of(2));
            return Err(Unresolved { why, os: 0, is_certain });
        }
        let count = self.random.one_of(&[1, 1, 2, 3, 7]);
        self.note("answer", number as u64, count);
        Ok((0..count).map(|at| self.address(number as u16, at as u8)).collect())
    }

    fn address(&mut self, lookup: u16, at: u8) -> SocketAddr {
        let [high, low] = lookup.to_be_bytes();
        let ip = match self.random.percent(30) {
            true => IpAddr::V6(Ipv6Addr::new(0xfd00, lookup, at.into(), 0, 0, 0, 0, 1)),
            false => IpAddr::V4(Ipv4Addr::new(10, high, low, at)),
        };
        SocketAddr::new(ip, 0)
    }

    /// Nobody of this caller waits for this name any more: what is under way for it, or has come
    /// since the caller has heard a ring, must reach nobody.
    pub(crate) fn note_unwanted(&mut self, caller: usize, name: &str) {
        let told_in = self.told_of_ring.get(&caller).copied().unwrap_or(0);
        for lookup in self.lookups.iter_mut().filter(|lookup| &*lookup.name == name) {
            let is_told = lookup.answered_in.is_some_and(|call| call <= told_in);
            lookup.is_stale |= !is_told && !lookup.is_received;
        }
    }

    /// An address has to come from a lookup that somebody wanted.
    pub(super) fn check_route(&mut self, fd: Fd, address: SocketAddr) {
        let number = match address.ip() {
            IpAddr::V4(ip) if ip.octets()[0] == 10 => {
                u16::from_be_bytes([ip.octets()[1], ip.octets()[2]])
            }
            IpAddr::V6(ip) if ip.segments()[0] == 0xfd00 => ip.segments()[1],
            _ => return,
        };
        let owner = self.caller();
        match self.lookups.get(usize::from(number)) {
            Some(lookup) if lookup.is_stale => {
                let name = Arc::clone(&lookup.name);
                let why = format!("{fd} connects to what lookup {number} of {name} told nobody");
                self.wrong(why);
            }
            Some(lookup)
                if Some(&*lookup.name) != self.name_of(owner, address.port()).as_deref() =>
            {
                self.wrong(format!(
                    "descriptor {fd} of {owner:?} connects to {address}: not asked"
                ));
            }
            Some(_) => {}
            None => self.wrong(format!("descriptor {fd} connects to {address}, which nobody told")),
        }
    }

    fn name_of(&self, owner: Option<usize>, port: u16) -> Option<String> {
        Some(crate::simulation::caller::plan::name_of(owner?, port))
    }
}

/// A helper thread goes on, until it waits or ends.
pub(crate) fn help(number: usize, is_answered: bool) {
    let Some(mut helper) = World::with(|world| world.asked[number].helper.take()) else {
        return;
    };
    World::with(|world| world.enter(Inside::Helper));
    if is_answered {
        let answer = World::with(|world| world.answer(number));
        turns::let_others();
        helper.handle(answer);
        turns::let_others();
    }
    let name = helper.next();
    World::with(|world| {
        world.leave();
        let asked = &mut world.asked[number];
        match name {
            Some(name) => {
                asked.helper = Some(helper);
                world.begin_lookup(number, name);
            }
            None => {
                asked.has_ended = true;
                world.note("helper ends", number as u64, 0);
            }
        }
    });
}

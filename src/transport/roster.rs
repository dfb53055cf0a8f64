//! Who is under a token: seats that owners take and leave, and that cancellers go through.
//!
//! Any number of owners, in any threads, and of cancellers, also in signal handlers that interrupt
//! one of the others, are at work at the same time, and nobody waits for anybody:
//!
//! ```text
//!   free list --pop--> an owner's --member put in--> in use --member taken out--> free list
//!                          |                           |
//!                          | a canceller is inside     | a canceller is inside
//!                          v                           v
//!                      free list           free list, with the member in it
//! ```
//!
//! - A seat belongs to one owner at a time, by the free list: indices behind a counter, so that
//!   one that was taken and given back meanwhile is not mistaken for itself.
//! - What is in a seat lies behind a lock that everybody only tries. It can be held by its owner or
//!   by a canceller. An owner who finds it held knows that there has been a cancel, which is for
//!   good: nobody needs to get in any more, and what is left in a seat goes when the roster does. A
//!   canceller who finds it held knows that the owner is about to look at the token, or about to
//!   leave; or that another canceller does the same.
//! - So nothing is freed but by owners, and a canceller only ever borrows.
//! - The canceller sets its flag before it looks at the seats, the owner looks at the flag after it
//!   has put its member in, and a fence lies in between for both: one sees the other.

use crate::transport::sys::Chain;

#[cfg(loom)]
use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering::SeqCst, fence},
};
use std::sync::TryLockError;
#[cfg(not(loom))]
use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering::SeqCst, fence},
};

/// No seat.
pub(super) const NONE: u32 = u32::MAX;

/// How many seats are made at first; later as many as there are.
const FIRST: u32 = if cfg!(loom) { 1 } else { 4 };

#[derive(Debug)]
pub(super) struct Roster<T> {
    blocks: Chain<Block<T>>,
    /// How many seats there are, also in blocks that are just being made.
    len: AtomicU32,
    /// The first free seat; in the upper half, how often it has changed.
    free: AtomicU64,
}

#[derive(Debug)]
struct Block<T> {
    first: u32,
    seats: Box<[Seat<T>]>,
}

#[derive(Debug)]
struct Seat<T> {
    /// While it is free the next free one, otherwise what its owner notes.
    note: AtomicU32,
    member: Mutex<Option<T>>,
}

impl<T: Send + Sync> Roster<T> {
    pub(super) fn new() -> Self {
        let free = AtomicU64::new(u64::from(NONE));
        Self { blocks: Chain::new(), len: AtomicU32::new(0), free }
    }

    /// Puts a member in, where every canceller finds it whose flag is not seen by whoever looks at
    /// it after this. Nothing if a canceller is there already.
    pub(super) fn enter(&self, member: T) -> Option<u32> {
        let at = self.take_free().unwrap_or_else(|| self.grow());
        let seat = self.seat(at);
        seat.note.store(NONE, SeqCst);
        let entered = try_lock(&seat.member).map(|mut place| *place = Some(member));
        // Also if it was held: the flag of who is inside is seen after this.
        fence(SeqCst);
        if entered.is_none() {
            self.give_back(at, at);
        }
        entered.map(|()| at)
    }

    /// Takes the member out; gives its note. A member whose canceller is inside stays there.
    pub(super) fn leave(&self, at: u32) -> u32 {
        let seat = self.seat(at);
        let note = seat.note.load(SeqCst);
        // Dropped when the lock is not held any more.
        let _member = try_lock(&seat.member).map(|mut place| place.take());
        self.give_back(at, at);
        note
    }

    /// The owner of a seat may note a number there.
    pub(super) fn set_note(&self, at: u32, note: u32) {
        self.seat(at).note.store(note, SeqCst);
    }

    /// Goes through all members; the flag is set already. Any thread, any signal handler.
    pub(super) fn for_each(&self, act: impl Fn(&T)) {
        fence(SeqCst);
        for seat in self.blocks.iter().flat_map(|block| &block.seats) {
            if let Some(place) = try_lock(&seat.member)
                && let Some(member) = &*place
            {
                act(member);
            }
        }
    }

    fn seat(&self, at: u32) -> &Seat<T> {
        // There are few blocks, each as large as all before it.
        let block = self.blocks.iter().find(|block| {
            at.checked_sub(block.first).is_some_and(|at| (at as usize) < block.seats.len())
        });
        let block = block.expect("a seat is named once its block is there");
        &block.seats[(at - block.first) as usize]
    }

    fn take_free(&self) -> Option<u32> {
        let taken = self.free.fetch_update(SeqCst, SeqCst, |word| {
            let at = word as u32;
            (at != NONE).then(|| changed(word, self.seat(at).note.load(SeqCst)))
        });
        taken.ok().map(|word| word as u32)
    }

    /// Puts a row of seats, linked from `first` to `last`, into the free list.
    fn give_back(&self, first: u32, last: u32) {
        let last = self.seat(last);
        // It cannot fail: there is always a word to put in its place.
        let _ = self.free.fetch_update(SeqCst, SeqCst, |word| {
            last.note.store(word as u32, SeqCst);
            Some(changed(word, first))
        });
    }

    /// Makes more seats, and takes the first. Two who do it at once make two blocks.
    fn grow(&self) -> u32 {
        let len = self.len.load(SeqCst).max(FIRST);
        let first = self.len.fetch_add(len, SeqCst);
        let end = first + len;
        let seat = |at: u32| Seat { note: AtomicU32::new(at + 1), member: Mutex::new(None) };
        self.blocks.push(Block { first, seats: (first..end).map(seat).collect() });
        if len > 1 {
            self.give_back(first + 1, end - 1);
        }
        first
    }
}

/// The word of the free list with another first seat.
fn changed(word: u64, first: u32) -> u64 {
    let count = (word >> 32).wrapping_add(1);
    count << 32 | u64::from(first)
}

/// Nothing if somebody is inside.
fn try_lock<T>(lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match lock.try_lock() {
        Ok(inside) => Some(inside),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::sync::Arc;

    fn members(roster: &Roster<u32>) -> Vec<u32> {
        let found = RefCell::new(Vec::new());
        roster.for_each(|&member| found.borrow_mut().push(member));
        let mut found = found.into_inner();
        found.sort_unstable();
        found
    }

    #[test]
    fn seats_are_used_again() {
        let roster = Roster::new();
        for round in 0..1000 {
            let seats: Vec<u32> = (0..100).map(|n| roster.enter(n).unwrap()).collect();
            assert_eq!(members(&roster), (0..100).collect::<Vec<_>>(), "in round {round}");
            for (n, &at) in seats.iter().enumerate().rev() {
                roster.set_note(at, n as u32);
                assert_eq!(roster.leave(at), n as u32);
            }
            assert_eq!(members(&roster), []);
        }
        assert_eq!(roster.len.load(SeqCst), 128);
    }

    #[test]
    fn many_owners_come_and_go_and_everybody_who_is_in_is_found() {
        let roster = Roster::new();
        std::thread::scope(|scope| {
            for owner in 0..4 {
                let roster = &roster;
                scope.spawn(move || {
                    let stays = roster.enter(owner).unwrap();
                    for n in 0..2000 {
                        let seats = [(); 7].map(|()| roster.enter(100 + n).unwrap());
                        for at in seats {
                            assert_ne!(at, stays);
                            roster.leave(at);
                        }
                    }
                });
            }
        });
        assert_eq!(members(&roster), [0, 1, 2, 3]);
        // Twice as many as were in at once, but for those who found no free seat together.
        assert!(roster.len.load(SeqCst) <= 512, "{:?}", roster.len);
    }

    #[test]
    fn who_is_visited_stays_and_whoever_finds_a_visitor_gives_up() {
        let roster = Roster::new();
        let member = Arc::new(());
        let at = roster.enter(Arc::clone(&member)).unwrap();
        roster.for_each(|visited| {
            assert_eq!(roster.leave(at), NONE);
            assert_eq!(Arc::strong_count(visited), 2, "it is not freed under its visitor");
            roster.for_each(|_| panic!("a second visitor finds the first one"));
        });
        drop(roster);
        assert_eq!(Arc::strong_count(&member), 1);

        let roster = Roster::new();
        let at = roster.enter(Arc::clone(&member)).unwrap();
        roster.leave(at);
        let held = roster.seat(at).member.lock().unwrap();
        assert_eq!(roster.enter(Arc::clone(&member)), None);
        drop(held);
        assert_eq!(Arc::strong_count(&member), 1);
    }
}

#[cfg(loom)]
mod model {
    use super::*;
    use loom::sync::atomic::AtomicBool;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool as Mark;

    /// What a token makes of it: a flag, and members that are to be told of it.
    struct Told {
        flag: AtomicBool,
        members: Roster<Arc<Mark>>,
    }

    impl Told {
        fn new() -> loom::sync::Arc<Self> {
            loom::sync::Arc::new(Self { flag: AtomicBool::new(false), members: Roster::new() })
        }

        fn cancel(&self) {
            self.flag.store(true, SeqCst);
            self.members.for_each(|member| member.store(true, SeqCst));
        }

        /// Enters, and says whether the flag was seen.
        fn enter(&self, member: &Arc<Mark>) -> Option<u32> {
            let at = self.members.enter(Arc::clone(member));
            if self.flag.load(SeqCst) {
                member.store(true, SeqCst);
            }
            assert!(at.is_some() || member.load(SeqCst), "only a cancel keeps somebody out");
            at
        }
    }

    /// An owner enters one member after the other; each is told, or has left before.
    fn owner(told: &Told, leaves: bool) -> Vec<Arc<Mark>> {
        let mut stay = Vec::new();
        for n in 0..2 {
            let member = Arc::default();
            let at = told.enter(&member);
            if leaves && n == 0 {
                at.map(|at| told.members.leave(at));
            } else {
                stay.push(member);
            }
        }
        stay
    }

    fn beside(owners: usize, cancellers: usize, leaves: bool) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let told = Told::new();
            let cancelling: Vec<_> = (0..cancellers)
                .map(|_| {
                    let told = loom::sync::Arc::clone(&told);
                    loom::thread::spawn(move || told.cancel())
                })
                .collect();
            let owning: Vec<_> = (1..owners)
                .map(|_| {
                    let told = loom::sync::Arc::clone(&told);
                    loom::thread::spawn(move || owner(&told, leaves))
                })
                .collect();
            let mut stay = owner(&told, leaves);
            for thread in owning {
                stay.extend(thread.join().unwrap());
            }
            for thread in cancelling {
                thread.join().unwrap();
            }
            let is_told = |member: &Arc<Mark>| member.load(SeqCst);
            assert!(cancellers == 0 || stay.iter().all(is_told));
            let told = loom::sync::Arc::try_unwrap(told).ok().expect("the threads have ended");
            drop(told);
            let left = |member: &Arc<_>| Arc::strong_count(member);
            assert!(stay.iter().all(|member| left(member) == 1), "the roster has freed its own");
        });
    }

    /// One takes a seat while another takes it and the next, and gives the first one back.
    fn taken_and_given_back() {
        loom::model(|| {
            let roster = loom::sync::Arc::new(Roster::new());
            let seats = [(); 2].map(|()| roster.enter(0).expect("nobody else is here"));
            seats.map(|at| roster.leave(at));
            let other = loom::thread::spawn({
                let roster = loom::sync::Arc::clone(&roster);
                move || {
                    let first = roster.enter(1).expect("nobody visits");
                    let second = roster.enter(2).expect("nobody visits");
                    roster.leave(first);
                    second
                }
            });
            let own = [3, 4].map(|member| roster.enter(member).expect("nobody visits"));
            assert!(!own.contains(&other.join().unwrap()), "two owners of one seat");
        });
    }

    #[cfg(test)]
    mod roster {
        #[test]
        fn a_seat_that_was_taken_and_given_back_is_not_mistaken_for_itself() {
            super::taken_and_given_back();
        }

        #[test]
        fn one_owner_and_one_canceller_miss_nobody() {
            super::beside(1, 1, false);
        }

        #[test]
        fn one_who_leaves_beside_two_cancellers() {
            super::beside(1, 2, true);
        }

        #[test]
        fn two_owners_and_one_canceller_miss_nobody() {
            super::beside(2, 1, false);
        }

        #[test]
        fn two_owners_share_the_free_list() {
            super::beside(2, 0, true);
        }
    }
}

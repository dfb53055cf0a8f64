//! Host names to addresses, by getaddrinfo on helper threads.
//!
//! getaddrinfo waits for as long as it likes and cannot be interrupted, so it runs where nobody
//! waits for it. A lookup that is dropped orphans its helper, which owns what it needs and ends
//! when the system answers.
//!
//! ```text
//!   Queued --a helper takes it--> Running --the system answers--> Answered
//!      `------- dropped -------------`------> Orphaned
//! ```
//!
//! `LIVE` helpers with a lookup that somebody wants run at a time, the rest of the lookups queue;
//! orphans do not count, so stuck lookups which nobody wants delay no other, up to a hard limit.

use crate::transport::answer::{Answer, Holds};
use crate::transport::sys::{self, Errno, Unresolved};
use crate::transport::wake::Wake;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

const LIVE: usize = 8;
const THREADS: usize = 256;

/// A lookup under way. Dropping it is how it is cancelled.
#[derive(Debug)]
pub(crate) struct Lookup(Arc<Job>);

/// Where answers are left for the one who asked, with the number of the lookup.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<Vec<(Arc<str>, u64, Answer)>>);

impl Answers {
    /// Takes what is there. Never waits: a helper that is just leaving an answer rings afterwards.
    pub(crate) fn take(&self) -> Vec<(Arc<str>, u64, Answer)> {
        self.0.try_lock().map(|mut answers| std::mem::take(&mut *answers)).unwrap_or_default()
    }

    fn leave(&self, name: &Arc<str>, number: u64, answer: Answer) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push((Arc::clone(name), number, answer));
    }
}

impl Lookup {
    /// Starts to look up `name`. The answer is left with `answers`; then `wake` is rung.
    pub(crate) fn start(
        name: &Arc<str>,
        number: u64,
        answers: &Arc<Answers>,
        wake: &Arc<Wake>,
    ) -> Result<Self, Errno> {
        let job = Arc::new(Job {
            name: Arc::clone(name),
            number,
            state: AtomicU8::new(QUEUED),
            answers: Arc::clone(answers),
            wake: Arc::clone(wake),
        });
        HELPERS.queue(Arc::clone(&job));
        if let Err(errno) = HELPERS.reinforce()
            && HELPERS.live.load(SeqCst) == 0
        {
            job.state.store(ORPHANED, SeqCst);
            HELPERS.sweep();
            return Err(errno);
        }
        Ok(Self(job))
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        let running = self.0.state.swap(ORPHANED, SeqCst) == RUNNING;
        // A forked child has no helpers, only copies of their numbers.
        if running && self.0.wake.is_ours() {
            HELPERS.live.fetch_sub(1, SeqCst);
            // Nobody is told if that fails: those who are queued wait for a live helper then.
            let _ = HELPERS.reinforce();
        }
    }
}

#[derive(Debug)]
struct Job {
    name: Arc<str>,
    number: u64,
    state: AtomicU8,
    answers: Arc<Answers>,
    wake: Arc<Wake>,
}

const QUEUED: u8 = 0;
const RUNNING: u8 = 1;
const ANSWERED: u8 = 2;
const ORPHANED: u8 = 3;

impl Job {
    /// From one state to the next; false if the lookup was dropped meanwhile.
    fn step(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, SeqCst, SeqCst).is_ok()
    }
}

/// The helpers of this process, shared by all clients: what is capped is the process's threads.
struct Helpers {
    sender: Sender<Arc<Job>>,
    /// Locked by helpers only, for as long as it takes to see whether the queue is empty.
    receiver: Mutex<Receiver<Arc<Job>>>,
    queued: AtomicUsize,
    /// Helpers that work for somebody, or are about to.
    live: AtomicUsize,
    /// Orphans too.
    threads: AtomicUsize,
}

static HELPERS: LazyLock<Helpers> = LazyLock::new(Helpers::new);

impl Helpers {
    fn new() -> Self {
        let (sender, receiver) = channel();
        Self {
            sender,
            receiver: Mutex::new(receiver),
            queued: AtomicUsize::new(0),
            live: AtomicUsize::new(0),
            threads: AtomicUsize::new(0),
        }
    }

    #[inline(never)]
    fn queue(&self, job: Arc<Job>) {
        self.queued.fetch_add(1, SeqCst);
        // Sending never waits, and cannot fail: the receiver is never dropped.
        let _ = self.sender.send(job);
    }

    fn take(&self) -> Option<Arc<Job>> {
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        self.pop(&receiver)
    }

    /// Takes out of the queue what nobody wants any more: there may be no helper that would. If one
    /// is looking at the queue just now, it does.
    fn sweep(&self) {
        let Ok(receiver) = self.receiver.try_lock() else {
            return;
        };
        for _ in 0..self.queued.load(SeqCst) {
            match self.pop(&receiver) {
                Some(job) if job.state.load(SeqCst) != ORPHANED => self.queue(job),
                Some(_) => {}
                None => return,
            }
        }
    }

    #[inline(never)]
    fn pop(&self, receiver: &Receiver<Arc<Job>>) -> Option<Arc<Job>> {
        let job = receiver.try_recv().ok()?;
        self.queued.fetch_sub(1, SeqCst);
        Some(job)
    }

    /// Adds a helper if there is work for one and room under both limits.
    fn reinforce(&self) -> Result<(), Errno> {
        if self.queued.load(SeqCst) == 0 || !rise(&self.live, LIVE) {
            return Ok(());
        }
        if !rise(&self.threads, THREADS) {
            self.live.fetch_sub(1, SeqCst);
            return Ok(());
        }
        sys::spawn_helper(Helper { job: None, is_live: true }).inspect_err(|_| {
            self.live.fetch_sub(1, SeqCst);
            self.threads.fetch_sub(1, SeqCst);
        })
    }
}

/// What a helper has to do: lookups, until there are none.
#[derive(Debug)]
struct Helper {
    /// The one that it is at.
    job: Option<Arc<Job>>,
    is_live: bool,
}

impl sys::Helper for Helper {
    fn next(&mut self) -> Option<Arc<str>> {
        while self.is_live {
            while let Some(job) = HELPERS.take() {
                if job.step(QUEUED, RUNNING) {
                    return Some(Arc::clone(&self.job.insert(job).name));
                }
            }
            HELPERS.live.fetch_sub(1, SeqCst);
            // Somebody may have queued after the last look, and counted on this helper.
            self.is_live = HELPERS.queued.load(SeqCst) > 0 && rise(&HELPERS.live, LIVE);
        }
        HELPERS.threads.fetch_sub(1, SeqCst);
        None
    }

    fn handle(&mut self, addresses: Result<Vec<SocketAddr>, Unresolved>) {
        let Some(job) = self.job.take() else {
            return;
        };
        if job.step(RUNNING, ANSWERED) {
            let answer = Answer { addresses, holds: Holds::Unsaid };
            job.answers.leave(&job.name, job.number, answer);
            job.wake.ring();
        } else {
            // Orphaned: its place among the live ones may be another's by now.
            self.is_live = rise(&HELPERS.live, LIVE);
        }
    }
}

/// Adds one unless that would exceed `limit`.
fn rise(count: &AtomicUsize, limit: usize) -> bool {
    count.fetch_update(SeqCst, SeqCst, |n| (n < limit).then_some(n + 1)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_wants_is_taken_out_of_the_queue_and_all_else_stays() {
        let helpers = Helpers::new();
        let job = |name: &str, state| {
            Arc::new(Job {
                name: name.into(),
                number: 0,
                state: AtomicU8::new(state),
                answers: Arc::default(),
                wake: Arc::new(Wake::new()),
            })
        };
        for (name, state) in [("a", ORPHANED), ("b", QUEUED), ("c", ORPHANED), ("d", QUEUED)] {
            helpers.queue(job(name, state));
        }
        helpers.sweep();
        assert_eq!(helpers.queued.load(SeqCst), 2);
        let left: Vec<_> = std::iter::from_fn(|| helpers.take()).map(|j| j.name.clone()).collect();
        assert_eq!(left, ["b".into(), "d".into()]);
        helpers.sweep();
        assert_eq!(helpers.queued.load(SeqCst), 0);
    }
}

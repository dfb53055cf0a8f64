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

use crate::transport::sys::{self, Errno, Unresolved};
use crate::transport::wake::Wake;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

const LIVE: usize = 8;
const THREADS: usize = 256;

/// What the system says of a name: addresses without ports, at least one.
pub(crate) type Answer = Result<Vec<SocketAddr>, Unresolved>;

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
        HELPERS.queue(&job);
        if let Err(errno) = HELPERS.reinforce()
            && HELPERS.live.load(SeqCst) == 0
        {
            job.state.store(ORPHANED, SeqCst);
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

static HELPERS: LazyLock<Helpers> = LazyLock::new(|| {
    let (sender, receiver) = channel();
    Helpers {
        sender,
        receiver: Mutex::new(receiver),
        queued: AtomicUsize::new(0),
        live: AtomicUsize::new(0),
        threads: AtomicUsize::new(0),
    }
});

impl Helpers {
    fn queue(&self, job: &Arc<Job>) {
        self.queued.fetch_add(1, SeqCst);
        // Sending never waits, and cannot fail: the receiver is never dropped.
        let _ = self.sender.send(Arc::clone(job));
    }

    fn take(&self) -> Option<Arc<Job>> {
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
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
        sys::spawn_detached(|| HELPERS.help()).inspect_err(|_| {
            self.live.fetch_sub(1, SeqCst);
            self.threads.fetch_sub(1, SeqCst);
        })
    }

    /// What a helper does: lookups, until there are none.
    fn help(&self) {
        loop {
            while let Some(job) = self.take() {
                if !job.step(QUEUED, RUNNING) {
                    continue;
                }
                let answer = sys::lookup(&job.name);
                if job.step(RUNNING, ANSWERED) {
                    job.answers.leave(&job.name, job.number, answer);
                    job.wake.ring();
                } else if !rise(&self.live, LIVE) {
                    // Orphaned, and its place taken by another helper.
                    self.threads.fetch_sub(1, SeqCst);
                    return;
                }
            }
            self.live.fetch_sub(1, SeqCst);
            // Somebody may have queued after the last look, and counted on this helper.
            if self.queued.load(SeqCst) == 0 || !rise(&self.live, LIVE) {
                self.threads.fetch_sub(1, SeqCst);
                return;
            }
        }
    }
}

/// Adds one unless that would exceed `limit`.
fn rise(count: &AtomicUsize, limit: usize) -> bool {
    count.fetch_update(SeqCst, SeqCst, |n| (n < limit).then_some(n + 1)).is_ok()
}

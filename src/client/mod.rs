//! What owns the descriptor and the fetches, and drives them.
//!
//! The client stands above the fetches: it hands each of them what it needs while it is driven, and
//! no fetch knows of it. A fetch started alone has a client of its own, so there is one code path.
//!
//! Here is the lock that lets one thread at a time in. It is only ever tried: whoever finds it
//! taken is told so, and nobody waits.

mod calls;
mod core;
mod counts;
mod deadlines;
mod entry;
mod lending;
mod news;
mod places;
mod targets;

pub(crate) use crate::client::counts::Count;
pub(crate) use crate::transport::dns::Choice;

use crate::client::core::Core;
use crate::connection::key::Key;
use crate::connection::pool::Limit;
use crate::error::Error;
use crate::fetch::options::Options;
use crate::fetch::{Fetch, Status};
use crate::proto::target;
use crate::transport::cancel::{Cancel, Canceller};
use crate::transport::sys::Fd;
use crate::transport::tls::Settings;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use try_lock::{Locked, TryLock};

/// What the handles of a client and its fetches share.
#[derive(Debug)]
struct Shared {
    fd: Fd,
    core: TryLock<Core>,
    userdata: AtomicUsize,
}

impl Shared {
    fn new(core: Core) -> Arc<Self> {
        Arc::new(Self { fd: core.fd(), core: TryLock::new(core), userdata: AtomicUsize::new(0) })
    }

    /// The inside, unless another thread is there. A panic on its way out opens it: the fetch it
    /// belongs to has been ended.
    fn enter(&self) -> Option<Locked<'_, Core>> {
        self.core.try_lock()
    }
}

/// The limits of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ClientLimit {
    Pool(Limit),
    Names,
}

/// The timeouts of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ClientTimeout {
    Idle,
    Age,
    Name,
    NoName,
}

/// A client as its user holds it. Its methods give nothing if another thread is inside.
#[derive(Debug)]
pub(crate) struct Client(Arc<Shared>);

impl Client {
    /// Nothing if the system gives no descriptor.
    pub(crate) fn new() -> Option<Self> {
        let shared = Shared::new(Core::new(false));
        (shared.fd >= 0).then_some(Self(shared))
    }

    pub(crate) fn fd(&self) -> Fd {
        self.0.fd
    }

    /// Starts a fetch, which `next` will call `tag`.
    pub(crate) fn start(
        &self,
        url: Option<&[u8]>,
        options: Arc<Options>,
        tag: usize,
    ) -> Option<Fetched> {
        let (key, cancel) = self.0.enter()?.start(url, options, tag);
        Some(Fetched { shared: Arc::clone(&self.0), key, cancel })
    }

    /// Does what is ready; says how many fetches have news.
    pub(crate) fn poll(&self) -> Option<i32> {
        let mut core = self.0.enter()?;
        core.turn(0);
        Some(core.news())
    }

    /// The tag of a fetch with news, if there is one.
    pub(crate) fn next(&self) -> Option<usize> {
        self.0.enter()?.next()
    }

    /// Waits until there are news, the time is over, or a signal came.
    pub(crate) fn wait(&self, timeout_ms: i32) -> Option<i32> {
        let mut core = self.0.enter()?;
        core.wait(timeout_ms, |core| core.news() > 0);
        Some(core.news())
    }

    /// Ends what still runs. The inside lives on until the last fetch has been freed.
    pub(crate) fn close(&self) {
        if let Some(mut core) = self.0.enter() {
            core.close();
        }
    }

    /// Changes a limit, from now on; 0 means none, but for what is kept.
    pub(crate) fn set_limit(&self, limit: ClientLimit, n: usize) -> Option<()> {
        self.0.enter()?.set(|core| match limit {
            ClientLimit::Pool(limit) => core.pool.set_limit(limit, n),
            ClientLimit::Names => core.names.set_limit(n),
        });
        Some(())
    }

    /// Changes a timeout, from now on; 0 means what the header says.
    pub(crate) fn set_timeout(&self, timeout: ClientTimeout, ms: u32) -> Option<()> {
        self.0.enter()?.set(|core| match timeout {
            ClientTimeout::Idle => core.pool.set_idle_timeout(ms),
            ClientTimeout::Age => core.pool.set_age(ms),
            ClientTimeout::Name => core.names.kept.found_ms = Some(ms),
            ClientTimeout::NoName => core.names.kept.not_found_ms = Some(ms),
        });
        Some(())
    }

    pub(crate) fn set_resolver(&self, choice: Choice) -> Option<()> {
        self.0.enter()?.set(|core| core.names.set_resolver(choice));
        Some(())
    }

    /// Says whether the text is an address.
    pub(crate) fn add_name_server(&self, address: &[u8]) -> Option<bool> {
        let mut core = self.0.enter()?;
        Some(str::from_utf8(address).is_ok_and(|address| core.names.add_server(address)))
    }

    /// Says whether the texts are a name and an address.
    pub(crate) fn add_host(&self, name: &[u8], address: &[u8]) -> Option<bool> {
        let mut core = self.0.enter()?;
        let address = str::from_utf8(address).ok().and_then(|text| text.parse().ok());
        let both = target::host_name(name).zip(address);
        Some(both.is_some_and(|(name, address)| {
            core.names.add_host(&name, address);
            true
        }))
    }

    /// Changes whom its fetches trust, from now on, unless they bring settings of their own.
    pub(crate) fn set_tls(&self, settings: Arc<Settings>) -> Option<()> {
        self.0.enter()?.tls.set_default(settings);
        Some(())
    }

    pub(crate) fn count(&self, count: Count) -> Option<u64> {
        Some(self.0.enter()?.count(count))
    }

    pub(crate) fn userdata(&self) -> usize {
        self.0.userdata.load(Relaxed)
    }

    pub(crate) fn set_userdata(&self, userdata: usize) {
        self.0.userdata.store(userdata, Relaxed);
    }
}

/// A fetch as its user holds it. Its methods give nothing if another thread is inside.
#[derive(Debug)]
pub(crate) struct Fetched {
    shared: Arc<Shared>,
    key: Key,
    /// Outside the lock, for `cancel` passes it by.
    cancel: Arc<Cancel>,
}

/// Starts a fetch with a client of its own.
pub(crate) fn start_alone(url: Option<&[u8]>, options: Arc<Options>) -> Fetched {
    let mut core = Core::new(true);
    let (key, cancel) = core.start(url, options, 0);
    Fetched { shared: Shared::new(core), key, cancel }
}

impl Fetched {
    pub(crate) fn fd(&self) -> Fd {
        self.shared.fd
    }

    /// Any thread, any signal handler.
    pub(crate) fn cancel(&self) {
        self.cancel.cancel(Canceller::Call);
    }

    /// Lets `f` look at the fetch.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Fetch) -> T) -> Option<T> {
        Some(f(self.shared.enter()?.fetch(self.key)))
    }

    pub(crate) fn poll(&self) -> Option<Status> {
        Some(self.shared.enter()?.poll_fetch(self.key))
    }

    /// Waits until the fetch has something to say, the time is over, or a signal came.
    pub(crate) fn wait(&self, timeout_ms: i32) -> Option<Status> {
        Some(self.shared.enter()?.wait_fetch(self.key, timeout_ms))
    }

    pub(crate) fn read(&self, to: &mut [u8]) -> Option<Result<(usize, Status), Error>> {
        Some(self.shared.enter()?.move_bytes(self.key, |fetch, cx| fetch.read(cx, to)))
    }

    pub(crate) fn write(&self, data: &[u8]) -> Option<Result<(usize, Status), Error>> {
        Some(self.shared.enter()?.move_bytes(self.key, |fetch, cx| fetch.write(cx, data)))
    }

    pub(crate) fn write_end(&self) -> Option<Result<Status, Error>> {
        let ended = self.shared.enter()?.act(self.key, |fetch, _| fetch.write_end());
        Some(ended.map(|((), status)| status))
    }

    /// Ends the fetch if it runs, and takes it out of its client. False if another thread
    /// is inside, which may be using it.
    pub(crate) fn release(&self) -> bool {
        match self.shared.enter() {
            Some(mut core) => {
                core.remove(self.key);
                true
            }
            None => {
                self.cancel();
                false
            }
        }
    }
}

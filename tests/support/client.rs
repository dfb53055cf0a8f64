//! `ifetch_client`, freed when it goes out of scope.

use super::*;
use ::ifetch::ffi::client::*;
use ::ifetch::ffi::fetch::ifetch;
use ::ifetch::ffi::resolver::*;
use std::net::SocketAddr;
use std::time::Instant;

pub(crate) struct Client(*mut ifetch_client);

// SAFETY: any thread may use a client; a second one at the same time is told BUSY.
unsafe impl Sync for Client {}

impl Client {
    pub(crate) fn new() -> Client {
        let client = call!(ifetch_client_new());
        assert!(!client.is_null(), "the system gives a descriptor");
        Client(client)
    }

    pub(crate) fn as_ptr(&self) -> *mut ifetch_client {
        self.0
    }

    /// Trusts as these settings say, from now on.
    pub(crate) fn set_tls(&self, tls: &Tls) {
        let refused = call!(ifetch_client_set_tls(self.0, tls.as_ptr()));
        assert_eq!(refused, IFETCH_ERROR_NONE, "settings that the test needs");
    }

    pub(crate) fn trusting(tls: &Tls) -> Client {
        let client = Client::new();
        client.set_tls(tls);
        client
    }

    pub(crate) fn timeout(self, which: ifetch_client_timeout, timeout_ms: u32) -> Client {
        self.set_timeout(which, timeout_ms);
        self
    }

    pub(crate) fn limit(self, which: ifetch_client_limit, n: u64) -> Client {
        self.set_limit(which, n);
        self
    }

    pub(crate) fn set_timeout(&self, which: ifetch_client_timeout, timeout_ms: u32) {
        let refused = call!(ifetch_client_set_timeout(self.0, which as i32, timeout_ms));
        assert_eq!(refused, IFETCH_ERROR_NONE, "a timeout that the test needs");
    }

    pub(crate) fn set_limit(&self, which: ifetch_client_limit, n: u64) {
        let refused = call!(ifetch_client_set_limit(self.0, which as i32, n));
        assert_eq!(refused, IFETCH_ERROR_NONE, "a limit that the test needs");
    }

    pub(crate) fn resolver(self, resolver: ifetch_resolver) -> Client {
        let refused = call!(ifetch_client_set_resolver(self.0, resolver as i32));
        assert_eq!(refused, IFETCH_ERROR_NONE, "a resolver that the test needs");
        self
    }

    /// Names are looked up by this server from now on.
    pub(crate) fn asking(self, server: SocketAddr) -> Client {
        let address = c_string(server.to_string());
        let refused = call!(ifetch_client_add_name_server(self.0, address.as_ptr()));
        assert_eq!(refused, IFETCH_ERROR_NONE, "a server that the test has started");
        self
    }

    pub(crate) fn add_host(&self, name: &str, address: &str) {
        let (name, address) = (c_string(name), c_string(address));
        let refused = call!(ifetch_client_add_host(self.0, name.as_ptr(), address.as_ptr()));
        assert_eq!(refused, IFETCH_ERROR_NONE, "a host that the test needs");
    }

    pub(crate) fn count(&self, which: ifetch_count) -> u64 {
        call!(ifetch_client_count(self.0, which as i32))
    }

    pub(crate) fn start(&self, url: &str, options: &Options) -> Fetch {
        let url = c_string(url);
        let fetch = call!(ifetch_client_start(self.0, url.as_ptr(), options.as_ptr()));
        assert!(!fetch.is_null(), "nobody else is inside");
        Fetch(fetch)
    }

    pub(crate) fn fd(&self) -> RawFd {
        call!(ifetch_client_fd(self.0))
    }

    pub(crate) fn poll(&self) -> i32 {
        call!(ifetch_client_poll(self.0))
    }

    pub(crate) fn wait(&self, timeout_ms: i32) -> i32 {
        call!(ifetch_client_wait(self.0, timeout_ms))
    }

    /// The next fetch with news, by its pointer; NULL for none.
    pub(crate) fn next(&self) -> *mut ifetch {
        call!(ifetch_client_next(self.0))
    }

    /// A plain GET, run to its end.
    pub(crate) fn get(&self, url: &str) -> Fetch {
        let fetch = self.start(url, &Options::new());
        fetch.finish();
        fetch
    }

    /// Polls, waiting on the descriptor alone, until `done`.
    pub(crate) fn drive_until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        loop {
            self.poll();
            if done() {
                return;
            }
            let patience = PATIENCE.saturating_sub(start.elapsed());
            assert!(readable(&[self.fd()], patience), "the descriptor does not tell: {what}");
        }
    }

    /// Drives it until this fetch has sent its request.
    pub(crate) fn drive_until_sent(&self, fetch: &Fetch) {
        self.drive_until("it is sent", || fetch.phase() == IFETCH_PHASE_WAITING);
    }

    /// Runs these fetches to their ends; gives their numbers in the order in which they ended.
    pub(crate) fn finish_all(&self, fetches: &[Fetch]) -> Vec<usize> {
        let mut ended = Vec::new();
        self.drive_until("all of them end", || {
            while let Some(next) = Some(self.next()).filter(|next| !next.is_null()) {
                let number = fetches.iter().position(|fetch| fetch.as_ptr() == next);
                ended.push(number.expect("one of these"));
            }
            ended.len() == fetches.len()
        });
        ended
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        call!(ifetch_client_free(self.0));
    }
}

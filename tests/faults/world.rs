//! Runs a scenario: the client and its server, moved by one thread in a fixed order.

use super::names::Names;
use super::scenarios::{AFTERWARDS, Ask, Body, Interrupt, Limits, Scenario, UPLOAD, Waits};
use super::server::{COARSE, HUGE, LARGE, Server, text};
use super::support::*;
use ::ifetch::ffi::body::{ifetch_read, ifetch_write, ifetch_write_end};
use ::ifetch::ffi::client::*;
use ::ifetch::ffi::fetch::*;
use ::ifetch::ffi::response::ifetch_response_body;
use libc::{POLLIN, pollfd};
use std::net::{TcpListener, TcpStream};
use std::ptr::null_mut;
use std::time::Instant;

/// How a fetch ended.
pub(crate) struct Ended {
    pub(crate) ask: &'static Ask,
    pub(crate) status: ifetch_status,
    pub(crate) error: ifetch_error,
    pub(crate) os_error: i32,
    pub(crate) message: String,
    pub(crate) body: Vec<u8>,
    /// It began when the fault had already happened.
    pub(crate) is_later: bool,
}

/// What the body has to be.
pub(crate) fn body_of(ask: &Ask) -> &'static [u8] {
    match ask.path {
        "/echo" => text(UPLOAD),
        "/large" | "/chunked" | "/close" => text(LARGE),
        "/coarse" => text(COARSE),
        "/huge" => text(HUGE),
        "/refuse" | "/unchanged" => b"",
        _ if ask.method == "HEAD" => b"",
        _ => b"hello",
    }
}

/// What is behind the scenes, which a simulated one does in its own way.
#[derive(Clone, Copy)]
pub(crate) struct Scenery {
    /// Before each wait.
    pub(crate) let_helpers_work: fn(),
    pub(crate) pass_ms: fn(u64),
    /// When nothing has happened for a moment. False if nothing ever will.
    pub(crate) pass_to_next_timer: fn() -> bool,
    /// Whether something has failed.
    pub(crate) has_failed: fn() -> bool,
}

/// How long nothing happens before time is made to pass.
const STILL_MS: i32 = 2;

static ZEROES: [u8; 16 << 20] = [0; 16 << 20];

pub(crate) struct World {
    scenery: Scenery,
    secure: Option<&'static Secure>,
    waits: Waits,
    takes_time: bool,
    servers: Vec<Server>,
    names: Names,
    /// Somebody who does not answer.
    _silent: Option<(TcpListener, TcpStream)>,
    client: Owner,
    /// Whether a fetch has: from then on servers hold nothing back.
    has_ended: bool,
}

struct Running {
    fetch: *mut ifetch,
    ask: &'static Ask,
    read: Vec<u8>,
    written: usize,
    ended: Option<ifetch_status>,
    is_later: bool,
}

/// A client, or nobody.
struct Owner(*mut ifetch_client);

impl World {
    /// Runs a scenario, and one fetch more. Nothing if its client could not be made.
    pub(crate) fn run(
        scenario: &Scenario,
        secure: Option<&'static Secure>,
        waits: Waits,
        scenery: Scenery,
    ) -> Option<Vec<Ended>> {
        let client = match scenario.client {
            Some(limits) => Owner::new(limits)?,
            None => Owner(null_mut()),
        };
        let first = Server::start("127.0.0.1:0", secure);
        let port = first.address().port();
        // The first and the last address of "three.local".
        let silent = scenario.is_silent.then(|| full_listener_on(&format!("127.0.0.2:{port}")));
        let last = Server::start(&format!("127.0.0.4:{port}"), secure);
        let mut world = World {
            scenery,
            secure,
            waits,
            takes_time: scenario.takes_time,
            servers: vec![first, last],
            names: Names::start(),
            _silent: silent,
            client,
            has_ended: false,
        };
        let mut ended = Vec::new();
        for group in scenario.groups {
            ended.extend(world.run_group(group));
            if scenario.pause_ms > 0 {
                (scenery.pass_ms)(scenario.pause_ms);
                world.turn(&mut []);
            }
        }
        ended.extend(world.run_group(AFTERWARDS));
        world.client.assert_is_at_rest(scenario);
        Some(ended)
    }

    /// Starts them, and runs them all to their ends.
    fn run_group(&mut self, group: &'static [Ask]) -> Vec<Ended> {
        let mut running: Vec<_> = group.iter().map(|ask| self.start(ask)).collect();
        self.interrupt(&mut running);
        running.iter_mut().for_each(Running::turn);
        self.interrupt(&mut running);
        let start = Instant::now();
        while running.iter().any(|one| one.ended.is_none()) {
            assert!(start.elapsed() < PATIENCE, "it never ends");
            self.has_ended |= running.iter().any(|one| one.ended.is_some());
            if self.has_ended {
                self.servers.iter_mut().for_each(Server::send_rest);
            }
            self.wait(&running);
            self.turn(&mut running);
            self.interrupt(&mut running);
        }
        self.has_ended = true;
        running.into_iter().filter_map(Running::finish).collect()
    }

    fn start(&self, ask: &'static Ask) -> Running {
        let port = self.servers[0].address().port();
        let scheme = if self.secure.is_some() { "https" } else { "http" };
        let url = c_string(format!("{scheme}://{}:{port}{}", ask.host, ask.path));
        let options = options_for(ask);
        let options = match self.secure {
            None => options,
            Some(secure) => options.tls(&secure.settings()),
        };
        let (url, options) = (url.as_ptr(), options.as_ptr());
        let is_later = (self.scenery.has_failed)();
        let fetch = match self.client.0.is_null() {
            true => call!(ifetch_start(url, options)),
            false => call!(ifetch_client_start(self.client.0, url, options)),
        };
        assert!(!fetch.is_null(), "a start always gives a fetch");
        Running { fetch, ask, read: Vec::new(), written: 0, ended: None, is_later }
    }

    /// Waits for anything to happen, on either side.
    fn wait(&self, running: &[Running]) {
        (self.scenery.let_helpers_work)();
        let waiting = running.iter().filter(|one| one.ended.is_none());
        let servers = self.servers.iter().flat_map(Server::interest);
        let mut polled: Vec<_> = servers.chain(self.names.interest()).collect();
        if self.waits == Waits::Inside {
            if ready_within(0, &mut polled) {
                return;
            }
            match self.client.0.is_null() {
                true => waiting.for_each(|one| _ = call!(ifetch_wait(one.fetch, 1))),
                false => _ = call!(ifetch_client_wait(self.client.0, 1)),
            }
            return;
        }
        let fds = waiting.map(|one| call!(ifetch_fd(one.fetch)));
        polled.extend(fds.map(|fd| pollfd { fd, events: POLLIN, revents: 0 }));
        let patience_ms = if self.takes_time { STILL_MS } else { PATIENCE.as_millis() as i32 };
        let goes_on = ready_within(patience_ms, &mut polled)
            || self.takes_time && (self.scenery.pass_to_next_timer)();
        assert!(goes_on, "it hangs: {:?}", running.iter().map(Running::phase).collect::<Vec<_>>());
    }

    /// Both sides do what is to be done, and nobody is waited for.
    fn turn(&mut self, running: &mut [Running]) {
        self.servers.iter_mut().for_each(Server::turn);
        self.names.turn();
        match self.client.0.is_null() {
            true => running.iter_mut().for_each(Running::turn),
            false => self.client.turn(running),
        }
    }

    fn interrupt(&mut self, running: &mut [Running]) {
        for one in running {
            let Some((phase, interrupt)) = one.ask.interrupted else { continue };
            if one.fetch.is_null() {
                continue;
            }
            match interrupt {
                // It may have failed before.
                Interrupt::FreeClient if one.phase() == IFETCH_PHASE_ENDED => {
                    self.client = Owner(null_mut());
                }
                _ if one.phase() != phase => {}
                Interrupt::Cancel => call!(ifetch_cancel(one.fetch)),
                Interrupt::Free => one.free(),
                Interrupt::FreeClient => self.client = Owner(null_mut()),
            }
        }
    }
}

fn ready_within(timeout_ms: i32, polled: &mut [pollfd]) -> bool {
    let count = polled.len() as libc::nfds_t;
    // SAFETY: the array is as long as is said.
    unsafe { libc::poll(polled.as_mut_ptr(), count, timeout_ms) > 0 }
}

impl Drop for World {
    fn drop(&mut self) {
        self.servers.iter_mut().for_each(Server::reset);
    }
}

impl Owner {
    fn new(limits: Limits) -> Option<Owner> {
        let client = Owner(call!(ifetch_client_new()));
        if client.0.is_null() {
            return None;
        }
        let which = ifetch_client_limit::IFETCH_CLIENT_LIMIT_CONNECTIONS as i32;
        call!(ifetch_client_set_limit(client.0, which, limits.connections));
        let which = ifetch_client_timeout::IFETCH_CLIENT_TIMEOUT_IDLE as i32;
        call!(ifetch_client_set_timeout(client.0, which, limits.idle_ms));
        Some(client)
    }

    /// Does what the header asks for when the client's descriptor is readable.
    fn turn(&self, running: &mut [Running]) {
        call!(ifetch_client_poll(self.0));
        loop {
            let next = call!(ifetch_client_next(self.0));
            if next.is_null() {
                return;
            }
            let one = running.iter_mut().find(|one| one.fetch == next).expect("one of these");
            assert!(one.ended.is_none(), "an end is told once");
            one.turn();
        }
    }

    /// Nobody has a connection any more, and there are no more than may be.
    fn assert_is_at_rest(&self, scenario: &Scenario) {
        let count = |which: ifetch_count| call!(ifetch_client_count(self.0, which as i32));
        let open = count(ifetch_count::IFETCH_COUNT_CONNECTIONS);
        assert_eq!(open, count(ifetch_count::IFETCH_COUNT_IDLE), "connections that nobody has");
        let limit = scenario.client.map_or(0, |limits| limits.connections);
        assert!(limit == 0 || open <= limit, "{open} connections");
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        call!(ifetch_client_free(self.0));
    }
}

impl Running {
    fn phase(&self) -> ifetch_phase {
        call!(ifetch_phase_of(self.fetch))
    }

    /// Polls, reads and writes until there is nothing to be done.
    fn turn(&mut self) {
        while self.ended.is_none() {
            match call!(ifetch_poll(self.fetch)) {
                IFETCH_PENDING => return,
                IFETCH_INTERIM | IFETCH_HEAD => {}
                IFETCH_READABLE => self.read(),
                IFETCH_WRITABLE => self.write(),
                ended @ (IFETCH_DONE | IFETCH_FAILED | IFETCH_CANCELLED) => {
                    self.ended = Some(ended)
                }
                other => panic!("{other:?} from a poll"),
            }
        }
    }

    fn read(&mut self) {
        let mut buffer = vec![0; self.ask.room];
        let (place, mut n) = (buffer.as_mut_ptr().cast(), 0);
        let _ = call!(ifetch_read(self.fetch, place, buffer.len(), &raw mut n));
        self.read.extend_from_slice(&buffer[..n]);
    }

    fn write(&mut self) {
        let whole = match self.ask.body {
            Body::Upgrade => b"hello".as_slice(),
            _ => text(UPLOAD),
        };
        let rest = &whole[self.written..];
        if rest.is_empty() {
            call!(ifetch_write_end(self.fetch));
            return;
        }
        let (part, mut n) = (&rest[..rest.len().min(5000)], 0);
        let place = part.as_ptr().cast();
        let _ = call!(ifetch_write(self.fetch, place, part.len(), &raw mut n));
        self.written += n;
    }

    fn free(&mut self) {
        call!(ifetch_free(self.fetch));
        self.fetch = null_mut();
        self.ended = Some(IFETCH_CANCELLED);
    }

    /// Copies what the fetch tells, and frees it. Nothing if it is freed already.
    fn finish(mut self) -> Option<Ended> {
        if self.fetch.is_null() {
            return None;
        }
        let status = call!(ifetch_poll(self.fetch));
        assert_eq!(Some(status), self.ended, "an outcome stands");
        let mut len = 0;
        let response = call!(ifetch_result(self.fetch));
        let body = call!(ifetch_response_body(response, &raw mut len));
        let body = match body.is_null() {
            true => std::mem::take(&mut self.read),
            // SAFETY: so many bytes, which live until the fetch is freed.
            false => unsafe { std::slice::from_raw_parts(body, len) }.to_vec(),
        };
        let ended = Ended {
            ask: self.ask,
            status,
            error: call!(ifetch_error_code(self.fetch)),
            os_error: call!(ifetch_os_error(self.fetch)),
            message: lent(call!(ifetch_error_message(self.fetch))).expect("never NULL"),
            body,
            is_later: self.is_later,
        };
        self.free();
        Some(ended)
    }
}

fn options_for(ask: &Ask) -> Options {
    let mut options = Options::new().method(ask.method).cancel_policy(ask.policy);
    options = match ask.body {
        Body::Nothing => options,
        Body::Whole => options.body(text(UPLOAD)),
        Body::Huge => options.body_borrowed(&ZEROES),
        Body::Written(len) => options.upload(len),
        Body::Upgrade => options.upgrade("x"),
    };
    if ask.stream {
        options = options.stream();
    }
    if ask.interim {
        options = options.interim();
    }
    if let Some((which, ms)) = ask.deadline {
        options = options.timeout(which, ms);
    }
    options
}

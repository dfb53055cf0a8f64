//! What the users of the library will do, and what servers are like: all drawn at the beginning.

use crate::fetch::options::{Deadline, Limit, Options, Policy};
use crate::proto::request::Body;
use crate::simulation::random::Random;
use crate::simulation::server::tls::{self, Identity, Speech};
use crate::transport::token::Token;
use std::sync::Arc;

/// What is the same for a whole world.
#[derive(Debug)]
pub(crate) struct Habits {
    pub(crate) clients: usize,
    pub(crate) fetches: usize,
    /// One call in so many finds the system short of something; 0 for none.
    pub(crate) shortage: u64,
    /// How many lookups in a hundred give no address.
    pub(crate) unknown_names: u64,
    /// What hosts are called: with few names, connections are used more often.
    hosts: &'static [Host],
    /// Whether names are asked of name servers, and not of the system.
    pub(crate) asks_servers: bool,
    /// How long a system call takes at most.
    pub(crate) call_ns: u64,
    /// One system call in so many is interrupted until something happens, or by a cancel.
    pub(crate) interruption: u64,
    /// The tokens.
    pub(crate) tokens: Vec<TokenPlan>,
    /// How long a user takes at most to poll what is readable.
    pub(crate) lag_ns: u64,
    natures: Vec<Nature>,
}

/// What the servers at one port are like: so many connections or answers in a hundred.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nature {
    pub(crate) lost: u64,
    pub(crate) refused: u64,
    pub(crate) resets: u64,
    pub(crate) hostile: u64,
    /// For how long a connection may be idle.
    pub(crate) tired_ns: Option<u64>,
    /// How they speak TLS, if they do.
    pub(crate) speech: Option<Speech>,
}

/// What cancels several fetches: perhaps under an earlier token, perhaps with a deadline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenPlan {
    pub(crate) parent: Option<usize>,
    pub(crate) timeout_ms: Option<u32>,
    /// When it is cancelled, if it is.
    pub(crate) cancelled_ns: Option<u64>,
}

impl TokenPlan {
    fn some(random: &mut Random) -> Vec<Self> {
        let count = random.one_of(&[0, 0, 1, 3]);
        let plan = |number| Self {
            parent: (number > 0 && random.percent(60)).then(|| random.below(number) as usize),
            timeout_ms: random.percent(40).then(|| random.one_of(&[1, 30, 500])),
            cancelled_ns: random.percent(60).then(|| random.below(800_000_000)),
        };
        (0..count).map(plan).collect()
    }
}

const FIRST_PORT: u16 = 8000;

impl Habits {
    pub(crate) fn new(random: &mut Random) -> Self {
        let ports = random.one_of(&[1, 1, 2, 4]);
        let secure = if cfg!(feature = "tls") { random.one_of(SECURE) } else { 0 };
        Self {
            clients: random.below(4) as usize,
            fetches: random.one_of(&[2, 5, 12, 12, 30]),
            shortage: if random.percent(6) { 20 } else { 0 },
            unknown_names: random.one_of(&[0, 0, 10, 40]),
            hosts: random.one_of(HOSTS),
            asks_servers: random.percent(50),
            call_ns: random.one_of(&[10, 1_000, 1_000, 40_000]),
            interruption: random.one_of(&[0, 400, 100, 30]),
            tokens: TokenPlan::some(random),
            lag_ns: random.one_of(&[1_000, 50_000, 1_000_000, 20_000_000]),
            natures: (0..ports).map(|_| Nature::new(secure, random)).collect(),
        }
    }

    pub(crate) fn nature(&self, port: u16) -> Nature {
        self.natures[usize::from(port - FIRST_PORT)]
    }
}

/// How many ports in a hundred speak TLS: none in half of the worlds, since a handshake takes as long
/// as a hundred system calls.
const SECURE: &[u64] = &[0, 0, 60, 100];

impl Nature {
    fn new(secure: u64, random: &mut Random) -> Self {
        let speech = random.percent(secure).then(|| Speech::new(random));
        let mut tired_ns = random.one_of(&[
            None,
            Some(200_000),
            Some(30_000_000),
            Some(30_000_000),
            Some(5_000_000_000),
        ]);
        if random.percent(40) {
            // One that can be relied upon, so that a fetch may not fail.
            tired_ns = None;
            return Self { lost: 0, refused: 0, resets: 0, hostile: 0, tired_ns, speech };
        }
        Self {
            lost: random.one_of(&[0, 0, 5, 40]),
            refused: random.one_of(&[0, 0, 5, 40]),
            resets: random.one_of(&[0, 0, 0, 10]),
            hostile: random.one_of(&[0, 20, 60]),
            tired_ns,
            speech,
        }
    }
}

/// One fetch.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) number: usize,
    /// Which client, or behind those, which fetch alone.
    pub(crate) caller: usize,
    host: Host,
    pub(crate) port: u16,
    /// Whether it is by https, and whom it would trust then.
    pub(crate) is_secure: bool,
    trusts: Identity,
    pub(crate) method: &'static str,
    pub(crate) upload: Upload,
    pub(crate) streams: bool,
    pub(crate) interim: bool,
    pub(crate) policy: Policy,
    deadlines: Vec<(Deadline, u32)>,
    pub(crate) token: Option<usize>,
    pub(crate) body_limit: Option<u64>,
    /// When it is started, and cancelled after that.
    pub(crate) starts_ns: u64,
    pub(crate) cancelled_ns: Option<u64>,
    /// Whether it is freed at some time, ended or not.
    pub(crate) freed_ns: Option<u64>,
    /// How long its user waits before it reads or writes, or that it never does.
    pub(crate) pause: Pause,
    /// How many bytes are read or written at a time.
    pub(crate) share: usize,
    /// Whether the upload ends before its announced length.
    pub(crate) ends_early: bool,
    /// Whether its user waits for it inside a call, so long at a time.
    pub(crate) waits_ms: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Name,
    Literal,
    Localhost,
}

const HOSTS: &[&[Host]] =
    &[&[Host::Name, Host::Name, Host::Literal, Host::Localhost], &[Host::Name], &[Host::Literal]];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upload {
    None,
    /// Given as a whole.
    Whole(usize),
    /// Written by the user, with the length announced or not.
    Length(usize),
    Chunked(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    None,
    Of(u64),
    ForEver,
}

/// The name by which a caller reaches a port. No two callers share one.
pub(crate) fn name_of(caller: usize, port: u16) -> String {
    format!("c{caller}-{port}.world.test")
}

/// What the request body of a fetch has at this place.
pub(crate) fn upload_byte(number: usize, at: u64) -> u8 {
    (number as u64 * 31 + at * 7 + (at >> 8)) as u8
}

const MS: u64 = 1_000_000;

impl Plan {
    pub(crate) fn all(random: &mut Random, habits: &Habits) -> Vec<Plan> {
        let mut alone = 0;
        (0..habits.fetches)
            .map(|number| {
                let plan = Plan::new(number, random, habits, alone);
                alone += usize::from(plan.caller >= habits.clients);
                plan
            })
            .collect()
    }

    fn new(number: usize, random: &mut Random, habits: &Habits, alone: usize) -> Plan {
        let caller = match habits.clients {
            0 => alone,
            clients if random.percent(10) => clients + alone,
            clients => random.below(clients as u64) as usize,
        };
        let upload = match random.below(10) {
            0 => Upload::Whole(size(random)),
            1 => Upload::Length(size(random)),
            2 => Upload::Chunked(size(random)),
            _ => Upload::None,
        };
        let method = match upload {
            Upload::None => random.one_of(&["GET", "GET", "GET", "GET", "HEAD", "DELETE", "POST"]),
            _ => random.one_of(&["POST", "PUT"]),
        };
        let spread = random.one_of(&[1, 1_000_000, 100 * MS, 3_000 * MS]);
        let pause = match random.below(20) {
            0 => Pause::ForEver,
            1..=8 => Pause::Of(random.below(20 * MS)),
            _ => Pause::None,
        };
        let soon = random.one_of(&[10_000, 1_000_000, 100 * MS, 2_000 * MS]);
        let port = FIRST_PORT + random.below(habits.natures.len() as u64) as u16;
        Plan {
            number,
            caller,
            host: random.one_of(habits.hosts),
            port,
            is_secure: habits.nature(port).speech.is_some(),
            trusts: if random.percent(8) { Identity::Other } else { Identity::Own },
            method,
            upload,
            streams: random.percent(35),
            interim: random.percent(30),
            policy: random.one_of(&[Policy::Reset, Policy::Finish, Policy::Drain]),
            deadlines: deadlines(random),
            token: (!habits.tokens.is_empty() && random.percent(40))
                .then(|| random.below(habits.tokens.len() as u64) as usize),
            body_limit: random.percent(5).then(|| random.below(1_000)),
            starts_ns: random.below(spread),
            cancelled_ns: random.percent(25).then(|| random.below(soon)),
            freed_ns: random.percent(15).then(|| random.below(soon)),
            pause,
            share: random.one_of(&[1, 50, 3_000, 65_536, 65_536]),
            ends_early: random.percent(5),
            waits_ms: random.percent(10).then(|| random.one_of(&[1, 5, 20])),
        }
    }

    fn host(&self) -> String {
        match self.host {
            Host::Name => name_of(self.caller, self.port),
            Host::Literal => "192.0.2.1".into(),
            Host::Localhost => "localhost".into(),
        }
    }

    /// The name that has to be looked up.
    pub(crate) fn name(&self) -> Option<String> {
        (self.host == Host::Name).then(|| self.host())
    }

    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host(), self.port)
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{}/{}", self.authority(), self.number)
    }

    /// Who the server has to prove to be, if it has to.
    pub(crate) fn trusts(&self) -> Option<Identity> {
        self.is_secure.then_some(self.trusts)
    }

    /// Whether the library has all of its body, and not its user.
    pub(crate) fn is_given_whole(&self) -> bool {
        matches!(self.upload, Upload::None | Upload::Whole(_))
    }

    /// How many bytes of a request body there will be, if its user gets so far.
    pub(crate) fn upload_len(&self) -> usize {
        match self.upload {
            Upload::None => 0,
            Upload::Whole(len) | Upload::Length(len) | Upload::Chunked(len) => len,
        }
    }

    /// How many its user writes.
    pub(crate) fn written_len(&self) -> usize {
        let early = self.ends_early && matches!(self.upload, Upload::Length(_));
        if early { self.upload_len() / 2 } else { self.upload_len() }
    }

    pub(crate) fn timeout_ms(&self, deadline: Deadline) -> Option<u32> {
        self.deadlines.iter().find(|(which, _)| *which == deadline).map(|&(_, ms)| ms)
    }

    pub(crate) fn options(&self, token: Option<Arc<Token>>) -> Arc<Options> {
        let mut options = Options::default();
        options.token = token;
        options.tls = self.trusts().and_then(tls::settings);
        options.request.set_method(self.method.as_bytes()).expect("it is a token");
        let bytes = |len: usize| (0..len as u64).map(|at| upload_byte(self.number, at)).collect();
        options.request.body = match self.upload {
            Upload::None => Body::None,
            Upload::Whole(len) => Body::Copied(bytes(len)),
            Upload::Length(len) => Body::Streamed(Some(len as u64)),
            Upload::Chunked(_) => Body::Streamed(None),
        };
        (options.stream, options.interim) = (self.streams, self.interim);
        options.policy = self.policy;
        for &(deadline, ms) in &self.deadlines {
            options.set_deadline(deadline, ms);
        }
        if let Some(limit) = self.body_limit {
            options.set_limit(Limit::Body, limit).expect("any number will do");
        }
        Arc::new(options)
    }
}

fn size(random: &mut Random) -> usize {
    let most = random.one_of(&[1, 100, 1_000, 5_000, 5_000, 5_000, 100_000]);
    random.below(most + 1) as usize
}

fn deadlines(random: &mut Random) -> Vec<(Deadline, u32)> {
    const ALL: [Deadline; 7] = [
        Deadline::Total,
        Deadline::Resolve,
        Deadline::Connect,
        Deadline::FirstByte,
        Deadline::Head,
        Deadline::Idle,
        Deadline::Queue,
    ];
    if random.percent(60) {
        return Vec::new();
    }
    let chance = random.one_of(&[10, 20, 60]);
    let mut chosen = Vec::new();
    for deadline in ALL {
        if random.percent(chance) {
            chosen.push((deadline, random.one_of(&[1, 20, 300, 3_000])));
        }
    }
    chosen
}

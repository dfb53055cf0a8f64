//! What the library is asked to do while its system calls fail, and while it is traced: one row for
//! each scenario. What a server does for a path is in `server.rs`; what a call that comes new to
//! the library can fail with, in `table.rs`.

use super::support::*;
use ::ifetch::ffi::options::ifetch_cancel_policy::{self, *};
use ::ifetch::ffi::options::ifetch_timeout::{self, *};

/// A fetch, and how it ends when nothing fails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) host: &'static str,
    /// What the server does.
    pub(crate) path: &'static str,
    pub(crate) body: Body,
    pub(crate) stream: bool,
    /// How much is read at a time, at most.
    pub(crate) room: usize,
    pub(crate) interim: bool,
    /// In milliseconds.
    pub(crate) deadline: Option<(ifetch_timeout, u32)>,
    pub(crate) policy: ifetch_cancel_policy,
    /// This happens in that phase.
    pub(crate) interrupted: Option<(ifetch_phase, Interrupt)>,
    pub(crate) ends: Ends,
}

/// What is sent with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Nothing,
    Whole,
    /// More than the system takes while nobody reads.
    Huge,
    /// Written by the caller, with this length announced; negative: in chunks.
    Written(i64),
    /// The words of another protocol, once the server has switched to it.
    Upgrade,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    Cancel,
    /// The fetch is freed.
    Free,
    /// Its client is freed.
    FreeClient,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// With the body that belongs to the path.
    Done,
    Failed(ifetch_error),
    Cancelled,
}

/// How the caller waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// For the descriptor.
    Outside,
    /// In the library.
    Inside,
}

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Whether the fetches share a client, and which one.
    pub(crate) client: Option<Limits>,
    /// Whether the first address of "three.local" does not answer.
    pub(crate) is_silent: bool,
    /// Whether a deadline or an attempt has to be waited for.
    pub(crate) takes_time: bool,
    /// How long nothing happens after each group.
    pub(crate) pause_ms: u64,
    pub(crate) waits: Waits,
    /// One group after the other; those of a group at the same time.
    pub(crate) groups: &'static [&'static [Ask]],
}

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// 0: none.
    pub(crate) connections: u64,
    /// How long a connection is kept.
    pub(crate) idle_ms: u32,
}

/// The length of each request body but the huge one.
pub(crate) const UPLOAD: usize = 12_000;

const HELLO: Ask = Ask {
    method: "GET",
    host: "127.0.0.1",
    path: "/hello",
    body: Body::Nothing,
    stream: false,
    room: 5000,
    interim: false,
    deadline: None,
    policy: IFETCH_CANCEL_RST,
    interrupted: None,
    ends: Ends::Done,
};

// Names in .local are left to the system, all others are asked of a name server (`names.rs`).
const KNOWN: Ask = Ask { host: "known.local", ..HELLO };
const THREE: Ask = Ask { host: "three.local", ..HELLO };

const fn named(host: &'static str) -> Ask {
    Ask { host, ..HELLO }
}

/// A name that the name server does not answer for.
const UNANSWERED: Ask = named("silent.example");

const fn get(path: &'static str) -> Ask {
    Ask { path, ..HELLO }
}

const fn read(path: &'static str) -> Ask {
    Ask { path, stream: true, ..HELLO }
}

const fn post(path: &'static str, body: Body) -> Ask {
    Ask { method: "POST", path, body, ..HELLO }
}

const fn send(body: Body) -> Ask {
    post("/echo", body)
}

const fn fails(error: ifetch_error, ask: Ask) -> Ask {
    Ask { ends: Ends::Failed(error), ..ask }
}

const fn cancelled(phase: ifetch_phase, ask: Ask) -> Ask {
    Ask { interrupted: Some((phase, Interrupt::Cancel)), ends: Ends::Cancelled, ..ask }
}

const fn freed(phase: ifetch_phase, ask: Ask) -> Ask {
    Ask { interrupted: Some((phase, Interrupt::Free)), ..ask }
}

/// It has a deadline, which passes.
const fn late(which: ifetch_timeout, error: ifetch_error, ask: Ask) -> Ask {
    fails(error, Ask { deadline: Some((which, 100)), ..ask })
}

const LATE: Ask = late(IFETCH_TIMEOUT_TOTAL, IFETCH_ERROR_TIMEOUT_TOTAL, get("/never"));

/// Nobody answers there, in a scenario with somebody silent.
const SILENT: Ask = Ask { host: "127.0.0.2", ..HELLO };

const DRAINED: Ask =
    Ask { policy: IFETCH_CANCEL_DRAIN, ..cancelled(IFETCH_PHASE_RECEIVING, get("/half")) };

type Groups = &'static [&'static [Ask]];

const fn alone(name: &'static str, groups: Groups) -> Scenario {
    Scenario {
        name,
        client: None,
        is_silent: false,
        takes_time: false,
        pause_ms: 0,
        waits: Waits::Outside,
        groups,
    }
}

/// On a client, which may have so many connections. It is left alone for a moment between groups.
const fn client(name: &'static str, connections: u64, groups: Groups) -> Scenario {
    let limits = Limits { connections, idle_ms: 60_000 };
    Scenario { client: Some(limits), pause_ms: 20, ..alone(name, groups) }
}

const fn takes_time(scenario: Scenario) -> Scenario {
    Scenario { takes_time: true, ..scenario }
}

const fn silent(scenario: Scenario) -> Scenario {
    Scenario { is_silent: true, ..takes_time(scenario) }
}

const fn waits_inside(scenario: Scenario) -> Scenario {
    Scenario { waits: Waits::Inside, ..scenario }
}

pub(crate) static SCENARIOS: &[Scenario] = &[
    // Responses.
    alone("a plain GET", &[&[HELLO]]),
    waits_inside(alone("a plain GET that is waited for", &[&[HELLO]])),
    alone("a large body", &[&[get("/large")]]),
    alone("a body beyond the budget", &[&[get("/huge")]]),
    alone("a large body that is read", &[&[read("/large")]]),
    alone("chunks", &[&[get("/chunked")]]),
    alone("chunks that are read", &[&[read("/chunked")]]),
    alone("coarse chunks", &[&[get("/coarse")]]),
    alone("coarse chunks that are read", &[&[Ask { room: 100_000, ..read("/coarse") }]]),
    alone("a body that ends with the connection", &[&[get("/close")]]),
    alone("the same, read", &[&[read("/close")]]),
    alone("an interim response that is skipped", &[&[get("/interim")]]),
    alone("an interim response that is told", &[&[Ask { interim: true, ..get("/interim") }]]),
    alone("HEAD", &[&[Ask { method: "HEAD", ..HELLO }]]),
    alone("304", &[&[get("/unchanged")]]),
    alone("a body that breaks off", &[&[fails(IFETCH_ERROR_TRUNCATED, get("/cut"))]]),
    alone("no response", &[&[fails(IFETCH_ERROR_NO_RESPONSE, get("/gone"))]]),
    alone("not HTTP", &[&[fails(IFETCH_ERROR_NOT_HTTP, get("/garbage"))]]),
    // Requests with a body.
    alone("a whole request body", &[&[send(Body::Whole)]]),
    alone("a request body of known length", &[&[send(Body::Written(UPLOAD as i64))]]),
    alone("a request body in chunks", &[&[send(Body::Written(-1))]]),
    alone("a request body that is refused", &[&[post("/refuse", Body::Written(-1))]]),
    alone(
        "another protocol",
        &[&[Ask { path: "/switch", body: Body::Upgrade, stream: true, ..HELLO }]],
    ),
    // Names and connections.
    alone("a name", &[&[KNOWN]]),
    alone(
        "a name that does not exist",
        &[&[fails(IFETCH_ERROR_RESOLVE, Ask { host: "nowhere.local", ..HELLO })]],
    ),
    alone("nobody listens", &[&[fails(IFETCH_ERROR_CONNECT, Ask { host: "127.0.0.9", ..HELLO })]]),
    // Its addresses are put in order, which is that of their kinds or that of the file.
    alone("a name in /etc/hosts", &[&[Ask { host: "both.example", ..HELLO }]]),
    alone("three addresses, two of them refusing", &[&[THREE]]),
    silent(alone(
        "three addresses, one of them silent",
        &[&[Ask { deadline: Some((IFETCH_TIMEOUT_TOTAL, 2000)), ..THREE }]],
    )),
    alone("two families, one of them refusing", &[&[Ask { host: "localhost", ..HELLO }]]),
    // Names that a name server is asked for. A datagram that is lost is sent again after a while.
    takes_time(alone("a name of a name server", &[&[named("plain.example")]])),
    takes_time(alone("an answer that does not fit", &[&[named("long.example")]])),
    takes_time(alone("a name server without EDNS", &[&[named("old.example")]])),
    takes_time(alone(
        "a name that no server knows",
        &[&[fails(IFETCH_ERROR_RESOLVE, named("nowhere.example"))]],
    )),
    takes_time(alone(
        "a name server that does not answer",
        &[&[fails(IFETCH_ERROR_RESOLVE, UNANSWERED)]],
    )),
    takes_time(client(
        "names of a name server, on a client",
        0,
        &[&[named("plain.example"), named("long.example")], &[named("plain.example")]],
    )),
    // Deadlines.
    alone(
        "a deadline that is met",
        &[&[Ask { deadline: Some((IFETCH_TIMEOUT_TOTAL, 600_000)), ..HELLO }]],
    ),
    takes_time(alone("a deadline that is not", &[&[LATE]])),
    takes_time(alone(
        "too long until the first byte",
        &[&[late(IFETCH_TIMEOUT_FIRST_BYTE, IFETCH_ERROR_TIMEOUT_FIRST_BYTE, get("/never"))]],
    )),
    takes_time(alone(
        "too long until the head is complete",
        &[&[late(IFETCH_TIMEOUT_HEAD, IFETCH_ERROR_TIMEOUT_HEAD, get("/never"))]],
    )),
    takes_time(alone(
        "too long without a byte",
        &[&[late(IFETCH_TIMEOUT_IDLE, IFETCH_ERROR_TIMEOUT_IDLE, get("/half"))]],
    )),
    silent(alone(
        "too long without a connection",
        &[&[late(IFETCH_TIMEOUT_CONNECT, IFETCH_ERROR_TIMEOUT_CONNECT, SILENT)]],
    )),
    takes_time(client(
        "too long in the queue",
        1,
        &[&[
            Ask { deadline: Some((IFETCH_TIMEOUT_TOTAL, 300)), ..LATE },
            late(IFETCH_TIMEOUT_QUEUE, IFETCH_ERROR_TIMEOUT_QUEUE, HELLO),
        ]],
    )),
    // Interrupted.
    alone("cancelled during a lookup", &[&[cancelled(IFETCH_PHASE_RESOLVING, KNOWN)]]),
    alone(
        "cancelled while a name server is asked",
        &[&[cancelled(IFETCH_PHASE_RESOLVING, UNANSWERED)]],
    ),
    takes_time(client(
        "cancelled while a name server is asked, beside others",
        0,
        &[&[cancelled(IFETCH_PHASE_RESOLVING, UNANSWERED), named("plain.example"), HELLO]],
    )),
    alone("freed while a name server is asked", &[&[freed(IFETCH_PHASE_RESOLVING, UNANSWERED)]]),
    silent(alone("cancelled while connecting", &[&[cancelled(IFETCH_PHASE_CONNECTING, SILENT)]])),
    alone(
        "cancelled while sending",
        &[&[cancelled(IFETCH_PHASE_SENDING, post("/stall", Body::Huge))]],
    ),
    alone("cancelled while waiting", &[&[cancelled(IFETCH_PHASE_WAITING, get("/never"))]]),
    alone(
        "cancelled while waiting, with a FIN alone",
        &[&[Ask { policy: IFETCH_CANCEL_FIN, ..cancelled(IFETCH_PHASE_WAITING, get("/never")) }]],
    ),
    alone("cancelled while receiving", &[&[cancelled(IFETCH_PHASE_RECEIVING, get("/half"))]]),
    alone("cancelled while it is read", &[&[cancelled(IFETCH_PHASE_RECEIVING, read("/half"))]]),
    alone(
        "cancelled too late",
        &[&[Ask { interrupted: Some((IFETCH_PHASE_ENDED, Interrupt::Cancel)), ..HELLO }]],
    ),
    client("cancelled in the queue", 1, &[&[HELLO, cancelled(IFETCH_PHASE_QUEUED, HELLO), HELLO]]),
    client(
        "cancelled beside others",
        0,
        &[&[HELLO], &[cancelled(IFETCH_PHASE_WAITING, get("/never")), HELLO], &[HELLO]],
    ),
    client(
        "cancelled in a lookup that another shares",
        0,
        &[&[cancelled(IFETCH_PHASE_RESOLVING, KNOWN), KNOWN]],
    ),
    alone("freed while waiting", &[&[freed(IFETCH_PHASE_WAITING, get("/never"))]]),
    client(
        "freed beside others",
        2,
        &[&[freed(IFETCH_PHASE_RECEIVING, get("/half")), freed(IFETCH_PHASE_QUEUED, KNOWN), HELLO]],
    ),
    client(
        "a client that is freed before its fetches",
        2,
        &[
            &[HELLO],
            &[
                Ask {
                    interrupted: Some((IFETCH_PHASE_RECEIVING, Interrupt::FreeClient)),
                    ..cancelled(IFETCH_PHASE_RECEIVING, get("/stop"))
                },
                Ask { ends: Ends::Cancelled, ..get("/never") },
                Ask { ends: Ends::Cancelled, ..KNOWN },
            ],
        ],
    ),
    // Clients.
    client("a client's fetch", 0, &[&[HELLO]]),
    waits_inside(client("a client that is waited for", 0, &[&[HELLO, KNOWN]])),
    client(
        "a connection that is used again",
        0,
        &[&[HELLO], &[get("/large")], &[read("/chunked")]],
    ),
    client("uploads over one connection", 0, &[&[send(Body::Whole)], &[send(Body::Written(-1))]]),
    client("a kept connection that is dead", 0, &[&[get("/leave")], &[HELLO]]),
    client("a kept connection that dies", 0, &[&[HELLO], &[get("/die")]]),
    client(
        "a kept connection that dies under a POST",
        0,
        &[&[HELLO], &[fails(IFETCH_ERROR_RECEIVE, post("/die", Body::Whole))]],
    ),
    Scenario {
        client: Some(Limits { connections: 0, idle_ms: 10 }),
        ..client("a kept connection that has been idle for too long", 0, &[&[HELLO], &[HELLO]])
    },
    client("several connections", 0, &[&[HELLO, get("/large"), read("/chunked")], &[HELLO, HELLO]]),
    client("a queue", 1, &[&[HELLO, get("/large"), HELLO]]),
    client("a queue, and two origins", 1, &[&[HELLO, KNOWN, HELLO]]),
    takes_time(client("a queue, and a deadline", 1, &[&[LATE, HELLO]])),
    client("one lookup for two", 0, &[&[KNOWN, KNOWN]]),
    client("a name that is remembered", 0, &[&[THREE], &[THREE, THREE]]),
    client("a response that is drained", 1, &[&[DRAINED, HELLO]]),
    client(
        "a response that is drained while it is read",
        1,
        &[&[Ask { stream: true, ..DRAINED }], &[HELLO]],
    ),
    takes_time(client(
        "a response that is drained for too long",
        1,
        &[
            &[Ask { deadline: Some((IFETCH_TIMEOUT_DRAIN, 100)), path: "/stop", ..DRAINED }],
            &[HELLO],
        ],
    )),
];

/// What is asked after each of them: it goes well, unless it is its own call that fails.
pub(crate) static AFTERWARDS: &[Ask] = &[KNOWN];

//! What a fetch may be in the middle of.

use super::support::Secure;

/// One thing that the client or the server does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// The client waits for its descriptor, for a moment, and polls.
    Poll,
    /// The client polls until nothing more happens.
    Settle,
    /// The client reads so many bytes at most.
    Read(usize),
    /// The client writes so many bytes at most.
    Write(usize),
    WriteEnd,
    /// The server takes the connection, and shakes hands if there is TLS.
    Accept,
    /// The server takes the connection.
    AcceptOnly,
    /// The server reads what has come of the handshake.
    Hear,
    /// The server sends so many bytes more of the handshake at most.
    Say(usize),
    /// The server reads so many bytes at most.
    Take(usize),
    Send(&'static str),
    /// The server changes its keys, and asks the client to do so as well.
    Refresh,
    /// The server sends until the client's side is full.
    Flood,
    /// The server ends its side.
    Finish,
    /// The server answers the other fetch, whose connection is then kept.
    AnswerOther,
    /// Time passes.
    Sleep(u64),
    /// The name server answers whoever has asked.
    Name(NameAnswer),
    /// The name server takes a connection, and reads what it is asked.
    AcceptName,
    /// It sends so many bytes of an answer.
    SendName(usize),
    /// It ends the connection.
    CloseName,
}

/// What the name server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameAnswer {
    /// That it does not fit.
    Truncated,
    /// That it does not understand the question.
    NotUnderstood,
    /// That there is no such name.
    NotThere,
}

use NameAnswer::*;
use Step::*;

/// Where the URL leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Listening,
    /// An address that refuses.
    Refusing,
    /// An address whose queue is full: no answer to a SYN.
    Silent,
    /// localhost, with both families silent.
    SilentTwice,
    /// localhost, with the first family refusing and the second listening.
    SecondListening,
    /// A name that the name server does not answer for, unless by a step.
    Unanswered,
    /// The same with a name that only the system looks up.
    UnansweredBySystem,
    /// The same with a name server that takes connections as well.
    NameOverTcp,
    /// The same with one whose queue of connections is full.
    NameOverSilentTcp,
}

/// What another fetch of the same client has done, or does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Other {
    #[default]
    IsNone,
    /// It has ended, and its connection was kept.
    HasLeftItsConnection,
    /// The same, and the server has ended it since.
    HasLeftADeadConnection,
    /// It waits for its response on the only connection that the client may have.
    HasTheOnlyConnection,
    /// It has begun to look up the same name.
    LooksUpTheName,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kind {
    pub(crate) stream: bool,
    pub(crate) interim: bool,
    pub(crate) upgrade: bool,
    /// A whole body of so many bytes.
    pub(crate) body: usize,
    /// A streamed, chunked body.
    pub(crate) upload: bool,
    pub(crate) deadline_ms: u32,
    pub(crate) on_client: bool,
    pub(crate) fin_only: bool,
    pub(crate) drains: bool,
    pub(crate) other: Other,
}

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    /// Whether a thread is left for a while that asks the system for a name.
    pub(crate) has_helper: bool,
    pub(crate) steps: &'static [Step],
}

const PLAIN: Kind = Kind {
    stream: false,
    interim: false,
    upgrade: false,
    body: 0,
    upload: false,
    deadline_ms: 0,
    on_client: false,
    fin_only: false,
    drains: false,
    other: Other::IsNone,
};

const HEAD_100: &str = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";

macro_rules! listening {
    ($name:literal, $kind:expr, $steps:expr) => {
        Scenario {
            name: $name,
            place: Place::Listening,
            kind: $kind,
            has_helper: false,
            steps: &$steps,
        }
    };
}

/// Those that there are with TLS alone.
pub(crate) static HANDSHAKES: &[Scenario] = &[
    listening!("a handshake that is never answered", PLAIN, [Poll, AcceptOnly, Poll, Hear, Poll]),
    listening!(
        "a handshake, bit by bit",
        PLAIN,
        [
            Poll,
            AcceptOnly,
            Poll,
            Hear,
            Say(3),
            Poll,
            Say(100),
            Poll,
            Say(4096),
            Poll,
            Hear,
            Take(4096),
            Poll
        ]
    ),
    listening!(
        "a client's handshake, with a FIN alone",
        Kind { on_client: true, fin_only: true, deadline_ms: 60_000, ..PLAIN },
        [Poll, AcceptOnly, Poll, Hear, Say(100), Poll]
    ),
    listening!("a handshake that the server ends", PLAIN, [Poll, AcceptOnly, Poll, Finish, Settle]),
    listening!(
        "records without data",
        PLAIN,
        [Poll, Accept, Take(4096), Poll, Refresh, Poll, Send(HEAD_100), Refresh, Poll]
    ),
];

pub(crate) static SCENARIOS: &[Scenario] = &[
    listening!("waiting for the head", PLAIN, [Poll, Accept, Take(4096), Poll, Poll]),
    listening!(
        "a client's fetch, waiting",
        Kind { on_client: true, ..PLAIN },
        [Poll, Accept, Take(4096), Poll]
    ),
    listening!(
        "waiting, with a FIN alone",
        Kind { fin_only: true, ..PLAIN },
        [Poll, Accept, Take(4096), Poll]
    ),
    listening!(
        "waiting, with a deadline",
        Kind { deadline_ms: 60_000, ..PLAIN },
        [Poll, Accept, Take(4096), Poll]
    ),
    Scenario {
        name: "a lookup that is never answered",
        place: Place::Unanswered,
        kind: PLAIN,
        has_helper: false,
        // A second is the time after which it is asked for again.
        steps: &[Poll, Poll, Sleep(1_010), Poll, Poll],
    },
    Scenario {
        name: "a lookup that another fetch has begun",
        place: Place::Unanswered,
        kind: Kind { other: Other::LooksUpTheName, ..PLAIN },
        has_helper: false,
        steps: &[Poll, Poll],
    },
    Scenario {
        name: "a lookup that is answered step by step",
        place: Place::Unanswered,
        kind: PLAIN,
        has_helper: false,
        steps: &[Poll, Name(NotUnderstood), Poll, Name(NotThere), Poll, Poll],
    },
    Scenario {
        name: "a lookup over TCP",
        place: Place::NameOverTcp,
        kind: PLAIN,
        has_helper: false,
        steps: &[
            Poll,
            Name(Truncated),
            Poll,
            Poll,
            AcceptName,
            Poll,
            SendName(1),
            Poll,
            SendName(30),
            Poll,
            CloseName,
            Settle,
        ],
    },
    Scenario {
        name: "a lookup over TCP, where nobody answers",
        place: Place::NameOverSilentTcp,
        kind: PLAIN,
        has_helper: false,
        steps: &[Poll, Name(Truncated), Poll, Poll],
    },
    Scenario {
        name: "a lookup of the system that is never answered",
        place: Place::UnansweredBySystem,
        kind: PLAIN,
        has_helper: true,
        steps: &[Poll, Poll],
    },
    Scenario {
        name: "a lookup of the system that another fetch has begun",
        place: Place::UnansweredBySystem,
        kind: Kind { other: Other::LooksUpTheName, ..PLAIN },
        has_helper: true,
        steps: &[Poll, Poll],
    },
    Scenario {
        name: "a connect that is never answered",
        place: Place::Silent,
        kind: PLAIN,
        has_helper: false,
        steps: &[Poll, Poll],
    },
    Scenario {
        name: "refused",
        place: Place::Refusing,
        kind: PLAIN,
        has_helper: false,
        steps: &[Poll, Poll],
    },
    Scenario {
        name: "two families racing",
        place: Place::SilentTwice,
        kind: PLAIN,
        has_helper: false,
        steps: &[Poll, Sleep(270), Poll, Poll],
    },
    Scenario {
        name: "the second family wins",
        place: Place::SecondListening,
        kind: PLAIN,
        has_helper: false,
        steps: &[Poll, Poll, Accept, Poll, Take(4096), Send(HEAD_100), Poll],
    },
    listening!(
        "a body half sent",
        Kind { body: 16 << 20, ..PLAIN },
        [Poll, Accept, Poll, Take(65536), Poll, Take(65536), Poll]
    ),
    listening!(
        "an answer while the body is being sent",
        Kind { body: 16 << 20, ..PLAIN },
        [Poll, Accept, Take(65536), Send(HEAD_100), Poll, Take(65536), Poll]
    ),
    listening!(
        "a refusal while the body is being sent",
        Kind { body: 16 << 20, ..PLAIN },
        [
            Poll,
            Accept,
            Take(65536),
            Send("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\n"),
            Poll,
            Send("gone"),
            Settle
        ]
    ),
    listening!(
        "within the head",
        PLAIN,
        [
            Poll,
            Accept,
            Poll,
            Send("HTTP/1.1 200 OK\r\nContent-"),
            Poll,
            Send("Length: 3\r\n"),
            Poll
        ]
    ),
    listening!(
        "within a chunk",
        PLAIN,
        [
            Poll,
            Accept,
            Poll,
            Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"),
            Poll,
            Send("lo\r\n1"),
            Poll,
            Send("0\r\n0123"),
            Poll
        ]
    ),
    listening!(
        "within the trailers",
        PLAIN,
        [
            Poll,
            Accept,
            Poll,
            Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: b\r\n"),
            Poll
        ]
    ),
    listening!(
        "after an interim response",
        Kind { interim: true, ..PLAIN },
        [
            Poll,
            Accept,
            Poll,
            Send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
            Poll,
            Poll,
            Send("HTTP/1.1 1"),
            Poll
        ]
    ),
    listening!(
        "a collected body, half there",
        PLAIN,
        [Poll, Accept, Poll, Send(HEAD_100), Poll, Send("0123456789"), Poll]
    ),
    listening!(
        "a streamed body, unread",
        Kind { stream: true, ..PLAIN },
        [
            Poll,
            Accept,
            Poll,
            Send(HEAD_100),
            Poll,
            Send("0123456789"),
            Poll,
            Poll,
            Read(4),
            Read(100),
            Poll
        ]
    ),
    listening!(
        "backpressure",
        Kind { stream: true, ..PLAIN },
        [
            Poll,
            Accept,
            Poll,
            Send("HTTP/1.1 200 OK\r\n\r\n"),
            Poll,
            Flood,
            Poll,
            Poll,
            Read(1000),
            Poll,
            Read(65536),
            Poll
        ]
    ),
    listening!(
        "a streamed upload",
        Kind { upload: true, ..PLAIN },
        [
            Poll,
            Accept,
            Settle,
            Write(10),
            Take(4096),
            Write(1 << 20),
            Write(1 << 20),
            Settle,
            Take(65536),
            WriteEnd,
            Settle
        ]
    ),
    listening!(
        "a switched protocol",
        Kind { upgrade: true, ..PLAIN },
        [
            Poll,
            Accept,
            Poll,
            Send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello"),
            Poll,
            Read(10),
            Write(5),
            Take(4096),
            Poll
        ]
    ),
    listening!(
        "finished",
        PLAIN,
        [Poll, Accept, Poll, Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), Poll, Poll]
    ),
    listening!(
        "finished by a close",
        PLAIN,
        [Poll, Accept, Poll, Send("HTTP/1.0 200 OK\r\n\r\nok"), Poll, Finish, Settle]
    ),
    listening!(
        "waiting for a connection",
        Kind { other: Other::HasTheOnlyConnection, ..PLAIN },
        [Poll, Poll, AnswerOther, Poll, Poll, Take(4096), Send(HEAD_100), Poll]
    ),
    listening!(
        "waiting for a connection, with a deadline",
        Kind { other: Other::HasTheOnlyConnection, deadline_ms: 60_000, ..PLAIN },
        [Poll, Poll]
    ),
    listening!(
        "a kept connection",
        Kind { other: Other::HasLeftItsConnection, ..PLAIN },
        [Poll, Take(4096), Poll, Send(HEAD_100), Poll, Send("0123456789"), Poll]
    ),
    listening!(
        "a kept connection that is dead, and a new one",
        Kind { other: Other::HasLeftADeadConnection, ..PLAIN },
        [Poll, Accept, Take(4096), Poll]
    ),
    listening!(
        "a kept connection that dies, and a new one",
        Kind { other: Other::HasLeftItsConnection, ..PLAIN },
        [Poll, Take(4096), Finish, Poll, Poll, Accept, Take(4096), Poll, Send(HEAD_100), Poll]
    ),
    listening!(
        "a response that is drained",
        Kind { on_client: true, drains: true, ..PLAIN },
        [Poll, Accept, Take(4096), Poll, Send(HEAD_100), Poll, Send("0123456789"), Poll]
    ),
    listening!(
        "a response that is drained, of a streaming fetch",
        Kind { on_client: true, drains: true, stream: true, ..PLAIN },
        [Poll, Accept, Take(4096), Send(HEAD_100), Poll, Send("0123456789"), Poll, Read(4), Poll]
    ),
    listening!("truncated", PLAIN, [Poll, Accept, Poll, Send(HEAD_100), Poll, Finish, Settle]),
];

/// All scenarios without TLS, with it, and those that there are with it alone.
pub(crate) fn runs() -> impl Iterator<Item = (&'static Scenario, Option<&'static Secure>)> {
    let plain = SCENARIOS.iter().map(|scenario| (scenario, None));
    let secure = Some(Secure::shared());
    plain.chain(SCENARIOS.iter().chain(HANDSHAKES).map(move |scenario| (scenario, secure)))
}

//! Which system calls may fail, and how.

use libc::*;

/// A call to the system, by the name that the library knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types)] // they are the system's names
pub(crate) enum Call {
    socket,
    setsockopt,
    connect,
    getsockopt,
    send,
    sendmsg,
    recv,
    recvmsg,
    poll,
    shutdown,
    close,
    epoll_create1,
    epoll_ctl,
    epoll_wait,
    eventfd,
    timerfd_create,
    getaddrinfo,
    pthread_create,
    getrandom,
    stat,
    open,
    fstat,
    read,
    gethostname,
    getsockname,
}

impl Call {
    pub(crate) const COUNT: usize = Call::getsockname as usize + 1;
}

/// What happens instead of the call, or besides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It does nothing, and fails.
    Fails(c_int),
    /// It is done, and fails all the same.
    FailsAfterwards(c_int),
    /// It fails, and the connection is broken.
    Breaks(c_int),
    /// The socket has this error (SO_ERROR).
    Reports(c_int),
    /// It moves so many bytes at most.
    Moves(usize),
    /// It moves one byte less than it could.
    MovesLess,
    /// All such calls move one byte at most.
    AllMoveOne,
    /// A lookup fails with this code, and errno if the code says so.
    Answers(c_int, c_int),
}

use Call as C;
use How::*;

/// Each call with all that may happen to it. EBADF, EFAULT, EINVAL, ENOTSOCK and the like are not
/// here: they tell of bugs in the caller. Calls that cannot fail otherwise are in `CANNOT_FAIL`.
pub(crate) const FAULTS: &[(Call, &[How])] = &[
    (
        C::socket,
        &[
            Fails(EMFILE),
            Fails(ENFILE),
            Fails(ENOMEM),
            Fails(ENOBUFS),
            Fails(EACCES),
            Fails(EPERM),
            Fails(EAFNOSUPPORT),
            Fails(EPROTONOSUPPORT),
        ],
    ),
    (C::setsockopt, &[Fails(ENOMEM), Fails(ENOBUFS), Fails(ENOPROTOOPT), Fails(EPERM)]),
    (
        C::connect,
        &[
            Fails(ECONNREFUSED),
            Fails(ECONNRESET),
            Fails(ETIMEDOUT),
            Fails(ENETUNREACH),
            Fails(EHOSTUNREACH),
            Fails(ENETDOWN),
            Fails(EADDRNOTAVAIL),
            Fails(EADDRINUSE),
            Fails(EAGAIN),
            Fails(ENOMEM),
            Fails(ENOBUFS),
            Fails(EACCES),
            Fails(EPERM),
            FailsAfterwards(EINTR),
        ],
    ),
    (
        C::getsockopt,
        &[
            Fails(ENOMEM),
            Fails(ENOBUFS),
            Reports(ECONNREFUSED),
            Reports(ECONNRESET),
            Reports(ETIMEDOUT),
            Reports(ENETUNREACH),
            Reports(EHOSTUNREACH),
            Reports(EADDRNOTAVAIL),
        ],
    ),
    (C::send, SENDING),
    (C::sendmsg, SENDING),
    (C::recv, RECEIVING),
    (C::recvmsg, RECEIVING),
    (C::poll, &[Fails(EINTR), Fails(ENOMEM), Fails(EAGAIN)]),
    (C::shutdown, &[Fails(ENOTCONN), Fails(ENOBUFS)]),
    // On Linux a descriptor is gone whatever its close says.
    (C::close, &[FailsAfterwards(EINTR), FailsAfterwards(EIO)]),
    (C::epoll_create1, &[Fails(EMFILE), Fails(ENFILE), Fails(ENOMEM)]),
    (C::epoll_ctl, &[Fails(ENOMEM), Fails(ENOSPC)]),
    (C::epoll_wait, &[Fails(EINTR)]),
    (C::eventfd, &[Fails(EMFILE), Fails(ENFILE), Fails(ENOMEM), Fails(ENODEV)]),
    (C::timerfd_create, &[Fails(EMFILE), Fails(ENFILE), Fails(ENOMEM), Fails(ENODEV)]),
    (
        C::getaddrinfo,
        &[
            Answers(EAI_NONAME, 0),
            Answers(EAI_AGAIN, 0),
            Answers(EAI_FAIL, 0),
            Answers(EAI_MEMORY, 0),
            Answers(EAI_FAMILY, 0),
            Answers(EAI_SYSTEM, EMFILE),
            Answers(EAI_SYSTEM, ENOMEM),
            Answers(EAI_SYSTEM, ECONNREFUSED),
        ],
    ),
    // The answer is the errno. A filter of system calls says EPERM.
    (C::pthread_create, &[Fails(EAGAIN), Fails(EPERM)]),
    // Where it is told not to wait, for the number of a query. The standard library, for its hash
    // maps, has a way out of all that is not a signal.
    (C::getrandom, &[Fails(EINTR), Fails(EAGAIN)]),
    // The resolver's files: what cannot be read leaves the name to the system. That there is none is
    // an answer.
    (C::stat, &[Fails(EACCES), Fails(ENOENT), Fails(ENOTDIR), Fails(ELOOP), Fails(ENOMEM)]),
    (
        C::open,
        &[
            Fails(EACCES),
            Fails(EINTR),
            Fails(EMFILE),
            Fails(ENFILE),
            Fails(ENOMEM),
            Fails(EPERM),
            Fails(ELOOP),
        ],
    ),
    (C::fstat, &[Fails(ENOMEM)]),
    (C::read, &[Fails(EINTR), Fails(EIO), Fails(EISDIR)]),
    (C::gethostname, &[Fails(EPERM), Fails(ENAMETOOLONG)]),
    (C::getsockname, &[Fails(ENOBUFS)]),
];

const SENDING: &[How] = &[
    Fails(EINTR),
    Fails(EAGAIN),
    Fails(ENOMEM),
    Fails(ENOBUFS),
    Fails(EPERM),
    Fails(EACCES),
    Breaks(EPIPE),
    Breaks(ECONNRESET),
    Breaks(ETIMEDOUT),
    Breaks(EHOSTUNREACH),
    Breaks(ENETUNREACH),
    Moves(1),
    MovesLess,
    AllMoveOne,
];

const RECEIVING: &[How] = &[
    Fails(EINTR),
    Fails(EAGAIN),
    Fails(ENOMEM),
    Fails(ENOBUFS),
    Breaks(ECONNRESET),
    Breaks(ETIMEDOUT),
    Breaks(ECONNREFUSED),
    Breaks(EHOSTUNREACH),
    Moves(1),
    MovesLess,
    AllMoveOne,
];

/// Calls of `transport/sys` that have no errors but those of wrong arguments, and why.
pub(crate) const CANNOT_FAIL: &[(&str, &str)] = &[
    ("clock_gettime", "with a clock that each system has"),
    ("freeaddrinfo", "it frees memory"),
    ("gai_strerror", "it reads a table"),
    ("if_nametoindex", "that there is no such interface is an answer"),
    ("pthread_sigmask", "it changes this thread's mask"),
    ("sigemptyset", "it writes to memory"),
    ("sigfillset", "it writes to memory"),
    ("timerfd_settime", "with a timer of ours: ECANCELED is for those of the real-time clock"),
    ("write", "of one to an eventfd: EAGAIN comes after 2^64 of them"),
    ("__errno_location", "it is a place"),
];

/// One fault: what happens to which call, counted from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) call: Call,
    pub(crate) nth: usize,
    pub(crate) how: How,
}

impl Fault {
    /// Whether the fetch has to go on as if nothing had happened.
    pub(crate) fn is_harmless(&self) -> bool {
        let is_beside_the_point = matches!(
            self.call,
            C::setsockopt
                | C::poll
                | C::shutdown
                | C::close
                | C::epoll_wait
                | C::stat
                | C::fstat
                | C::gethostname
                | C::getsockname
        );
        let is_to_be_repeated = matches!(self.call, C::send | C::sendmsg | C::recv | C::recvmsg)
            && matches!(self.how, Fails(EINTR | EAGAIN));
        let is_a_part = matches!(self.how, Moves(_) | MovesLess | AllMoveOne | FailsAfterwards(_));
        let is_interrupted = matches!(self.how, Fails(EINTR)) && self.call == C::getrandom;
        is_beside_the_point || is_to_be_repeated || is_interrupted || is_a_part
    }

    /// The errno that an error has to name, if it is this fault's doing.
    pub(crate) fn errno(&self) -> Option<c_int> {
        match self.how {
            Fails(errno) | FailsAfterwards(errno) | Breaks(errno) | Reports(errno) => Some(errno),
            Answers(EAI_SYSTEM, errno) => Some(errno),
            Answers(..) | Moves(_) | MovesLess | AllMoveOne => None,
        }
    }

    /// Whether a client keeps it in mind: a name does not exist.
    pub(crate) fn is_remembered(&self) -> bool {
        matches!(self.how, Answers(EAI_NONAME, _))
    }

    /// Whether fetches that share something may all fail by it: they share lookups.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.call, C::getaddrinfo | C::pthread_create)
    }
}

//! How servers speak TLS, and what they make of each connection: drawn by chance.

use super::Identity;
use crate::error::Kind;
use crate::simulation::random::Random;
use crate::simulation::server::script::Step;

/// How the servers at one port speak it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speech {
    /// Whether they know no version but 1.2.
    pub(super) is_old: bool,
    /// How many sessions they let a client resume at a time.
    pub(super) tickets: usize,
    /// How many connections in a hundred are not what the client hopes for.
    hostile: u64,
    /// How many ends in a hundred come without a goodbye, which is the alert close_notify.
    pub(super) mute: u64,
}

/// What a server makes of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Manner {
    Sound,
    /// Shows that it is somebody else.
    Other,
    /// Says by an alert that it does not speak HTTP/1.1.
    Refuses,
    /// Wants to know who the client is. In version 1.3 it says so when that has finished.
    Asks,
    /// Answers with what is no TLS.
    Babbles(&'static [u8]),
}

/// A connection as it will be.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) manner: Manner,
    /// After so many bytes of its own the server breaks off like this.
    pub(super) breaks: Option<(usize, Step)>,
}

/// What is no TLS, if only after a while.
const BABBLE: &[&[u8]] = &[
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    &[22, 3, 3, 0, 4, 1, 2, 3, 4],
];

impl Speech {
    pub(crate) fn new(random: &mut Random) -> Self {
        let is_sound = random.percent(40);
        Self {
            is_old: random.percent(25),
            tickets: random.one_of(&[0, 1, 2, 2, 4]),
            hostile: if is_sound { 0 } else { random.one_of(&[0, 10, 40]) },
            mute: if is_sound { 0 } else { random.one_of(&[0, 30, 100]) },
        }
    }

    /// What will become of a connection.
    pub(super) fn draw(self, random: &mut Random) -> Course {
        if random.below(100) >= self.hostile {
            return Course { manner: Manner::Sound, breaks: None };
        }
        let manner = match random.below(8) {
            0 => Manner::Other,
            1 => Manner::Refuses,
            2 => Manner::Asks,
            3 => Manner::Babbles(random.one_of(BABBLE)),
            _ => Manner::Sound,
        };
        let breaks = (manner == Manner::Sound).then(|| {
            // Most of a handshake goes into 1,000 bytes.
            let most = random.one_of(&[10, 200, 1_000, 4_000]);
            let ends = [Step::Fin, Step::Rst, Step::Silence];
            (random.below(most) as usize, ends[random.below(3) as usize].clone())
        });
        Course { manner, breaks }
    }
}

impl Manner {
    pub(super) fn shows(self) -> Identity {
        if self == Manner::Other { Identity::Other } else { Identity::Own }
    }

    /// What a fetch may fail with that meets it.
    pub(super) fn allowed(self) -> &'static [Kind] {
        match self {
            Manner::Sound | Manner::Other => &[],
            Manner::Refuses | Manner::Asks => &[Kind::TlsAlert],
            Manner::Babbles(_) => &[Kind::Tls],
        }
    }
}

//! The server's end of one TLS connection.
//!
//! ```text
//!   what is sent --read, at once--> what it says: requests
//!                    |
//!                    `--> answers --once what they answer has arrived--> records --> the client
//!                                                    what is said, encrypted --^
//! ```

use super::speech::{Course, Manner};
use super::{Configs, Identity, Speech};
use crate::error::Kind;
use crate::simulation::random::Random;
use crate::simulation::server::Pace;
use crate::simulation::server::script::Step;
use crate::transport::tls::{Facts, Version};
use rustls::{Error, HandshakeKind, ProtocolVersion, ServerConnection};
use std::collections::VecDeque;
use std::io::{Read as _, Write as _};

#[derive(Debug)]
pub(crate) struct Session {
    connection: ServerConnection,
    course: Course,
    /// What answers the client's part of TLS, each behind the byte that has to arrive first.
    answers: VecDeque<(u64, Vec<u8>)>,
    /// What is on its way to the client, and how fast it goes.
    records: VecDeque<u8>,
    pace: Option<Pace>,
    /// How many bytes have gone.
    gone: usize,
    mute: u64,
    /// Who has said goodbye.
    has_parted: bool,
    client_has_parted: bool,
    /// Whether the client was sent what nobody can decrypt, or asked for new keys.
    has_forged: bool,
    has_renewed: bool,
    /// Whether it understands nothing more.
    has_failed: bool,
}

/// Why a session does not understand what it reads.
pub(crate) struct Misread {
    pub(crate) why: String,
    /// Whether it is the client that says so.
    pub(crate) is_alert: bool,
}

impl Session {
    /// For a connection to this port.
    pub(crate) fn new(
        configs: &mut Configs,
        port: u16,
        speech: Speech,
        random: &mut Random,
    ) -> Box<Self> {
        let course = speech.draw(random);
        let config = configs.get(port, course.manner, speech);
        let mut connection = ServerConnection::new(config).expect("it is set up");
        connection.set_buffer_limit(None);
        Box::new(Self {
            connection,
            course,
            answers: VecDeque::new(),
            records: VecDeque::new(),
            pace: None,
            gone: 0,
            mute: speech.mute,
            has_parted: false,
            client_has_parted: false,
            has_forged: false,
            has_renewed: false,
            has_failed: false,
        })
    }

    /// Reads what the client sends, when it does; `end` is how much it has sent with that. Gives
    /// what is said by it.
    pub(crate) fn read(&mut self, wire: &[u8], end: u64) -> Result<Vec<u8>, Misread> {
        let mut said = Vec::new();
        if let Manner::Babbles(babble) = self.course.manner
            && !std::mem::replace(&mut self.has_failed, true)
        {
            self.answers.push_back((end, babble.to_vec()));
        }
        if self.has_failed {
            return Ok(said);
        }
        let result = self.take_in(wire, &mut said);
        let answer = self.take_output();
        if !answer.is_empty() {
            self.answers.push_back((end, answer));
        }
        self.has_failed = result.is_err();
        result.map(|()| said)
    }

    fn take_in(&mut self, mut wire: &[u8], said: &mut Vec<u8>) -> Result<(), Misread> {
        while !wire.is_empty() {
            let count = self.connection.read_tls(&mut wire).expect("what came before was taken");
            if count == 0 {
                let why = "bytes behind a goodbye".to_owned();
                return Err(Misread { why, is_alert: false });
            }
            let state = self.connection.process_new_packets().map_err(|error| Misread {
                why: error.to_string(),
                is_alert: matches!(error, Error::AlertReceived(_)),
            })?;
            self.client_has_parted |= state.peer_has_closed();
            // It ends with an error that says that there is no more for now.
            let _ = self.connection.reader().read_to_end(said);
        }
        Ok(())
    }

    fn take_output(&mut self) -> Vec<u8> {
        let mut output = Vec::new();
        while self.connection.wants_write() {
            self.connection.write_tls(&mut output).expect("memory takes it");
        }
        output
    }

    /// So many bytes have arrived of what the client has sent: what they are answered with goes out.
    pub(crate) fn handle_arrived(&mut self, arrived: u64) {
        while self.answers.front().is_some_and(|&(end, _)| end <= arrived) {
            self.records.extend(self.answers.pop_front().unwrap_or_default().1);
        }
    }

    /// Whether its last words have gone out, or are about to.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_failed && self.answers.is_empty()
    }

    /// Whether it can say anything that is not a part of the handshake.
    fn can_speak(&self) -> bool {
        !self.connection.is_handshaking()
            && self.answers.is_empty()
            && !self.has_failed
            && !self.has_parted
    }

    /// Encrypts what is to be said, in one record if it fits.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        if self.can_speak() {
            self.connection.writer().write_all(bytes).expect("memory takes it");
            let output = self.take_output();
            self.records.extend(output);
        }
    }

    /// Goes on with other keys, and asks the client for others.
    pub(crate) fn renew_keys(&mut self) {
        if self.can_speak() && self.connection.refresh_traffic_keys().is_ok() {
            self.has_renewed = true;
            let output = self.take_output();
            self.records.extend(output);
        }
    }

    /// Sends a record that nobody can decrypt.
    pub(crate) fn forge(&mut self) {
        self.has_forged = true;
        self.records.extend([23, 3, 3, 0, 32]);
        self.records.extend([7; 32]);
    }

    /// Says goodbye, unless it is one that does not.
    pub(crate) fn part(&mut self, random: &mut Random) -> bool {
        if !self.can_speak() || random.percent(self.mute) {
            return false;
        }
        self.has_parted = true;
        self.connection.send_close_notify();
        let output = self.take_output();
        self.records.extend(output);
        true
    }

    pub(crate) fn has_records(&self) -> bool {
        !self.records.is_empty()
    }

    /// The next bytes on their way, and how long it is to those behind them.
    pub(crate) fn take_piece(&mut self, random: &mut Random) -> (Vec<u8>, u64) {
        let len = self.records.len();
        let pace = *self.pace.get_or_insert_with(|| Pace::of_records(len, random));
        let left =
            self.course.breaks.as_ref().map_or(len, |(after, _)| after.saturating_sub(self.gone));
        let count = (1 + random.below(pace.piece) as usize).min(len).min(left);
        self.gone += count;
        let piece = self.records.drain(..count).collect();
        if self.records.is_empty() {
            self.pace = None;
        }
        (piece, random.below(pace.gap_ns + 1))
    }

    /// All of them at once.
    pub(crate) fn take_records(&mut self) -> Vec<u8> {
        self.gone += self.records.len();
        self.records.drain(..).collect()
    }

    /// How it breaks off, if it does so now, within what it was about to send.
    pub(crate) fn take_break(&mut self) -> Option<Step> {
        let (gone, is_within) = (self.gone, self.has_records());
        let (_, how) = self.course.breaks.take_if(|(after, _)| is_within && *after <= gone)?;
        self.has_failed = true;
        self.answers.clear();
        self.records.clear();
        Some(how)
    }

    /// Nothing more goes out.
    pub(crate) fn stop(&mut self) {
        self.records.clear();
        self.answers.clear();
    }

    pub(crate) fn client_has_parted(&self) -> bool {
        self.client_has_parted
    }

    /// What it is, for those who read the story.
    pub(crate) fn described(&self) -> String {
        format!("{:?}", self.course)
    }

    /// Whom it has shown itself to be.
    pub(crate) fn shows(&self) -> Identity {
        self.course.manner.shows()
    }

    /// What a fetch may fail with that meets it.
    pub(crate) fn allowed(&self) -> &'static [Kind] {
        self.course.manner.allowed()
    }

    /// Whether one of the two may refuse the other, whoever the client trusts.
    pub(crate) fn is_hostile(&self) -> bool {
        self.course.manner != Manner::Sound || self.has_forged
    }

    /// Whether a client that closes it now in order should have said goodbye. It need not if new
    /// keys may still be held back.
    pub(crate) fn lacks_goodbye(&self) -> bool {
        self.can_speak() && !self.client_has_parted && !self.is_hostile() && !self.has_renewed
    }

    /// What was agreed upon, as the server sees it.
    pub(crate) fn facts(&self) -> Option<Facts> {
        let version = match self.connection.protocol_version()? {
            ProtocolVersion::TLSv1_3 => Version::Tls13,
            _ => Version::Tls12,
        };
        let cipher_suite = self.connection.negotiated_cipher_suite()?.suite().into();
        let resumed = self.connection.handshake_kind() == Some(HandshakeKind::Resumed);
        let group = self.connection.negotiated_key_exchange_group();
        let group = group.map_or(0, |group| group.name().into());
        Some(Facts { version, cipher_suite, group, resumed })
    }
}

impl Pace {
    /// Of bytes that are all but ready.
    fn of_records(len: usize, random: &mut Random) -> Self {
        let piece = random.one_of(&[1, 7, 100, 1_460, 65_536, 65_536]).max(len as u64 / 20 + 1);
        let gap_ns = random.one_of(&[0, 0, 2_000, 100_000, 5_000_000]);
        Self { piece, gap_ns }
    }
}

//! One TLS connection: what goes into its socket and what comes out.
//!
//! Whoever waits owns no buffer: what the socket gives is received into the place that the caller
//! has for what is in it, decrypted from there, and put back into the same place, which is larger
//! than what was in it. What does not fit stays with rustls, at most one record, and the
//! socket is not read before it has been taken.

use crate::error::{Error, Kind};
use crate::transport::sys::{self, Errno, Fd, Unasked};
use crate::transport::tcp::Tcp;
use crate::transport::tls::config::Config;
use crate::transport::tls::pipe::{Sink, Source, errno_of};
use crate::transport::tls::verifier::Verifier;
use crate::transport::tls::{Facts, Step, Version, failure};
use rustls::client::ClientConnection;
use rustls::pki_types::ServerName;
use rustls::{HandshakeKind, ProtocolVersion};
use std::io::{self, BufRead as _, IoSlice, Read as _, Write as _};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Session {
    connection: ClientConnection,
    verifier: Arc<Verifier>,
    /// How many decrypted bytes nobody has taken yet.
    waiting: usize,
    /// Whether anything has come since this was asked last, decrypted or not.
    moved: bool,
    /// Why nothing more comes. What was decrypted before is given first.
    end: Option<End>,
    /// What is to be said of a failure.
    failure: Option<Error>,
    /// The process that it belongs to; a forked child sends nothing.
    process: u32,
}

/// How it has come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The other side has said so.
    Closed,
    /// Its socket has ended, which whoever is in between could have done.
    CutOff,
    /// One side refuses what the other has sent.
    Failed,
}

/// Below this, rustls receives by itself, up to 4 KiB at a time.
const IN_PLACE: usize = 4096;

/// How many bytes may come without any to be taken out of them: far more than a record, and nobody
/// sends as many for nothing.
const FOR_NOTHING: usize = 256 * 1024;

impl Session {
    pub(super) fn start(config: &Config, name: &str) -> Result<Box<Self>, Error> {
        let name = ServerName::try_from(name.to_owned()).map_err(|_| {
            let why = format!("check the name {name}: no certificate can be for it");
            Error::new(Kind::CertificateName, why)
        })?;
        let connection = ClientConnection::new(Arc::clone(&config.client), name)
            .map_err(|error| failure::explain(&error).behind("begin a TLS handshake: "))?;
        Ok(Box::new(Self {
            connection,
            verifier: Arc::clone(&config.verifier),
            waiting: 0,
            moved: false,
            end: None,
            failure: None,
            process: config.process,
        }))
    }

    /// Goes as far as it can with the handshake. What is left to be sent behind it goes out with
    /// the first bytes of the request.
    pub(crate) fn shake_hands(&mut self, tcp: &mut Tcp) -> Result<Step, Errno> {
        while self.connection.is_handshaking() {
            self.flush(tcp)?;
            if self.end.is_some() {
                return Ok(Step::Ended);
            }
            if !tcp.is_readable() {
                return Ok(Step::Waits);
            }
            self.take_in(tcp)?;
        }
        self.shrink();
        Ok(Step::Complete)
    }

    /// What is known of a complete handshake.
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

    /// Whether a receive would give something: bytes, an end or a failure.
    pub(crate) fn is_readable(&self) -> bool {
        self.waiting > 0 || self.end.is_some()
    }

    /// Whether bytes that were taken to be sent have not been sent yet.
    pub(crate) fn holds(&self) -> bool {
        self.connection.wants_write()
    }

    /// Whether anything has come since this was asked last.
    pub(crate) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// Whether the other side has said that nothing more comes.
    pub(crate) fn is_closed(&self) -> bool {
        self.end == Some(End::Closed)
    }

    /// Whether the other side has ended it without saying so.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.end == Some(End::CutOff)
    }

    /// Whether one side refuses what the other has sent.
    pub(crate) fn has_failed(&self) -> bool {
        self.end == Some(End::Failed)
    }

    /// Why that is, as the end of a sentence that names the server.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Takes bytes to be sent, and sends them. How many were taken; the socket is not writable
    /// any more if some of them are held.
    pub(crate) fn send<const N: usize>(
        &mut self,
        tcp: &mut Tcp,
        parts: [&[u8]; N],
    ) -> Result<usize, Errno> {
        let mut taken = 0;
        loop {
            let rest = behind(parts, taken);
            if !tcp.is_writable() || rest.iter().all(|part| part.is_empty()) {
                return Ok(taken);
            }
            // What was held before goes out in the same call.
            taken += self.encrypt(rest)?;
            self.flush(tcp)?;
        }
    }

    /// Takes what there is room for, in as few records as it needs.
    fn encrypt<const N: usize>(&mut self, parts: [&[u8]; N]) -> Result<usize, Errno> {
        let mut filled = parts.into_iter().filter(|part| !part.is_empty());
        let taken = match (filled.next(), filled.next()) {
            (Some(only), None) => self.connection.writer().write(only),
            _ => self.connection.writer().write_vectored(&parts.map(IoSlice::new)),
        };
        // It fails if the session has failed before.
        taken.map_err(|_| Errno::PROTOCOL)
    }

    /// Sends what is held, as far as the socket takes it.
    pub(crate) fn flush(&mut self, tcp: &mut Tcp) -> Result<(), Errno> {
        while self.connection.wants_write() && tcp.is_writable() {
            let mut sink = Sink(|parts: &[IoSlice<'_>]| tcp.send_slices(parts));
            self.connection.write_tls(&mut sink).map_err(|error| errno_of(&error))?;
        }
        Ok(())
    }

    /// Receives into `place`; as `Tcp::receive`.
    pub(crate) fn receive(
        &mut self,
        tcp: &mut Tcp,
        place: &mut [u8],
    ) -> Result<Option<usize>, Errno> {
        let mut came = 0;
        while came < FOR_NOTHING {
            if self.waiting > 0 {
                return Ok(Some(self.read_out(place)));
            }
            if let Some(end) = self.end_for_now(tcp)? {
                return Ok(end);
            }
            if place.len() < IN_PLACE {
                came += self.take_in(tcp)?;
                self.answer(tcp);
                continue;
            }
            let received = tcp.receive(place.len(), |fd| sys::recv(fd, place))?;
            came += received.unwrap_or(0);
            let count = self.decrypt_in_place(tcp, received, place);
            if count > 0 {
                return Ok(Some(count));
            }
        }
        Err(self.fail_for_nothing())
    }

    /// Receives at most `max` bytes behind what `buffer` holds, into room it has been given; as
    /// `Tcp::receive`.
    pub(crate) fn receive_behind(
        &mut self,
        tcp: &mut Tcp,
        buffer: &mut Vec<u8>,
        max: usize,
    ) -> Result<Option<usize>, Errno> {
        let start = buffer.len();
        let mut came = 0;
        while came < FOR_NOTHING {
            while self.waiting > 0 && buffer.len() < start + max {
                let left = start + max - buffer.len();
                self.take_out(|chunk| {
                    let count = chunk.len().min(left);
                    buffer.extend_from_slice(&chunk[..count]);
                    count
                });
            }
            if buffer.len() > start {
                return Ok(Some(buffer.len() - start));
            }
            if let Some(end) = self.end_for_now(tcp)? {
                return Ok(end);
            }
            if max < IN_PLACE {
                came += self.take_in(tcp)?;
                self.answer(tcp);
                continue;
            }
            let received = tcp.receive(max, |fd| sys::recv_append(fd, buffer, max))?;
            came += received.unwrap_or(0);
            let count = self.decrypt_in_place(tcp, received, &mut buffer[start..]);
            buffer.truncate(start + count);
            if count > 0 {
                return Ok(Some(count));
            }
        }
        Err(self.fail_for_nothing())
    }

    /// What a receive gives that gives no bytes; nothing if the socket may have some.
    fn end_for_now(&self, tcp: &Tcp) -> Result<Option<Option<usize>>, Errno> {
        match self.end {
            Some(End::Failed) => Err(Errno::PROTOCOL),
            Some(End::Closed | End::CutOff) => Ok(Some(Some(0))),
            None => Ok((!tcp.is_readable()).then_some(None)),
        }
    }

    /// Receives what the socket has, into rustls's own buffer, and takes it in; says how much.
    fn take_in(&mut self, tcp: &mut Tcp) -> Result<usize, Errno> {
        let taken = self.take_in_by(|buffer| tcp.receive(buffer.len(), |fd| sys::recv(fd, buffer)));
        if self.has_failed() {
            self.answer(tcp);
        }
        taken.map(Option::unwrap_or_default)
    }

    /// Receives once by `call`, as `Tcp::receive`.
    fn take_in_by(
        &mut self,
        call: impl FnMut(&mut [u8]) -> Result<Option<usize>, Errno>,
    ) -> Result<Option<usize>, Errno> {
        let mut source = Source { call, begins_as_http: false };
        match self.connection.read_tls(&mut source) {
            Ok(0) => {
                self.end.get_or_insert(End::CutOff);
                Ok(Some(0))
            }
            Ok(count) => {
                self.moved = true;
                let answers_in_http = source.begins_as_http && self.facts().is_none();
                self.process(answers_in_http);
                if self.has_failed() { Err(Errno::PROTOCOL) } else { Ok(Some(count)) }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.raw_os_error().is_some() => Err(errno_of(&error)),
            Err(_) => Err(self.fail(Error::new(Kind::Tls, TOO_LONG))),
        }
    }

    /// Takes in what was received into `place`, and puts there what was in it.
    fn decrypt_in_place(
        &mut self,
        tcp: &mut Tcp,
        received: Option<usize>,
        place: &mut [u8],
    ) -> usize {
        let Some(received) = received else {
            return 0;
        };
        self.moved = true;
        if received == 0 {
            self.end.get_or_insert(End::CutOff);
        }
        let (mut fed, mut written) = (0, 0);
        while fed < received && self.end.is_none() {
            match self.connection.read_tls(&mut &place[fed..received]) {
                Ok(count) => fed += count,
                // What rustls holds has been taken, but for less than a record.
                Err(_) => drop(self.fail(Error::new(Kind::Tls, TOO_LONG))),
            }
            self.process(false);
            written += self.read_out(&mut place[written..fed]);
        }
        written += self.read_out(&mut place[written..]);
        self.answer(tcp);
        written
    }

    /// Sends what is to be said about what has come: an alert, new keys. Nobody waits for it, and
    /// if it cannot be sent, that is told by what comes next.
    fn answer(&mut self, tcp: &mut Tcp) {
        let _ = self.flush(tcp);
    }

    fn process(&mut self, answers_in_http: bool) {
        match self.connection.process_new_packets() {
            Ok(state) => {
                self.waiting = state.plaintext_bytes_to_read();
                if state.peer_has_closed() {
                    self.end = Some(End::Closed);
                }
                return;
            }
            Err(_) if answers_in_http => {
                let why = "it answers in plain HTTP: this is no port for https";
                self.fail(Error::new(Kind::Tls, why));
            }
            Err(error) => {
                let refusal = self.verifier.take_refusal();
                let explained = refusal.unwrap_or_else(|| failure::explain(&error));
                self.fail(explained);
            }
        }
        self.note_left();
    }

    /// What was decrypted before a failure is still there, in pieces.
    fn note_left(&mut self) {
        let piece = self.connection.reader().into_first_chunk();
        self.waiting = piece.map_or(0, <[u8]>::len);
    }

    /// So many decrypted bytes have been taken.
    fn note_taken(&mut self, count: usize) {
        self.waiting = self.waiting.saturating_sub(count);
        if self.waiting == 0 && self.has_failed() {
            self.note_left();
        }
    }

    /// Moves decrypted bytes into `place`; says how many.
    fn read_out(&mut self, place: &mut [u8]) -> usize {
        if self.waiting == 0 || place.is_empty() {
            return 0;
        }
        // An error says that there is nothing, which is known already.
        let count = self.connection.reader().read(place).unwrap_or(0);
        self.note_taken(count);
        count
    }

    /// Shows some of the decrypted bytes, of which so many are then gone as `f` says.
    fn take_out(&mut self, f: impl FnOnce(&[u8]) -> usize) {
        let mut reader = self.connection.reader();
        let count = reader.fill_buf().map_or(0, f);
        reader.consume(count);
        self.note_taken(count);
    }

    fn fail(&mut self, error: Error) -> Errno {
        if !self.has_failed() {
            self.end = Some(End::Failed);
            self.failure = Some(error);
        }
        Errno::PROTOCOL
    }

    fn fail_for_nothing(&mut self) -> Errno {
        self.fail(Error::new(Kind::Tls, "it goes on sending records with nothing in them"))
    }

    /// Gives back what a handshake needed.
    fn shrink(&mut self) {
        let nothing = |_: &mut [u8]| Ok(None);
        // rustls makes its buffer small again before it would receive.
        let _ = self.connection.read_tls(&mut Source { call: nothing, begins_as_http: false });
    }

    /// What there is that nobody has asked for. Tickets and the like are taken in.
    pub(crate) fn look(
        &mut self,
        mut call: impl FnMut(&mut [u8]) -> Result<Option<usize>, Errno>,
    ) -> Unasked {
        let mut came = 0;
        while came < FOR_NOTHING {
            if self.waiting > 0 {
                return Unasked::Bytes;
            }
            if self.end.is_some() {
                return Unasked::End;
            }
            match self.take_in_by(&mut call) {
                Ok(None) => return Unasked::Nothing,
                Ok(Some(count)) => came += count,
                Err(_) => return Unasked::End,
            }
        }
        Unasked::Bytes
    }

    /// Throws away what has come of `left` bytes. How many are still to come; nothing if they
    /// will not.
    pub(crate) fn discard(&mut self, fd: Fd, mut left: u64) -> Option<u64> {
        loop {
            while self.waiting > 0 && left > 0 {
                self.take_out(|chunk| {
                    let count = usize::try_from(left).map_or(chunk.len(), |n| n.min(chunk.len()));
                    left -= count as u64;
                    count
                });
            }
            if left == 0 {
                return Some(0);
            }
            if self.end.is_some() {
                return None;
            }
            match self.take_in_by(|buffer| sys::recv_now(fd, buffer)) {
                Ok(None) => return Some(left),
                Ok(Some(_)) => {}
                // What came before a failure is still to be counted.
                Err(_) if self.waiting > 0 => {}
                Err(_) => return None,
            }
        }
    }

    /// Tells the other side that nothing more comes, if that can be sent now, by `send`. It is to
    /// be closed in any case.
    pub(crate) fn say_goodbye(
        &mut self,
        mut send: impl FnMut(&[IoSlice<'_>]) -> Result<usize, Errno>,
    ) {
        let is_open = !self.connection.is_handshaking() && !self.has_failed() && !self.holds();
        if is_open && self.process == sys::process_id() {
            self.connection.send_close_notify();
            let _ = self.connection.write_tls(&mut Sink(&mut send));
        }
    }
}

/// What is behind the first `count` bytes of `parts`.
fn behind<const N: usize>(parts: [&[u8]; N], mut count: usize) -> [&[u8]; N] {
    parts.map(|part| {
        let (before, rest) = part.split_at(count.min(part.len()));
        count -= before.len();
        rest
    })
}

const TOO_LONG: &str = "it sent a message that is too long";

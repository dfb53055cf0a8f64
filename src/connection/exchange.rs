//! One request and its response over one connection.
//!
//! Both directions go on at the same time: a server may answer before it has the whole request.
//! A connection that the server ends while the request is being sent is still read: the response
//! may be waiting there, and says more than the failure.

mod failures;

use crate::connection::Context;
use crate::connection::chunks::{self, Layout};
use crate::connection::established::Connection;
use crate::connection::inbox::Inbox;
use crate::connection::link::Link;
use crate::connection::sending::Sending;
use crate::error::{Error, Kind};
use crate::proto::h1::Complete;
use crate::proto::h1::decode::{Decoder, Headed, Rules, Run};
use crate::proto::persistence::CloseReason;
use crate::proto::request::Request;
use crate::proto::target::Target;
use crate::transport::sys::{Errno, Event, Instant, Unasked};
use crate::transport::tls::Facts;

#[derive(Debug)]
pub(crate) struct Exchange {
    connection: Box<Connection>,
    sending: Sending,
    decoder: Decoder,
    inbox: Inbox,
    /// Response bytes, framing included.
    received: u64,
    /// When a byte last went either way, or the caller took part.
    moved_at: Instant,
}

/// How many bytes a collecting fetch receives before others get their turn, or its caller.
const BUDGET: usize = 64 * 1024;
const BUDGET_ALONE: usize = 1 << 20;

/// How much is received at once for a streaming fetch before its caller reads: what comes behind
/// the head is kept until then.
const STREAMED_HEAD: usize = 16 * 1024;

/// How much is received behind a chunk, in the hope for the line of the next one.
const BEHIND_CHUNK: usize = 256;

/// How far a collected body grows at once. A length is only a promise, so no more than this is set
/// aside before the bytes have come.
const GROWTH: usize = 1 << 20;

impl Exchange {
    pub(crate) fn new(connection: Box<Connection>, now: Instant) -> Self {
        Self {
            connection,
            sending: Sending::new(),
            decoder: Decoder::new(),
            inbox: Inbox::default(),
            received: 0,
            moved_at: now,
        }
    }

    pub(crate) fn handle_event(&mut self, event: Event) {
        self.connection.handle_event(event);
    }

    /// Whether there is something of the request that could be sent now.
    pub(crate) fn wants_to_send(&self) -> bool {
        !self.sending.is_over() && self.connection.stream.is_writable()
    }

    /// Sends what there is to be sent of the request. Not inlined: most drives have nothing to
    /// send.
    #[inline(never)]
    pub(crate) fn pump_request(
        &mut self,
        cx: &mut Context<'_>,
        request: &Request,
        target: &Target,
    ) {
        let before = self.sending.sent();
        let keeps = cx.pool.keeps();
        let result =
            self.sending.pump(&mut self.connection.stream, cx.buffer, request, target, keeps);
        self.note_sent(before, result, cx.now);
    }

    /// Takes body bytes from the caller; says how many.
    pub(crate) fn write(&mut self, data: &[u8], now: Instant) -> Result<usize, Error> {
        if !self.sending.allows(data.len()) {
            let why = "write the request body: it is longer than was announced";
            return Err(Error::new(Kind::WrongState, why));
        }
        let before = self.sending.sent();
        match self.sending.write(&mut self.connection.stream, data) {
            Ok(count) => {
                self.note_sent(before, Ok(()), now);
                Ok(count)
            }
            Err(errno) => {
                self.note_sent(before, Err(errno), now);
                Ok(data.len())
            }
        }
    }

    /// The caller has written everything.
    pub(crate) fn write_end(&mut self, now: Instant) -> Result<(), Error> {
        let before = self.sending.sent();
        let result = self.sending.write_end(&mut self.connection.stream);
        let result = result
            .map_err(|e| e.behind(&format!("send the request to {}: ", self.connection.peer)))?;
        self.note_sent(before, result, now);
        Ok(())
    }

    fn note_sent(&mut self, before: u64, result: Result<(), Errno>, now: Instant) {
        if self.sending.sent() > before {
            self.moved_at = now;
        }
        if let Err(errno) = result {
            // To be told unless a response says more.
            self.sending.fail(errno);
        }
    }

    /// The server has answered with an error: it does not want the rest (RFC 9112 section 9.5).
    pub(crate) fn stop_request(&mut self) {
        if !self.sending.is_over() {
            self.sending.stop();
        }
    }

    /// The server has switched protocols.
    pub(crate) fn switch(&mut self) {
        self.sending.switch();
    }

    /// The next head, interim or final, if the socket has it now.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        rules: &Rules,
        collects: bool,
    ) -> Result<Option<Headed>, Error> {
        loop {
            if !self.inbox.is_empty() {
                let known = cx.pool.known_head(self.connection.link.site);
                let headed = self.decoder.handle_head(self.inbox.rest(), rules, known);
                if let Some((taken, headed)) = headed.map_err(|error| self.explain(error))? {
                    self.inbox.consume(taken);
                    return Ok(Some(headed));
                }
            }
            if !self.connection.stream.is_readable() {
                return Ok(None);
            }
            let max = if collects { usize::MAX } else { STREAMED_HEAD };
            let received = self.inbox.receive(&mut self.connection.stream, cx.buffer, max);
            match self.note_received(received, cx.now)? {
                None => return Ok(None),
                // Within a head this is always an error.
                Some(0) => return self.handle_eof().map(|_| None),
                Some(_) => {}
            }
        }
    }

    /// Receives what has come of the body, up to `limit` bytes in all, behind what `body`
    /// holds. Gives the trailers when the response is complete.
    pub(crate) fn collect(
        &mut self,
        cx: &mut Context<'_>,
        rules: &Rules,
        body: &mut Vec<u8>,
        limit: u64,
    ) -> Result<Option<Complete>, Error> {
        let mut budget = if cx.only_one { BUDGET_ALONE } else { BUDGET };
        loop {
            if body.len() as u64 > limit {
                body.truncate(limit as usize);
                let why = format!("its body is longer than {limit} bytes");
                return Err(self.explain(Error::new(Kind::BodyTooLarge, why)));
            }
            let mut run = self.decoder.run();
            if run == Run::None {
                if let Some(complete) = self.settle(rules)? {
                    return Ok(Some(complete));
                }
                run = self.decoder.run();
            }
            if !self.inbox.is_empty() {
                let count = at_most(run.left(), self.inbox.rest().len());
                if body.capacity() == 0
                    && let Run::Length(left) = run
                {
                    body.reserve_exact(at_most(left, GROWTH) + 1);
                }
                body.extend_from_slice(&self.inbox.rest()[..count]);
                self.inbox.consume(count);
                self.decoder.handle_run(count);
                continue;
            }
            if !self.connection.stream.is_readable() {
                return Ok(None);
            }
            if budget == 0 {
                let token = self.connection.link.token();
                let told = self.connection.stream.tell_again(cx.reactor, token);
                told.map_err(|errno| self.broken(errno))?;
                return Ok(None);
            }
            let received = match run {
                Run::Length(_) | Run::Close => {
                    // One byte past the limit shows that there are too many.
                    let room = (limit - body.len() as u64).saturating_add(1);
                    // A body of unknown length grows by as much as it has.
                    let step = match run {
                        Run::Length(_) => GROWTH,
                        _ => body.len().clamp(STREAMED_HEAD, GROWTH),
                    };
                    let wanted = at_most(run.left().min(room), step.min(budget));
                    body.reserve(wanted + 1);
                    let received = self.connection.stream.receive_behind(body, wanted);
                    self.decoder.handle_run(received.unwrap_or_default().unwrap_or_default());
                    received
                }
                Run::Chunk { .. } | Run::None => {
                    self.inbox.receive(&mut self.connection.stream, cx.buffer, usize::MAX)
                }
            };
            match self.note_received(received, cx.now)? {
                None => return Ok(None),
                Some(0) => return self.handle_eof().map(Some),
                Some(count) => budget = budget.saturating_sub(count),
            }
        }
    }

    /// Reads body bytes into the caller's buffer, and adds to `count` how many. Gives the
    /// trailers when the response is complete.
    pub(crate) fn read(
        &mut self,
        cx: &mut Context<'_>,
        rules: &Rules,
        to: &mut [u8],
        count: &mut usize,
    ) -> Result<Option<Complete>, Error> {
        self.moved_at = cx.now;
        loop {
            if let Some(complete) = self.settle(rules)? {
                return Ok(Some(complete));
            }
            let room = &mut to[*count..];
            if room.is_empty() {
                return Ok(None);
            }
            let run = self.decoder.run();
            if !self.inbox.is_empty() {
                let here = at_most(run.left(), room.len().min(self.inbox.rest().len()));
                room[..here].copy_from_slice(&self.inbox.rest()[..here]);
                self.inbox.consume(here);
                self.decoder.handle_run(here);
                *count += here;
                continue;
            }
            if !self.connection.stream.is_readable() {
                return Ok(None);
            }
            if self.inbox.may_be_guessed()
                && let Some(tcp) = self.connection.stream.bare()
                && let Some(layout) = Layout::guess(run, room.len())
            {
                let Self { decoder, inbox, .. } = self;
                let received = layout.receive_chunks(tcp, decoder, inbox, rules, room, count);
                match self.note_received(received, cx.now)? {
                    None => return Ok(None),
                    Some(0) => return self.handle_eof().map(Some),
                    Some(_) => continue,
                }
            }
            let wanted = at_most(run.left(), room.len());
            let room = &mut room[..wanted];
            let received = match run {
                Run::Length(_) | Run::Close => self.connection.stream.receive(room),
                Run::Chunk { .. } => self.inbox.receive_behind(
                    &mut self.connection.stream,
                    room,
                    cx.buffer,
                    BEHIND_CHUNK,
                ),
                // Between chunks: many small ones at a time, but only the line of a large one.
                Run::None => {
                    let large = self.decoder.chunk_size() >= chunks::SIZE_MIN;
                    let max = if large { BEHIND_CHUNK } else { STREAMED_HEAD };
                    self.inbox.receive(&mut self.connection.stream, cx.buffer, max)
                }
            };
            match self.note_received(received, cx.now)? {
                None => return Ok(None),
                Some(0) => return self.handle_eof().map(Some),
                Some(received) => {
                    let in_place = received.min(wanted);
                    self.decoder.handle_run(in_place);
                    *count += in_place;
                }
            }
        }
    }

    /// Takes framing until body bytes come next. Gives the trailers when the response is
    /// complete, behind which nothing may come.
    pub(crate) fn settle(&mut self, rules: &Rules) -> Result<Option<Complete>, Error> {
        if self.inbox.is_empty()
            && let Some(complete) = self.decoder.end_of_length()
        {
            return Ok(Some(complete));
        }
        self.take_framing(rules)
    }

    fn take_framing(&mut self, rules: &Rules) -> Result<Option<Complete>, Error> {
        while self.decoder.run() == Run::None {
            let (taken, complete) = self.decode(rules)?;
            self.inbox.consume(taken);
            match complete {
                Some(complete) => {
                    if !self.inbox.is_empty() {
                        // Refuses what comes behind the end.
                        self.decode(rules)?;
                    }
                    return Ok(Some(complete));
                }
                None if taken == 0 => break,
                None => {}
            }
        }
        Ok(None)
    }

    fn decode(&mut self, rules: &Rules) -> Result<(usize, Option<Complete>), Error> {
        self.decoder.handle(self.inbox.rest(), rules).map_err(|error| self.explain(error))
    }

    fn note_received(
        &mut self,
        received: Result<Option<usize>, Errno>,
        now: Instant,
    ) -> Result<Option<usize>, Error> {
        let received = received.map_err(|errno| self.broken(errno))?;
        if let Some(count) = received {
            self.received += count as u64;
            self.moved_at = now;
        } else if self.connection.stream.take_moved() {
            self.moved_at = now;
        }
        Ok(received)
    }

    /// The server has closed: the end of some responses, and an error for all others.
    fn handle_eof(&mut self) -> Result<Complete, Error> {
        // An error is told once: if sending was told of a reset, this is not the server's end,
        // unless it has said that it is.
        let reset = self.sending.failure().filter(|&errno| errno == Errno::RESET);
        match (self.decoder.handle_eof(self.inbox.rest()), reset) {
            // Bytes of the other protocol have been lost.
            (Ok(_), _) if self.sending.is_switched() && self.sending.failure().is_some() => {
                Err(self.send_failed())
            }
            (Ok(_), Some(errno)) if !self.connection.stream.is_closed() => Err(self.broken(errno)),
            (Ok(_), None) if self.connection.stream.is_cut_off() => Err(self.cut_off()),
            (Ok(complete), _) => Ok(complete),
            (Err(_), _) if self.is_unanswered() => Err(self.send_failed()),
            (Err(error), _) => Err(self.explain(error)),
        }
    }

    pub(crate) fn link(&self) -> &Link {
        &self.connection.link
    }

    /// Lets go of the connection, for another exchange. False if a canceller has ended it.
    #[inline(always)]
    pub(crate) fn release(&mut self) -> bool {
        self.connection.stream.release()
    }

    pub(crate) fn into_connection(self) -> Box<Connection> {
        self.connection
    }

    /// Why the connection cannot be used again after a complete response, if it cannot.
    pub(crate) fn close_reason(&mut self) -> Option<CloseReason> {
        if !self.sending.is_complete() {
            return Some(CloseReason::Unsent);
        }
        match self.connection.stream.unasked() {
            Unasked::Nothing => None,
            Unasked::Bytes => Some(CloseReason::Extra),
            Unasked::End => Some(CloseReason::Server),
        }
    }

    /// How many bytes of the response the socket has yet to give, where that is known.
    pub(crate) fn left_to_receive(&self) -> Option<u64> {
        let Run::Length(left) = self.decoder.run() else {
            return None;
        };
        left.checked_sub(self.inbox.rest().len() as u64).filter(|_| self.sending.is_complete())
    }

    /// Gives back what was lent, before others are driven.
    #[inline(always)]
    pub(crate) fn park(&mut self, cx: &mut Context<'_>) {
        self.inbox.park(cx.buffer);
    }

    /// Ends the connection at once, not in an orderly way.
    pub(crate) fn abort(&mut self) {
        self.connection.stream.abort();
    }

    /// Whether body bytes, or what ends the body, may be there for the caller to read.
    pub(crate) fn is_readable(&self) -> bool {
        !self.inbox.is_empty() || self.connection.stream.is_readable()
    }

    /// Whether the caller is to write, and the socket takes something.
    pub(crate) fn is_writable(&self) -> bool {
        self.sending.wants_body() && self.connection.stream.is_writable()
    }

    /// What is known of TLS, if it is spoken.
    pub(crate) fn facts(&self) -> Option<Facts> {
        self.connection.stream.facts()
    }

    pub(crate) fn sending(&self) -> &Sending {
        &self.sending
    }

    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    pub(crate) fn interim_seen(&self) -> u32 {
        self.decoder.interim_seen()
    }

    pub(crate) fn moved_at(&self) -> Instant {
        self.moved_at
    }
}

/// The smaller one, as a length in memory.
fn at_most(many: u64, len: usize) -> usize {
    usize::try_from(many).map_or(len, |many| many.min(len))
}

//! What a fetch does while it has a connection: sends, and takes what comes.

use crate::connection::Context;
use crate::error::{Error, Kind};
use crate::fetch::options::Policy;
use crate::fetch::state::State;
use crate::fetch::{Fetch, Outcome};
use crate::proto::h1::Complete;
use crate::proto::h1::decode::Headed;
use crate::proto::persistence::CloseReason;

impl Fetch {
    /// Sends and receives what can be, and takes what comes of it.
    pub(super) fn exchange(&mut self, cx: &mut Context<'_>) -> Result<Option<Outcome>, Error> {
        let State::Exchange(exchange) = &mut self.state else {
            return Ok(None);
        };
        if exchange.wants_to_send() {
            exchange.pump_request(cx, &self.options.request, &self.target);
        }
        if self.upload_ended {
            exchange.write_end(cx.now)?;
        }
        exchange.check_sending()?;
        if exchange.sending().is_over() {
            self.times.waiting.get_or_insert(cx.now);
        }
        if !exchange.is_readable() {
            return Ok(None);
        }
        if self.response.is_none() && !self.receive_head(cx)? {
            return Ok(None);
        }
        self.receive_body(cx)
    }

    /// Receives what has come of the response head, and of the interim ones before it. Says whether
    /// it is there. Not inlined: the body needs nothing of what this sets up.
    #[inline(never)]
    fn receive_head(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        let State::Exchange(exchange) = &mut self.state else {
            return Ok(false);
        };
        let rules = self.options.rules();
        loop {
            let headed = exchange.poll_head(cx, &rules, !self.options.streams());
            if exchange.received() > 0 {
                self.times.first_byte.get_or_insert(cx.now);
            }
            match headed? {
                None => return Ok(false),
                Some(Headed::Interim(head)) => {
                    if self.options.interim {
                        self.interim.get_or_insert_default().push(head);
                    }
                }
                Some(Headed::Final(head, framing, closes)) => {
                    let asked = self.options.request.asks_to_close();
                    let closes = if asked { Some(CloseReason::Request) } else { closes };
                    if head.status == 101 {
                        exchange.switch();
                    } else if head.status >= 400 {
                        exchange.stop_request();
                    }
                    let response = self.response.insert(cx.spares.take());
                    response.begin(head, framing, cx.now);
                    response.close_reason = closes;
                    if self.options.streams() {
                        response.stream();
                    }
                    return Ok(true);
                }
            }
        }
    }

    /// Collects what has come. A body that the caller reads is left where it is.
    fn receive_body(&mut self, cx: &mut Context<'_>) -> Result<Option<Outcome>, Error> {
        let (State::Exchange(exchange), Some(response)) = (&mut self.state, &mut self.response)
        else {
            return Ok(None);
        };
        let rules = self.options.rules();
        let limit = self.options.body_limit();
        if let Some(length) = response.expected.filter(|&n| n > limit && !self.options.streams()) {
            let url = self.target.url().to_string_lossy();
            let why = format!("fetch {url}: its body of {length} bytes is longer than {limit}");
            return Err(Error::new(Kind::BodyTooLarge, why));
        }
        let collected = response.collect(|body| exchange.collect(cx, &rules, body, limit));
        let complete = match collected {
            Some(result) => result?,
            None => exchange.settle(&rules)?,
        };
        if complete.is_none() {
            self.spare_if_little_is_left(cx);
        }
        Ok(complete.map(|complete| self.complete(complete)))
    }

    /// With the policy for it, a cancel leaves the connection alone from here on, for as much as
    /// is left only becomes less.
    fn spare_if_little_is_left(&self, cx: &mut Context<'_>) {
        if self.options.policy == Policy::Drain
            && self.left_to_drain(cx).is_some()
            && cx.reactor.make_wake().is_ok()
        {
            cx.cancel.spare();
        }
    }

    /// How much would have to be drained; nothing if it is too much, unknown, or for nothing.
    pub(super) fn left_to_drain(&self, cx: &Context<'_>) -> Option<u64> {
        let (State::Exchange(exchange), Some(response)) = (&self.state, &self.response) else {
            return None;
        };
        let left = exchange.left_to_receive()?;
        let is_kept = cx.pool.keeps() && response.close_reason.is_none();
        (is_kept && left <= self.options.drain_bytes.into()).then_some(left)
    }

    fn complete(&mut self, complete: Complete) -> Outcome {
        if let Some(response) = &mut self.response {
            response.complete(complete);
        }
        Outcome::Complete
    }

    /// The caller reads; says how many bytes it got.
    pub(crate) fn read(&mut self, cx: &mut Context<'_>, to: &mut [u8]) -> Result<usize, Error> {
        if !self.options.streams() {
            return Err(Error::new(Kind::WrongState, "read the body: it is being collected"));
        }
        let mut count = 0;
        if let (State::Exchange(exchange), Some(response)) = (&mut self.state, &mut self.response)
            && !cx.cancel.is_cancelled()
        {
            let rules = self.options.rules();
            let result = exchange.read(cx, &rules, to, &mut count);
            exchange.park(cx);
            response.handle_streamed(count);
            match result {
                Ok(None) => self.spare_if_little_is_left(cx),
                Ok(Some(complete)) => {
                    let outcome = self.complete(complete);
                    self.end(outcome, None, cx);
                }
                Err(error) => self.end(Outcome::Failed, Some(error), cx),
            }
        }
        Ok(count)
    }

    /// The caller writes; says how many bytes were taken.
    pub(crate) fn write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Result<usize, Error> {
        let is_tunnel = self.head().is_some_and(|head| head.status == 101);
        if !(self.options.uploads() || is_tunnel) || self.upload_ended {
            return Err(Error::new(Kind::WrongState, "write the request body: it is not streamed"));
        }
        match &mut self.state {
            State::Exchange(exchange) => {
                let count = exchange.write(data, cx.now)?;
                if exchange.sending().is_over() {
                    self.times.waiting.get_or_insert(cx.now);
                }
                if let Err(error) = exchange.check_sending() {
                    self.end(Outcome::Failed, Some(error), cx);
                }
                Ok(count)
            }
            // What is written after the end goes nowhere.
            State::Ended(_) => Ok(data.len()),
            State::Begin { .. }
            | State::Queue(_)
            | State::Resolve(..)
            | State::Connect(_)
            | State::Handshake(_) => Ok(0),
        }
    }
}

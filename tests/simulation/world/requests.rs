//! What a client has sent on one connection, read as it is sent, strictly: it is the library's own
//! work.

use super::World;
use crate::simulation::caller::plan::{Plan, upload_byte};
use std::rc::Rc;

#[derive(Debug, Default)]
pub(crate) struct Requests {
    pub(crate) list: Vec<Request>,
    /// How many bytes were sent, with those of TLS.
    pub(crate) sent: u64,
    /// How many of them could be read so far: of a record, none before its end.
    read: u64,
    /// The head or line that is not complete yet.
    line: Vec<u8>,
    stage: Stage,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) number: usize,
    /// How many bytes had been sent at the end of its head, and at its own.
    pub(crate) head_end: u64,
    pub(crate) end: Option<u64>,
    /// When its last byte so far was sent.
    pub(crate) sent_at: u64,
    body: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Head,
    Length(u64),
    ChunkLine,
    Chunk(u64),
    ChunkEnd,
    LastEnd,
}

impl Requests {
    /// Whether a part of a head may have been sent, of which nobody knows whose it is.
    pub(crate) fn is_within_head(&self) -> bool {
        self.stage == Stage::Head && (!self.line.is_empty() || self.read < self.sent)
    }

    fn read(&mut self, byte: u8, plans: &[Rc<Plan>], now: u64) -> Result<(), String> {
        self.read = self.sent;
        if let (Some(request), false) = (self.list.last_mut(), self.stage == Stage::Head) {
            request.sent_at = now;
        }
        match self.stage {
            Stage::Head => {
                self.line.push(byte);
                if self.line.ends_with(b"\r\n\r\n") {
                    let head = std::mem::take(&mut self.line);
                    self.begin(&head, plans, now)?;
                }
                return Ok(());
            }
            Stage::Length(left) => {
                self.check_body(byte)?;
                self.stage = Stage::Length(left - 1);
                if left == 1 {
                    self.finish();
                }
            }
            Stage::Chunk(left) => {
                self.check_body(byte)?;
                self.stage = if left == 1 { Stage::ChunkEnd } else { Stage::Chunk(left - 1) };
            }
            Stage::ChunkLine | Stage::ChunkEnd | Stage::LastEnd => {
                self.line.push(byte);
                if self.line.ends_with(b"\r\n") {
                    let line = std::mem::take(&mut self.line);
                    self.read_line(&line[..line.len() - 2])?;
                }
            }
        }
        Ok(())
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(line);
        match self.stage {
            Stage::ChunkLine => {
                let size = u64::from_str_radix(&text, 16)
                    .map_err(|_| format!("a chunk begins with {text:?}"))?;
                self.stage = if size == 0 { Stage::LastEnd } else { Stage::Chunk(size) };
            }
            _ if !line.is_empty() => return Err(format!("a chunk ends with {text:?}")),
            Stage::LastEnd => self.finish(),
            _ => self.stage = Stage::ChunkLine,
        }
        Ok(())
    }

    fn begin(&mut self, head: &[u8], plans: &[Rc<Plan>], now: u64) -> Result<(), String> {
        let text = String::from_utf8_lossy(head).into_owned();
        let bad = |why: &str| format!("{why}: {text:?}");
        let (method, rest) = text.split_once(' ').ok_or_else(|| bad("no method"))?;
        let target = rest.split(' ').next().unwrap_or_default();
        let number: usize =
            target.trim_start_matches('/').parse().map_err(|_| bad("no number in the target"))?;
        let plan = plans.get(number).ok_or_else(|| bad("a fetch that does not exist"))?;
        let field = |name: &str| {
            text.lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(field, _)| field.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.to_owned())
        };
        if field("Host") != Some(plan.authority()) || method != plan.method {
            return Err(bad("not the host or the method that were asked for"));
        }
        self.list.push(Request { number, head_end: self.sent, end: None, sent_at: now, body: 0 });
        match (field("Content-Length"), field("Transfer-Encoding")) {
            (Some(_), Some(_)) => return Err(bad("two lengths")),
            (None, Some(_)) => self.stage = Stage::ChunkLine,
            (length, None) => {
                let length = length.map_or(Ok(0), |length| length.parse());
                match length.map_err(|_| bad("no length"))? {
                    0 => self.finish(),
                    length => self.stage = Stage::Length(length),
                }
            }
        }
        Ok(())
    }

    fn check_body(&mut self, byte: u8) -> Result<(), String> {
        let request = self.list.last_mut().expect("a body has a head");
        let at = request.body;
        request.body += 1;
        if byte == upload_byte(request.number, at) {
            Ok(())
        } else {
            Err(format!("byte {at} of the request body of fetch {} is another", request.number))
        }
    }

    fn finish(&mut self) {
        self.stage = Stage::Head;
        let sent = self.sent;
        self.list.last_mut().expect("it has begun").end = Some(sent);
    }
}

impl World {
    /// Reads what a connection is sent, at the moment when it is.
    pub(super) fn look_at(&mut self, connection: usize, wire: &[u8]) {
        let before = self.connections[connection].requests.sent;
        let whole = before + wire.len() as u64;
        match self.connections[connection].server.session.take() {
            None => self.look_at_requests(connection, wire, |at| before + at as u64 + 1),
            Some(mut session) => {
                match session.read(wire, whole) {
                    // What is encrypted is there when the last of these bytes is.
                    Ok(said) => self.look_at_requests(connection, &said, |_| whole),
                    Err(misread) => self.check_misread(connection, &session, &misread),
                }
                self.connections[connection].server.session = Some(session);
            }
        }
        self.connections[connection].requests.sent = whole;
        self.check_sender(connection, wire.len() as u64);
    }

    /// `sent` tells how much had been sent when a byte was.
    fn look_at_requests(&mut self, connection: usize, said: &[u8], sent: impl Fn(usize) -> u64) {
        let now = self.now();
        let mut complaint = None;
        let requests = &mut self.connections[connection].requests;
        for (at, &byte) in said.iter().enumerate() {
            requests.sent = sent(at);
            if let Err(why) = requests.read(byte, &self.plans, now) {
                complaint.get_or_insert(why);
            }
        }
        if let Some(why) = complaint {
            self.wrong(format!("connection {connection} is sent what is no request: {why}"));
        }
    }

    /// Nothing may be sent for a fetch that has been cancelled, or by a client that is not its own.
    fn check_sender(&mut self, connection: usize, count: u64) {
        let owner = self.connections[connection].owner;
        let requests = &self.connections[connection].requests;
        let before = requests.sent - count;
        let call = self.calls;
        let mut complaints = Vec::new();
        for request in requests.list.iter().rev() {
            if request.end.is_some_and(|end| end <= before) {
                break;
            }
            let number = request.number;
            let is_new = request.head_end > before;
            if self.cancelled_in(number).is_some_and(|cancelled| cancelled < call) {
                complaints.push(format!("fetch {number} sends after it was cancelled"));
            }
            let all = || self.connections.iter().flat_map(|other| &other.requests.list);
            let sent: Vec<_> = all().filter(|other| other.number == number).collect();
            let times = sent.len();
            let plan = &self.plans[number];
            let may_be = plan.method != "POST"
                && (plan.is_given_whole() || sent.iter().all(|other| other.body == 0));
            if is_new && (times > 2 || times > 1 && !may_be) {
                complaints.push(format!("fetch {number} is sent {times} times"));
            }
            if is_new && Some(self.plans[number].caller) != owner {
                complaints.push(format!("fetch {number} is sent by {owner:?}"));
            }
            if is_new && plan.trusts() != self.connections[connection].shown() {
                complaints.push(format!("fetch {number} is sent to whom it does not trust"));
            }
        }
        for complaint in complaints {
            self.wrong(complaint);
        }
    }
}

//! The request on its way out.
//!
//! ```text
//!   Head --> Whole -----------------> Done
//!      |---> Length --write, end----> Done
//!      |---> Chunked --write, end---> Done
//!      |---> Tunnel (after 101) ----> Done
//!      |---- any: the server has answered with an error --> Stopped
//!      `---- any: the connection takes nothing more ------> Failed
//! ```

use crate::error::{Error, Kind};
use crate::proto::h1::encode;
use crate::proto::request::{Body, Request};
use crate::proto::target::Target;
use crate::transport::stream::Stream;
use crate::transport::sys::Errno;

/// The largest chunk of a streamed body. What the kernel does not take of it is copied.
const CHUNK_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Sending {
    stage: Stage,
    /// Encoded bytes that the kernel did not take yet: rarely any, so they stand elsewhere.
    queue: Option<Box<Queue>>,
    head_len: u32,
    /// Whether the caller has written any of the body, which nobody else has.
    caller_wrote: bool,
    /// Whether the connection holds bytes that it has taken and the kernel has not.
    held: bool,
    /// Whether the connection speaks another protocol.
    switched: bool,
    sent: u64,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    /// Where what is left begins.
    at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    /// A body that is known as a whole, sent up to `at`.
    Whole {
        at: usize,
    },
    /// The caller writes so many bytes more.
    Length {
        left: u64,
    },
    Chunked,
    /// The other protocol's bytes, after an upgrade.
    Tunnel,
    Done,
    Stopped,
    Failed(Errno),
}

impl Sending {
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Head,
            queue: None,
            head_len: 0,
            caller_wrote: false,
            held: false,
            switched: false,
            sent: 0,
        }
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether the server may have seen a complete head.
    pub(crate) fn head_is_out(&self) -> bool {
        self.head_len > 0 && self.sent >= u64::from(self.head_len)
    }

    /// Whether everything has been handed to the kernel, or never will be.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done | Stage::Stopped | Stage::Failed(_)) && self.is_flushed()
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.stage == Stage::Done && self.is_flushed()
    }

    /// Whether nothing is left of what was begun to be sent.
    fn is_flushed(&self) -> bool {
        self.queue.is_none() && !self.held
    }

    /// Whether the same request can be sent again.
    pub(crate) fn is_repeatable(&self) -> bool {
        !self.caller_wrote
    }

    /// Whether the caller is to write.
    pub(crate) fn wants_body(&self) -> bool {
        matches!(self.stage, Stage::Length { left: 1.. } | Stage::Chunked | Stage::Tunnel)
            && self.is_flushed()
    }

    pub(crate) fn stop(&mut self) {
        self.stage = Stage::Stopped;
        (self.queue, self.held) = (None, false);
    }

    pub(crate) fn fail(&mut self, errno: Errno) {
        self.stage = Stage::Failed(errno);
        (self.queue, self.held) = (None, false);
    }

    /// Why the connection takes nothing more.
    pub(crate) fn failure(&self) -> Option<Errno> {
        match self.stage {
            Stage::Failed(errno) => Some(errno),
            _ => None,
        }
    }

    /// The server has switched protocols: from here on bytes go as they are.
    pub(crate) fn switch(&mut self) {
        self.stage = Stage::Tunnel;
        self.switched = true;
    }

    pub(crate) fn is_switched(&self) -> bool {
        self.switched
    }

    /// Hands to the kernel what it takes.
    pub(crate) fn pump(
        &mut self,
        stream: &mut Stream,
        buffer: &mut Vec<u8>,
        request: &Request,
        target: &Target,
        keeps: bool,
    ) -> Result<(), Errno> {
        if self.stage == Stage::Head && stream.is_writable() {
            self.send_head(stream, buffer, request, target, keeps)?;
        }
        self.flush(stream)?;
        if let Stage::Whole { at } = &mut self.stage {
            let body = request.body.whole();
            while *at < body.len() && stream.is_writable() {
                let count = stream.send([&body[*at..]])?;
                *at += count;
                self.sent += count as u64;
            }
            if *at == body.len() {
                self.stage = Stage::Done;
            }
        }
        self.held = stream.holds();
        Ok(())
    }

    /// The head, and a whole body behind it in the same call.
    fn send_head(
        &mut self,
        stream: &mut Stream,
        buffer: &mut Vec<u8>,
        request: &Request,
        target: &Target,
        keeps: bool,
    ) -> Result<(), Errno> {
        buffer.clear();
        encode::head(buffer, request, target, keeps);
        let body = request.body.whole();
        // Whoever uses the buffer next must not find the request in it.
        let count = stream.send([buffer, body]).inspect_err(|_| buffer.clear())?;
        self.sent += count as u64;
        self.head_len = buffer.len() as u32;
        if count < buffer.len() {
            self.enqueue(&buffer[count..]);
        }
        buffer.clear();
        self.stage = match request.body {
            Body::Streamed(Some(0)) => Stage::Done,
            Body::Streamed(Some(left)) => Stage::Length { left },
            Body::Streamed(None) => Stage::Chunked,
            _ => match count.saturating_sub(self.head_len as usize) {
                at if at == body.len() => Stage::Done,
                at => Stage::Whole { at },
            },
        };
        Ok(())
    }

    /// Keeps bytes that are to be sent later. Few requests have any.
    #[cold]
    fn enqueue(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.queue.get_or_insert_default().bytes.extend_from_slice(bytes);
        }
    }

    #[inline(always)]
    fn flush(&mut self, stream: &mut Stream) -> Result<(), Errno> {
        while let Some(queue) = &mut self.queue
            && stream.is_writable()
        {
            let count = stream.send([&queue.bytes[queue.at..]])?;
            queue.at += count;
            self.sent += count as u64;
            if queue.at == queue.bytes.len() {
                self.queue = None;
            }
            self.held = stream.holds();
        }
        if self.held {
            stream.flush()?;
            self.held = stream.holds();
        }
        Ok(())
    }

    /// Takes body bytes from the caller; says how many. All of them, unsent, once it has stopped.
    pub(crate) fn write(&mut self, stream: &mut Stream, data: &[u8]) -> Result<usize, Errno> {
        if matches!(self.stage, Stage::Stopped | Stage::Failed(_)) {
            return Ok(data.len());
        }
        if data.is_empty() || !self.wants_body() || !stream.is_writable() {
            return Ok(0);
        }
        self.caller_wrote = true;
        let taken = match &mut self.stage {
            Stage::Chunked => return self.write_chunk(stream, data),
            Stage::Length { left } => {
                let count = stream.send([data])?;
                *left -= count as u64;
                if *left == 0 {
                    self.stage = Stage::Done;
                }
                count
            }
            _ => stream.send([data])?,
        };
        self.held = stream.holds();
        self.sent += taken as u64;
        Ok(taken)
    }

    /// Whether so many bytes may still be written.
    pub(crate) fn allows(&self, len: usize) -> bool {
        match self.stage {
            Stage::Length { left } => len as u64 <= left,
            Stage::Done => len == 0,
            _ => true,
        }
    }

    /// A chunk must be as long as its line says, so all of it is taken, and kept if need be.
    fn write_chunk(&mut self, stream: &mut Stream, data: &[u8]) -> Result<usize, Errno> {
        let data = &data[..data.len().min(CHUNK_MAX)];
        let mut line = Vec::with_capacity(8);
        encode::chunk_line(&mut line, data.len());
        let parts = [&line, data, encode::CHUNK_END];
        let mut taken = stream.send(parts)?;
        self.held = stream.holds();
        self.sent += taken as u64;
        for part in parts {
            let of_part = taken.min(part.len());
            self.enqueue(&part[of_part..]);
            taken -= of_part;
        }
        Ok(data.len())
    }

    /// The caller has written everything.
    pub(crate) fn write_end(&mut self, stream: &mut Stream) -> Result<Result<(), Errno>, Error> {
        match self.stage {
            Stage::Length { left: left @ 1.. } => {
                let why = format!("the upload ended {left} bytes before its announced length");
                return Err(Error::new(Kind::UploadIncomplete, why));
            }
            Stage::Chunked => {
                self.enqueue(encode::LAST_CHUNK);
                self.stage = Stage::Done;
            }
            Stage::Length { .. } | Stage::Tunnel => self.stage = Stage::Done,
            Stage::Head | Stage::Whole { .. } | Stage::Done => {}
            Stage::Stopped | Stage::Failed(_) => {}
        }
        Ok(self.flush(stream))
    }
}

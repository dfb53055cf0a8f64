//! A response, decoded as bytes come.
//!
//! ```text
//!   Head --1xx--> Head --final--> Length | Chunked | Close --> End
//!                    `------------- no body -----------------> End
//! ```

use crate::error::{Error, Kind, quote};
use crate::proto::framing::{Facts, Framing};
use crate::proto::h1::Complete;
use crate::proto::h1::chunked::{self, Chunked};
use crate::proto::head::{Fields, Head, find_end};
use crate::proto::known::KnownHead;
use crate::proto::persistence::{CloseReason, close_reason};

/// What the request and the caller say about the response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) to_head_request: bool,
    pub(crate) upgrade_asked: bool,
    pub(crate) head_bytes: usize,
    pub(crate) fields: usize,
    pub(crate) interim: u32,
}

#[derive(Debug)]
pub(crate) struct Decoder {
    stage: Stage,
    interim_seen: u32,
}

#[derive(Debug)]
enum Stage {
    Head { searched: usize },
    Length { left: u64 },
    Chunked(Chunked),
    Close,
    End,
}

/// A head that has come.
#[derive(Debug)]
pub(crate) enum Headed {
    Interim(Head),
    /// With why its connection has to be closed behind the response, if it has.
    Final(Head, Framing, Option<CloseReason>),
}

/// The body bytes that come next, with no framing between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// None: framing comes next.
    None,
    /// So many, then the response has ended.
    Length(u64),
    /// So many, then there is framing. The chunk has `size` in all.
    Chunk { left: u64, size: u64 },
    /// All that come.
    Close,
}

impl Run {
    pub(crate) fn left(self) -> u64 {
        match self {
            Run::None => 0,
            Run::Length(left) | Run::Chunk { left, .. } => left,
            Run::Close => u64::MAX,
        }
    }
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self { stage: Stage::Head { searched: 0 }, interim_seen: 0 }
    }

    pub(crate) fn interim_seen(&self) -> u32 {
        self.interim_seen
    }

    /// Takes framing until body bytes come, or the response is complete; says how many bytes it
    /// took. Bytes that were not taken are given again, with more behind them, or are body bytes.
    pub(crate) fn handle(
        &mut self,
        input: &[u8],
        rules: &Rules,
    ) -> Result<(usize, Option<Complete>), Error> {
        match &mut self.stage {
            Stage::Length { left: 0 } => Ok((0, Some(self.end(None)))),
            Stage::Head { .. } | Stage::Length { .. } | Stage::Close => Ok((0, None)),
            Stage::Chunked(chunked) => {
                let limits = chunked::Limits {
                    trailer_bytes: rules.head_bytes,
                    trailer_fields: rules.fields,
                };
                let (taken, complete) = chunked.handle(input, &limits)?;
                Ok((taken, complete.map(|Complete(trailers)| self.end(trailers))))
            }
            Stage::End if input.is_empty() => Ok((0, None)),
            Stage::End => {
                Err(Error::new(Kind::ExtraBytes, format!("{} came after its end", quote(input))))
            }
        }
    }

    /// The end of a body whose length was told, if it is there: most bodies end so.
    pub(crate) fn end_of_length(&mut self) -> Option<Complete> {
        matches!(self.stage, Stage::Length { left: 0 }).then(|| self.end(None))
    }

    /// The body bytes that come next. They do not pass through the decoder, so that they
    /// can be received where they are wanted.
    pub(crate) fn run(&self) -> Run {
        match &self.stage {
            Stage::Length { left: left @ 1.. } => Run::Length(*left),
            Stage::Chunked(chunked) if chunked.data_left() > 0 => {
                Run::Chunk { left: chunked.data_left(), size: chunked.size() }
            }
            Stage::Close => Run::Close,
            _ => Run::None,
        }
    }

    /// So many bytes of the run have been taken.
    pub(crate) fn handle_run(&mut self, count: usize) {
        match &mut self.stage {
            Stage::Length { left } => *left -= count as u64,
            Stage::Chunked(chunked) => chunked.handle_data(count as u64),
            Stage::Head { .. } | Stage::Close | Stage::End => {}
        }
    }

    /// A chunk has ended, and one of the same size begun.
    pub(crate) fn repeat_chunk(&mut self) {
        if let Stage::Chunked(chunked) = &mut self.stage {
            chunked.repeat();
        }
    }

    /// The size of the chunk that began last, if there was one.
    pub(crate) fn chunk_size(&self) -> u64 {
        match &self.stage {
            Stage::Chunked(chunked) => chunked.size(),
            _ => 0,
        }
    }

    /// The server closed; `rest` are the bytes that no event was made of.
    pub(crate) fn handle_eof(&mut self, rest: &[u8]) -> Result<Complete, Error> {
        let truncated = |why: &str| Err(Error::new(Kind::Truncated, why));
        match &self.stage {
            Stage::Head { .. } if rest.is_empty() && self.interim_seen == 0 => Err(Error::new(
                Kind::NoResponse,
                "the server closed the connection without a response",
            )),
            Stage::Head { .. } => truncated("the server closed the connection within the head"),
            Stage::Length { left: left @ 1.. } => {
                truncated(&format!("the server closed the connection {left} bytes before the end"))
            }
            Stage::Chunked(_) => {
                truncated("the server closed the connection before the last chunk was complete")
            }
            Stage::Length { .. } | Stage::Close | Stage::End => Ok(self.end(None)),
        }
    }

    fn end(&mut self, trailers: Option<Box<Fields>>) -> Complete {
        self.stage = Stage::End;
        Complete(trailers)
    }

    /// Takes a head, once all of it is there; says how long it was. `known` is one that came before
    /// from the same server.
    pub(crate) fn handle_head(
        &mut self,
        input: &[u8],
        rules: &Rules,
        known: Option<&mut KnownHead>,
    ) -> Result<Option<(usize, Headed)>, Error> {
        let recognised = match &self.stage {
            // Only once: a head that comes byte by byte is not looked at again and again.
            Stage::Head { searched: 0 } => {
                let within = &input[..input.len().min(rules.head_bytes)];
                known.as_ref().and_then(|known| known.recognise(within, rules.fields))
            }
            _ => None,
        };
        let parsed = match recognised {
            None => self.parse_head(input, rules, known)?,
            recognised => recognised,
        };
        let Some((end, head, facts)) = parsed else {
            return Ok(None);
        };
        if head.status == 101 && !rules.upgrade_asked {
            let why = "it switches protocols, which nobody asked for";
            return Err(Error::new(Kind::UnexpectedUpgrade, why));
        }
        if head.is_interim() {
            if self.interim_seen == rules.interim {
                let limit = rules.interim;
                let why = format!("more than {limit} interim responses came before it");
                return Err(Error::new(Kind::TooManyInterim, why));
            }
            self.interim_seen += 1;
            self.stage = Stage::Head { searched: 0 };
            return Ok(Some((end, Headed::Interim(head))));
        }
        let framing = facts.framing(head.status, rules.to_head_request);
        let closes = close_reason(head.status, head.version, &facts, framing);
        self.stage = match framing {
            Framing::Empty => Stage::Length { left: 0 },
            Framing::Length(left) => Stage::Length { left },
            Framing::Chunked => Stage::Chunked(Chunked::new()),
            Framing::Close => Stage::Close,
        };
        Ok(Some((end, Headed::Final(head, framing, closes))))
    }

    /// The head, if it is complete, with its length. Not inlined: most heads are known.
    #[inline(never)]
    fn parse_head(
        &mut self,
        input: &[u8],
        rules: &Rules,
        known: Option<&mut KnownHead>,
    ) -> Result<Option<(usize, Head, Facts)>, Error> {
        let Stage::Head { searched } = &mut self.stage else {
            return Ok(None);
        };
        if input.is_empty() {
            return Ok(None);
        }
        const START: &[u8] = b"HTTP/";
        let common = input.len().min(START.len());
        if input[..common] != START[..common] {
            return Err(Error::new(
                Kind::NotHttp,
                format!("it begins with {}, which is not HTTP/1", quote(input)),
            ));
        }
        let within = &input[..input.len().min(rules.head_bytes)];
        if *searched == 0
            && let Some(parsed) = Head::parse_at_once(within, rules.fields)
        {
            if let Some(known) = known {
                known.note(&within[..parsed.0], &parsed.1, &parsed.2);
            }
            return Ok(Some(parsed));
        }
        if let Some(end) = find_end(within, searched)? {
            let (head, facts) = Head::parse(&input[..end], rules.fields)?;
            return Ok(Some((end, head, facts)));
        }
        if input.len() > rules.head_bytes {
            let limit = rules.head_bytes;
            let why = format!("its head is longer than {limit} bytes");
            return Err(Error::new(Kind::HeadTooLarge, why));
        }
        Ok(None)
    }
}

//! The chunked coding of a response body (RFC 9112 section 7.1), decoded as bytes come.
//!
//! ```text
//!   Size -> (Extension ->) SizeLf -> Data -> DataCr -> DataLf -> Size ...
//!                             `--- size 0 ---> Trailers -> end
//! ```
//!
//! Strict on purpose: a size with a sign, a blank or a prefix, a bare CR or LF, is read differently
//! by different parsers, and chunk sizes are where responses are split. Chunk extensions are
//! skipped. A chunk line may be as long as `LINE_MAX` (hyper allows 16 KiB of extensions in all,
//! curl 16 KiB a line).

use crate::error::{Error, Kind, quote};
use crate::proto::h1::Complete;
use crate::proto::head::{Fields, find_end};

/// The longest chunk line, without its CR LF.
pub(crate) const LINE_MAX: u16 = 4096;

#[derive(Debug)]
pub(crate) struct Chunked {
    stage: Stage,
    /// The size of the chunk that began last.
    size: u64,
}

#[derive(Debug)]
enum Stage {
    /// In the size; `line` counts the bytes of this line so far.
    Size {
        size: u64,
        line: u16,
    },
    Extension {
        size: u64,
        line: u16,
    },
    SizeLf {
        size: u64,
    },
    /// In the data, with so much left of it; never 0.
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    /// Collecting the trailer section until its blank line.
    Trailers(Box<Trailers>),
    End,
}

#[derive(Debug, Default)]
struct Trailers {
    bytes: Vec<u8>,
    searched: usize,
}

pub(crate) struct Limits {
    pub(crate) trailer_bytes: usize,
    pub(crate) trailer_fields: usize,
}

impl Chunked {
    pub(crate) fn new() -> Self {
        Self { stage: Stage::Size { size: 0, line: 0 }, size: 0 }
    }

    /// How many data bytes come before there is framing again.
    pub(crate) fn data_left(&self) -> u64 {
        match self.stage {
            Stage::Data { left } => left,
            _ => 0,
        }
    }

    /// The line between two chunks has come, and says the same size again.
    pub(crate) fn repeat(&mut self) {
        debug_assert!(matches!(self.stage, Stage::DataCr), "a chunk has just ended");
        self.stage = Stage::Data { left: self.size };
    }

    /// The size of the chunk that began last.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// So many of the data bytes have been taken.
    pub(crate) fn handle_data(&mut self, count: u64) {
        if let Stage::Data { left } = &mut self.stage {
            *left -= count;
            if *left == 0 {
                self.stage = Stage::DataCr;
            }
        }
    }

    /// Takes framing until there is data, the end, or no input left. Says how many bytes it
    /// took, and at the end the trailers.
    pub(crate) fn handle(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Option<Complete>), Error> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match self.stage {
                Stage::Data { .. } | Stage::End => break,
                Stage::Trailers(_) => {
                    let (taken, fields) = self.handle_trailers(&input[at..], limits)?;
                    return Ok((at + taken, fields));
                }
                Stage::Size { size, line } => at += self.handle_size(&input[at..], size, line)?,
                _ => {
                    self.handle_byte(byte)?;
                    at += 1;
                }
            }
        }
        Ok((at, None))
    }

    /// A run of digits, and what ends it; says how many bytes it took.
    fn handle_size(&mut self, input: &[u8], mut size: u64, mut line: u16) -> Result<usize, Error> {
        for (at, &byte) in input.iter().enumerate() {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                b'\r' | b';' if line > 0 => {
                    self.stage = match byte {
                        b'\r' => Stage::SizeLf { size },
                        _ => Stage::Extension { size, line: longer(line)? },
                    };
                    return Ok(at + 1);
                }
                _ => return Err(bad(format!("a chunk size holds {}", quote(&[byte])))),
            };
            if size >> 60 != 0 {
                return Err(bad("a chunk size is too large"));
            }
            size = size << 4 | u64::from(digit);
            line = longer(line)?;
        }
        self.stage = Stage::Size { size, line };
        Ok(input.len())
    }

    fn handle_byte(&mut self, byte: u8) -> Result<(), Error> {
        self.stage = match (&self.stage, byte) {
            (&Stage::Extension { size, .. }, b'\r') => Stage::SizeLf { size },
            (&Stage::Extension { size, line }, b'\t' | b' '..=b'~' | 0x80..) => {
                Stage::Extension { size, line: longer(line)? }
            }
            (Stage::Extension { .. }, _) => {
                return Err(bad("a chunk extension holds a control character"));
            }
            (&Stage::SizeLf { size: 0 }, b'\n') => Stage::Trailers(Box::default()),
            (&Stage::SizeLf { size }, b'\n') => {
                self.size = size;
                Stage::Data { left: size }
            }
            (Stage::DataCr, b'\r') => Stage::DataLf,
            (Stage::DataLf, b'\n') => Stage::Size { size: 0, line: 0 },
            (Stage::DataCr | Stage::DataLf, _) => {
                return Err(bad("a chunk is longer than its size says"));
            }
            (Stage::SizeLf { .. }, _) => return Err(bad("a CR stands without its LF")),
            (Stage::Size { .. } | Stage::Data { .. } | Stage::Trailers(_) | Stage::End, _) => {
                unreachable!("these do not go byte by byte")
            }
        };
        Ok(())
    }

    fn handle_trailers(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Option<Complete>), Error> {
        let Stage::Trailers(trailers) = &mut self.stage else {
            unreachable!("called in this stage only");
        };
        let Trailers { bytes, searched } = &mut **trailers;
        if bytes.is_empty() && input.starts_with(b"\r\n") {
            self.stage = Stage::End;
            return Ok((2, Some(Complete(None))));
        }
        let before = bytes.len();
        // One byte past the limit is enough to know, however much came.
        let room = (limits.trailer_bytes + 1).saturating_sub(before);
        bytes.extend_from_slice(&input[..input.len().min(room)]);
        let in_trailers = |e: Error| match e.kind {
            Kind::BadHead => {
                bad(format!("in the trailer section, {}", e.message.to_string_lossy()))
            }
            _ => e.behind("in the trailer section, "),
        };
        let end = find_end(bytes, searched).map_err(in_trailers)?;
        if end.unwrap_or(bytes.len()) > limits.trailer_bytes {
            let limit = limits.trailer_bytes;
            let why = format!("the trailer section is longer than {limit} bytes");
            return Err(Error::new(Kind::HeadTooLarge, why));
        }
        let Some(end) = end else {
            return Ok((input.len(), None));
        };
        let fields = Fields::parse(&bytes[..end], limits.trailer_fields).map_err(in_trailers)?;
        self.stage = Stage::End;
        Ok((end - before, Some(Complete(Some(Box::new(fields))))))
    }
}

fn longer(line: u16) -> Result<u16, Error> {
    if line == LINE_MAX {
        return Err(bad(format!("a chunk line is longer than {LINE_MAX} bytes")));
    }
    Ok(line + 1)
}

fn bad(why: impl Into<String>) -> Error {
    Error::new(Kind::BadChunk, why)
}

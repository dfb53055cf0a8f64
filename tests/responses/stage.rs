//! Plays a row: fetch and server in one thread, step by step, so that nothing depends on time.
//!
//! After each part that the server sends, the fetch is driven until it has received that part and
//! has no more to say. So each part is a read of its own.

use crate::row::{End, Reading, Row};
use crate::support::*;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::time::Instant;

/// Plays the row in every way it is to be played, and tells of the first that goes wrong.
pub(crate) fn play(row: &Row) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let whole = &row.script.bytes[..];
    let ways: &[Option<usize>] = match row.reading {
        Reading::Both => &[None, Some(1), Some(7)],
        Reading::Collected | Reading::Streamed => &[None],
    };
    for &cap in ways {
        let how = cap.map_or(String::new(), |cap| format!(", read by {cap}"));
        let once = |what: String, parts: &[&[u8]], secure| {
            play_once(row, &listener, parts, cap, secure)
                .map_err(|wrong| format!("{} ({what}{how}): {wrong}", row.name))
        };
        once("whole".into(), &[whole], None)?;
        for at in row.splits.clone().unwrap_or_else(|| (1..whole.len()).collect()) {
            once(format!("split at {at}"), &[&whole[..at], &whole[at..]], None)?;
        }
        let bytes: Vec<_> = whole.chunks(1).collect();
        if row.splits.is_none() {
            once("byte by byte".into(), &bytes, None)?;
        }

        let secure = Some(Secure::shared());
        let (half, rest) = whole.split_at(whole.len() / 2);
        if row.splits.is_some() && cap.is_some() {
            continue;
        }
        once("TLS, whole".into(), &[whole], secure)?;
        if row.splits.is_none() {
            once("TLS, in halves".into(), &[half, rest], secure)?;
        }
        if row.splits.is_none() && cap.is_none() {
            once("TLS, byte by byte".into(), &bytes, secure)?;
        }
    }
    Ok(())
}

/// Plays the row with its response in these parts; `cap` makes it a streaming fetch that is read
/// by so many bytes.
fn play_once(
    row: &Row,
    listener: &TcpListener,
    parts: &[&[u8]],
    cap: Option<usize>,
    secure: Option<&Secure>,
) -> Result<(), String> {
    let got = perform(row, listener, parts, row.script.end, cap, secure)?;
    // Also a streaming fetch may be done before it has received the last part.
    let in_parts = parts.len() > 1 || cap.is_some();
    row.expected.difference(&got, in_parts).map_or(Ok(()), Err)
}

/// What becomes of a fetch with the options of the row whose response comes in these parts.
pub(crate) fn perform(
    row: &Row,
    listener: &TcpListener,
    parts: &[&[u8]],
    end: End,
    cap: Option<usize>,
    secure: Option<&Secure>,
) -> Result<Outcome, String> {
    let options = (row.options)(Options::new());
    let options = if cap.is_some() { options.stream() } else { options };
    Stage::set(listener, options, cap.unwrap_or(7), secure)?.perform(parts, end)
}

struct Stage {
    fetch: Fetch,
    server: Wire,
    buffer: Vec<u8>,
    read: Vec<u8>,
    interim: Vec<Head>,
}

impl Stage {
    /// Starts the fetch and lets the server read the request head.
    fn set(
        listener: &TcpListener,
        options: Options,
        cap: usize,
        secure: Option<&Secure>,
    ) -> Result<Stage, String> {
        let address = listener.local_addr().expect("it is bound");
        let fetch = match secure {
            None => Fetch::start(format!("http://{address}/"), &options),
            Some(secure) => {
                let options = options.tls(&secure.settings());
                Fetch::start(format!("https://{address}/"), &options)
            }
        };
        if !readable(&[listener.as_raw_fd()], PATIENCE) {
            return Err("does not connect".into());
        }
        let (server, _) = listener.accept().expect("a connection is there");
        let server = Wire::new(server, secure.map(|secure| &secure.config));
        let mut stage =
            Stage { fetch, server, buffer: vec![0; cap], read: Vec::new(), interim: Vec::new() };

        let mut request = Vec::new();
        while !request.windows(4).any(|four| four == b"\r\n\r\n") {
            let mut bytes = [0; 1024];
            match stage.server.read(&mut bytes) {
                Ok(n) if n > 0 => request.extend_from_slice(&bytes[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    stage.step();
                    if !readable(&[stage.fetch.fd(), stage.server.as_raw_fd()], PATIENCE) {
                        return Err(format!("sends no more than {}", latin1(&request)));
                    }
                }
                other => return Err(format!("{other:?} after {}", latin1(&request))),
            }
        }
        Ok(stage)
    }

    fn perform(mut self, parts: &[&[u8]], end: End) -> Result<Outcome, String> {
        let mut sent = 0;
        for part in parts {
            sent += part.len() as u64;
            if !self.send(part) || self.drive(sent)? {
                break;
            }
        }
        match end {
            End::StaysOpen => {}
            End::Closes => self.server.finish(),
            End::Resets => self.server.abort(),
        }
        self.drive(u64::MAX)?;
        // So that the many connections of a row leave nothing behind.
        self.server.abort();
        Ok(Outcome::of(&self.fetch, latin1(&self.read), self.interim))
    }

    /// False if the client has gone before it took all.
    fn send(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match self.server.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => drop(self.step()),
                Err(_) => return false,
            }
        }
        while let Err(error) = self.server.flush() {
            if error.kind() != ErrorKind::WouldBlock {
                return false;
            }
            self.step();
        }
        true
    }

    /// Drives the fetch until it has received so many bytes and says PENDING, or has ended: true.
    fn drive(&mut self, received: u64) -> Result<bool, String> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match self.step() {
                IFETCH_DONE | IFETCH_FAILED | IFETCH_CANCELLED => return Ok(true),
                IFETCH_PENDING if self.fetch.report().received >= received => return Ok(false),
                IFETCH_PENDING if !self.fetch.readable(PATIENCE) => {
                    return Err(format!("stalls with {:?}", self.fetch.report()));
                }
                _ => {}
            }
        }
        Err(format!("goes round and round, saying {:?}", self.fetch.poll()))
    }

    /// One poll, and what it asks for.
    fn step(&mut self) -> ifetch_status {
        let status = self.fetch.poll();
        match status {
            IFETCH_INTERIM => self.interim.extend(self.fetch.head()),
            IFETCH_READABLE => {
                let (n, _) = self.fetch.read(&mut self.buffer);
                self.read.extend_from_slice(&self.buffer[..n]);
            }
            // After a 101: no row has anything to write.
            IFETCH_WRITABLE => drop(self.fetch.write_end()),
            _ => {}
        }
        status
    }
}

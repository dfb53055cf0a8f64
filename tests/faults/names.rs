//! The name server of the scenarios: like their server, it answers whenever the test gives it a
//! turn. Names in .local never come here.

use super::support::network;
use libc::{POLLIN, pollfd};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

const ADDRESS: &str = "127.0.0.1:53";

/// First labels of names, which say what becomes of a query. All names but the one that is nowhere
/// are at 127.0.0.1.
const TRUNCATED: &[u8] = b"long";
const NOT_UNDERSTOOD: &[u8] = b"old";
const NOWHERE: &[u8] = b"nowhere";
const SILENT: &[u8] = b"silent";

pub(crate) struct Names {
    listener: TcpListener,
    links: Vec<TcpStream>,
}

impl Names {
    pub(crate) fn start() -> Names {
        let server = network::name_server();
        server.set_nonblocking(true).expect("a socket option");
        // What earlier scenarios have asked.
        while server.recv(&mut [0; 512]).is_ok() {}
        let listener = TcpListener::bind(ADDRESS).expect("nobody else has this port");
        listener.set_nonblocking(true).expect("a socket option");
        Names { listener, links: Vec::new() }
    }

    /// What it waits for.
    pub(crate) fn interest(&self) -> Vec<pollfd> {
        let links = self.links.iter().map(AsRawFd::as_raw_fd);
        let all = [network::name_server().as_raw_fd(), self.listener.as_raw_fd()];
        all.into_iter().chain(links).map(|fd| pollfd { fd, events: POLLIN, revents: 0 }).collect()
    }

    /// Does what can be done now.
    pub(crate) fn turn(&mut self) {
        let server = network::name_server();
        let mut query = [0; 512];
        while let Ok((len, from)) = server.recv_from(&mut query) {
            if let Some(answer) = answer_to(&query[..len], false) {
                // Whoever has asked may have gone.
                let _ = server.send_to(&answer, from);
            }
        }
        while let Ok((link, _)) = self.listener.accept() {
            link.set_nonblocking(true).expect("a socket option");
            self.links.push(link);
        }
        self.links.retain_mut(serve);
    }
}

/// False when the connection has ended.
fn serve(link: &mut TcpStream) -> bool {
    // A query may come a byte at a time, and is left there until it is whole.
    let mut message = [0; 512];
    let len = match link.peek(&mut message) {
        Ok(0) => return false,
        Ok(len) => len,
        Err(error) => return error.kind() == ErrorKind::WouldBlock,
    };
    let whole = 2 + usize::from(u16::from_be_bytes([message[0], message[1]]));
    if len < whole.max(3) {
        return true;
    }
    link.read_exact(&mut message[..whole]).expect("it is there");
    let answer = answer_to(&message[2..whole], true).expect("TCP loses nothing");
    let len = (answer.len() as u16).to_be_bytes();
    link.write_all(&[&len, &answer[..]].concat()).is_ok()
}

/// The answer to a query, if there is one.
fn answer_to(query: &[u8], is_tcp: bool) -> Option<Vec<u8>> {
    let name_end = 12 + query[12..].iter().position(|&len| len == 0).expect("a name ends") + 1;
    let label = &query[13..13 + usize::from(query[12])];
    let is_a = query[name_end + 1] == 1;
    let has_edns = query[11] == 1;
    let mut answer = query[..name_end + 4].to_vec();
    answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]);
    match label {
        SILENT => return None,
        TRUNCATED if !is_tcp => answer[2] |= 2,
        NOT_UNDERSTOOD if has_edns => answer[3] |= 1,
        NOWHERE => answer[3] |= 3,
        _ if is_a => {
            answer[7] = 1;
            answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
        }
        _ => {}
    }
    Some(answer)
}

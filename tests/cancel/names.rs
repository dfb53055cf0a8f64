//! The name server, which does nothing by itself.

use super::scenarios::{NameAnswer, Place};
use super::support::*;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

const ADDRESS: &str = "127.0.0.1:53";

pub(crate) struct Names {
    listener: Option<TcpListener>,
    /// What fills the queue of a silent one.
    _filler: Option<TcpStream>,
    /// A connection, and what it was asked.
    link: Option<(TcpStream, Vec<u8>)>,
}

impl Names {
    pub(crate) fn new(place: Place) -> Names {
        let server = network::name_server();
        server.set_nonblocking(true).expect("a socket option");
        // What earlier fetches have asked.
        while server.recv(&mut [0; 512]).is_ok() {}
        let (listener, filler) = match place {
            Place::NameOverTcp => (TcpListener::bind(ADDRESS).ok(), None),
            Place::NameOverSilentTcp => {
                let (listener, filler) = full_listener_on(ADDRESS);
                (Some(listener), Some(filler))
            }
            _ => (None, None),
        };
        Names { listener, _filler: filler, link: None }
    }

    /// Answers all that has been asked by datagram.
    pub(crate) fn answer(&self, answer: NameAnswer) {
        let server = network::name_server();
        let mut query = [0; 512];
        let mut count = 0;
        loop {
            match server.recv_from(&mut query) {
                Ok((len, from)) => {
                    server.send_to(&packet(&query[..len], answer), from).expect("it waits");
                    count += 1;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    break;
                }
            }
        }
        assert!(count >= 2, "both kinds are asked for, but {count} came");
    }

    pub(crate) fn accept(&mut self) {
        let listener = self.listener.as_ref().expect("the place has one");
        let (mut link, _) = listener.accept().expect("somebody connects");
        link.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        let mut len = [0; 2];
        link.read_exact(&mut len).expect("it is asked something");
        let mut query = vec![0; usize::from(u16::from_be_bytes(len))];
        link.read_exact(&mut query).expect("all of it comes");
        self.link = Some((link, query));
    }

    pub(crate) fn send(&mut self, len: usize) {
        let (link, query) = self.link.as_mut().expect("it was accepted");
        let answer = packet(query, NameAnswer::NotThere);
        let message = [&(answer.len() as u16).to_be_bytes()[..], &answer].concat();
        link.write_all(&message[..len]).expect("it is there");
    }

    pub(crate) fn close(&mut self) {
        self.link = None;
        self.listener = None;
    }
}

/// The answer that repeats a question, without the records behind it.
fn packet(query: &[u8], answer: NameAnswer) -> Vec<u8> {
    let mut packet = query.to_vec();
    let (flags, code) = match answer {
        NameAnswer::Truncated => (0x83, 0),
        NameAnswer::NotUnderstood => (0x81, 1),
        NameAnswer::NotThere => (0x81, 3),
    };
    packet[2..4].copy_from_slice(&[flags, 0x80 | code]);
    packet
}

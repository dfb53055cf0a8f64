//! Receiving several chunks with one call, straight into the caller's buffer.
//!
//! A server that sends a long body in chunks mostly makes them of one size. So the call is given
//! places by turns: data into the caller's buffer, the line between two chunks aside, data, line,
//! and so on, as if all chunks were like the one that has begun. As long as the guess is right,
//! nothing is copied. From where it is wrong, the bytes are kept as undecoded ones, as if they
//! had been received in the ordinary way.

use crate::connection::inbox::Inbox;
use crate::proto::h1::decode::{Decoder, Rules, Run};
use crate::transport::sys::{self, Errno};
use crate::transport::tcp::Tcp;
use std::io::{IoSliceMut, Write as _};

/// How many chunks are guessed behind the one that has begun.
const GUESSED: usize = 31;

/// Smaller chunks are received many at a time in the ordinary way, and copied.
pub(super) const SIZE_MIN: u64 = 1024;

/// The longest line between two chunks that is guessed: CR LF, 16 digits, CR LF.
const LINE_MAX: usize = 20;

/// How the places are laid out.
#[derive(Debug)]
pub(super) struct Layout {
    /// The data that is left of this chunk, then that of the following ones, while there is room.
    pieces: [usize; GUESSED + 1],
    /// What is expected between two of them.
    line: [u8; LINE_MAX],
    line_len: usize,
}

impl Layout {
    /// Nothing if there is nothing to gain: the chunk fills the room, or is too small.
    pub(super) fn guess(run: Run, mut room: usize) -> Option<Self> {
        let Run::Chunk { left, size } = run else {
            return None;
        };
        if size < SIZE_MIN || left >= room as u64 {
            return None;
        }
        let mut line = [0; LINE_MAX];
        let mut unwritten = &mut line[..];
        write!(unwritten, "\r\n{size:x}\r\n").ok()?;
        let line_len = LINE_MAX - unwritten.len();
        let mut next = left;
        let pieces = std::array::from_fn(|_| {
            let piece = usize::try_from(next).map_or(room, |next| next.min(room));
            room -= piece;
            next = size;
            piece
        });
        Some(Self { pieces, line, line_len })
    }

    /// Receives into the places, as `Tcp::receive`; data goes to `room`, lines to `lines`.
    fn receive(
        &self,
        tcp: &mut Tcp,
        mut room: &mut [u8],
        lines: &mut [[u8; LINE_MAX]; GUESSED],
    ) -> Result<Option<usize>, Errno> {
        let mut places: [IoSliceMut<'_>; 2 * GUESSED + 1] =
            std::array::from_fn(|_| IoSliceMut::new(&mut []));
        let mut lines = lines.iter_mut();
        let mut wanted = 0;
        let mut used = 0;
        for piece in self.pieces.into_iter().take_while(|&piece| piece > 0) {
            if used > 0
                && let Some(line) = lines.next()
            {
                places[used] = IoSliceMut::new(&mut line[..self.line_len]);
                wanted += self.line_len;
                used += 1;
            }
            let (here, behind) = room.split_at_mut(piece);
            places[used] = IoSliceMut::new(here);
            room = behind;
            wanted += piece;
            used += 1;
        }
        tcp.receive(wanted, |fd| sys::recv_parts(fd, &mut places[..used]))
    }

    /// Receives into `room`, as `Tcp::receive`, and adds to `count` how many body bytes are there
    /// in a row.
    pub(super) fn receive_chunks(
        &self,
        tcp: &mut Tcp,
        decoder: &mut Decoder,
        inbox: &mut Inbox,
        rules: &Rules,
        room: &mut [u8],
        count: &mut usize,
    ) -> Result<Option<usize>, Errno> {
        let mut lines = [[0; LINE_MAX]; GUESSED];
        let received = self.receive(tcp, room, &mut lines);
        let Ok(Some(mut left)) = received else {
            return received;
        };
        let expected = &self.line[..self.line_len];
        let mut at = 0;
        let mut right = true;
        for (number, &piece) in self.pieces.iter().enumerate() {
            if number > 0 {
                let line = &lines[number - 1][..self.line_len.min(left)];
                left -= line.len();
                right = right && expected.starts_with(line);
                if right && line.len() == expected.len() {
                    decoder.repeat_chunk();
                } else if right {
                    // The part of a line that came; nothing that could be wrong is in it.
                    right = decoder.handle(line, rules).is_ok();
                }
                if !right {
                    inbox.keep(line);
                }
            }
            let data = &room[at..at + piece.min(left)];
            at += data.len();
            left -= data.len();
            if right {
                decoder.handle_run(data.len());
                *count += data.len();
            } else {
                inbox.keep(data);
            }
            if left == 0 {
                break;
            }
        }
        if !right {
            inbox.note_wrong_guess();
        }
        received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_fills_the_room_with_chunks_of_one_size() {
        let guess = |left, size, room| Layout::guess(Run::Chunk { left, size }, room);
        let layout = guess(100, 0x4000, 0x10000).unwrap();
        assert_eq!(&layout.line[..layout.line_len], b"\r\n4000\r\n");
        assert_eq!(&layout.pieces[..6], [100, 0x4000, 0x4000, 0x4000, 0x4000 - 100, 0]);

        let longest = guess(1, u64::MAX, 10).unwrap();
        assert_eq!(longest.line_len, LINE_MAX);
        assert_eq!(&longest.pieces[..3], [1, 9, 0]);

        assert!(guess(0x4000, 0x4000, 0x4000).is_none(), "the chunk fills the room");
        assert!(guess(5, SIZE_MIN - 1, 0x4000).is_none(), "small chunks");
        assert!(Layout::guess(Run::Close, 0x4000).is_none());
    }
}

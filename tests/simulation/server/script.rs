//! What a server does about one request.

use super::{Serving, hostile, responses};
use crate::simulation::caller::plan::{Nature, Plan};
use crate::simulation::random::Random;

#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) after: After,
    pub(crate) think_ns: u64,
    pub(crate) steps: Vec<Step>,
}

/// How much of the request has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Head,
    /// So many bytes behind the head, or all there are.
    Bytes(u64),
    Request,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Bytes {
        bytes: Vec<u8>,
        /// How many of them have gone.
        at: usize,
        pace: Pace,
    },
    Pause(u64),
    Fin,
    Rst,
    /// Nothing more ever comes.
    Silence,
    /// Bytes that belong to no response.
    Stray(&'static [u8]),
    /// Where TLS is spoken, other keys are used from here on.
    NewKeys,
    /// There too, a record that was made by somebody else.
    Forged,
    /// The response with this number is complete.
    Delivered(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How many bytes come together at most, and how long after those before.
    pub(crate) piece: u64,
    pub(crate) gap_ns: u64,
}

/// What some servers say before they close a connection that was idle for too long.
pub(crate) const TIMED_OUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

pub(crate) fn bytes(bytes: Vec<u8>, random: &mut Random) -> Step {
    let pace = Pace::new(bytes.len(), random);
    Step::Bytes { bytes, at: 0, pace }
}

/// The script for the `nth` time that this fetch is served; `seat` is the number of the serving.
pub(crate) fn draw(
    plan: &Plan,
    nth: u64,
    seat: usize,
    nature: Nature,
    random: &mut Random,
) -> (Script, Serving) {
    let (mut steps, mut serving) = responses::draw(plan, nth, seat, random);
    if random.below(100) < nature.hostile {
        hostile::spoil(&mut steps, &mut serving, plan, random);
    }
    // An early answer meets an upload that is still under way.
    let chances = if plan.upload_len() > 0 { 4 } else { 8 };
    let after = match random.below(chances) {
        0 => After::Head,
        1 => After::Bytes(random.below(plan.upload_len() as u64 + 1)),
        _ => After::Request,
    };
    let think_max = random.one_of(&[1, 100_000, 20_000_000, 400_000_000]);
    let think_ns = random.below(think_max);
    (Script { after, think_ns, steps }, serving)
}

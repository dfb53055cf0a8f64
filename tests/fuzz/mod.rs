//! What others send, changed by chance: the parts of the library that read it keep their promises.
//!
//! Each file has inputs that are right, and what holds of every input, however wrong: more than
//! that nothing panics. An input follows from its number alone, so one that goes wrong is run
//! again by it.
//!
//! ```text
//!   answers       what name servers say        responses    what servers say
//!   lookups       whole lookups, and their servers         certificates  whose they are
//!   files         what stands in /etc          requests     what callers ask for
//!    \               |                            /
//!     inputs    which inputs are tried, and what is said of one that goes wrong
//!     mutation  how an input is changed
//! ```

mod answers;
#[cfg(feature = "tls")]
mod certificates;
mod files;
mod inputs;
mod lookups;
mod mutation;
#[cfg(not(simulated))]
#[allow(dead_code)] // seeds are chosen here in another way
#[path = "../support/random.rs"]
mod random;
mod requests;
mod responses;

#[cfg(simulated)]
use crate::simulation::random;

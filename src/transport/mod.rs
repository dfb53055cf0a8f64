//! Bytes through descriptors, and the readiness of descriptors.

pub(crate) mod answer;
pub(crate) mod cancel;
pub(crate) mod dns;
pub(crate) mod parked;
pub(crate) mod reactor;
pub(crate) mod resolver;
mod roster;
pub(crate) mod slot;
pub(crate) mod stream;
#[cfg_attr(all(test, simulated), path = "../../tests/simulation/sys/mod.rs")]
pub(crate) mod sys;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod token;
pub(crate) mod wake;

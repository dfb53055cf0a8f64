//! Names to addresses, as far as it needs no socket and no clock: what the files of the system's
//! configuration say, who is asked, and what is said in DNS (RFC 1035).

pub(crate) mod answer;
pub(crate) mod hosts;
pub(crate) mod lookup;
pub(crate) mod name;
pub(crate) mod nsswitch;
pub(crate) mod order;
pub(crate) mod query;
mod question;
pub(crate) mod resolv_conf;
pub(crate) mod rule;
pub(crate) mod search;

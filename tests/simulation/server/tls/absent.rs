//! Stands in for TLS where the library was built without it: no server speaks it.

use super::Identity;
use crate::error::Kind;
use crate::simulation::random::Random;
use crate::simulation::server::script::Step;
use crate::transport::tls::{Facts, Settings};
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Configs(());

/// There is none.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Speech {}

impl Speech {
    pub(crate) fn new(_: &mut Random) -> Self {
        unreachable!("no port speaks TLS")
    }
}

pub(crate) fn settings(_: Identity) -> Option<Arc<Settings>> {
    None
}

pub(crate) struct Misread {
    pub(crate) why: String,
    pub(crate) is_alert: bool,
}

/// There is none.
#[derive(Debug)]
pub(crate) enum Session {}

impl Session {
    pub(crate) fn new(_: &mut Configs, _: u16, speech: Speech, _: &mut Random) -> Box<Self> {
        match speech {}
    }

    pub(crate) fn read(&mut self, _: &[u8], _: u64) -> Result<Vec<u8>, Misread> {
        match *self {}
    }

    pub(crate) fn handle_arrived(&mut self, _: u64) {
        match *self {}
    }

    pub(crate) fn has_ended(&self) -> bool {
        match *self {}
    }

    pub(crate) fn say(&mut self, _: &[u8]) {
        match *self {}
    }

    pub(crate) fn renew_keys(&mut self) {
        match *self {}
    }

    pub(crate) fn forge(&mut self) {
        match *self {}
    }

    pub(crate) fn part(&mut self, _: &mut Random) -> bool {
        match *self {}
    }

    pub(crate) fn has_records(&self) -> bool {
        match *self {}
    }

    pub(crate) fn take_piece(&mut self, _: &mut Random) -> (Vec<u8>, u64) {
        match *self {}
    }

    pub(crate) fn take_records(&mut self) -> Vec<u8> {
        match *self {}
    }

    pub(crate) fn take_break(&mut self) -> Option<Step> {
        match *self {}
    }

    pub(crate) fn stop(&mut self) {
        match *self {}
    }

    pub(crate) fn client_has_parted(&self) -> bool {
        match *self {}
    }

    pub(crate) fn described(&self) -> String {
        match *self {}
    }

    pub(crate) fn shows(&self) -> Identity {
        match *self {}
    }

    pub(crate) fn allowed(&self) -> &'static [Kind] {
        match *self {}
    }

    pub(crate) fn is_hostile(&self) -> bool {
        match *self {}
    }

    pub(crate) fn lacks_goodbye(&self) -> bool {
        match *self {}
    }

    pub(crate) fn facts(&self) -> Option<Facts> {
        match *self {}
    }
}

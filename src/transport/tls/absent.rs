//! Stands in for TLS where it was not built in: nothing can be asked for, and no session exists.

use crate::error::Error;
use crate::transport::sys::{Errno, Fd, Unasked};
use crate::transport::tcp::Tcp;
use crate::transport::tls::{Facts, Step, Version};
use std::io::IoSlice;

#[derive(Clone, Debug, Default)]
pub(crate) struct Settings;

impl Settings {
    pub(crate) fn trust_system(&mut self, _: bool) -> Result<(), Error> {
        refused()
    }

    pub(crate) fn trust_file(&mut self, _: &[u8]) -> Result<(), Error> {
        refused()
    }

    pub(crate) fn trust_pem(&mut self, _: &[u8]) -> Result<(), Error> {
        refused()
    }

    pub(crate) fn pin(&mut self, _: &[u8]) -> Result<(), Error> {
        refused()
    }

    pub(crate) fn identify_by_files(&mut self, _: &[u8], _: &[u8]) -> Result<(), Error> {
        refused()
    }

    pub(crate) fn identify_by_pem(&mut self, _: &[u8], _: &[u8]) -> Result<(), Error> {
        refused()
    }

    pub(crate) fn set_oldest(&mut self, _: Version) -> Result<(), Error> {
        refused()
    }

    pub(crate) fn accept_any(&mut self, _: bool) -> Result<(), Error> {
        refused()
    }

    pub(crate) fn log_keys(&mut self, _: Option<&[u8]>) -> Result<(), Error> {
        refused()
    }
}

fn refused<T>() -> Result<T, Error> {
    Err(Error::unsupported("use TLS"))
}

#[derive(Debug, Default)]
pub(crate) struct SystemStore;

impl SystemStore {
    pub(super) fn new(_: bool) -> Self {
        Self
    }
}

/// There is none.
#[derive(Debug)]
pub(crate) enum Config {}

impl Config {
    pub(super) fn new(_: &Settings, _: &mut SystemStore, _: bool) -> Result<Self, Error> {
        refused()
    }
}

/// There is none.
#[derive(Debug)]
pub(crate) enum Session {}

impl Session {
    pub(super) fn start(config: &Config, _: &str) -> Result<Box<Self>, Error> {
        match *config {}
    }

    pub(crate) fn shake_hands(&mut self, _: &mut Tcp) -> Result<Step, Errno> {
        match *self {}
    }

    pub(crate) fn facts(&self) -> Option<Facts> {
        match *self {}
    }

    pub(crate) fn is_readable(&self) -> bool {
        match *self {}
    }

    pub(crate) fn holds(&self) -> bool {
        match *self {}
    }

    pub(crate) fn take_moved(&mut self) -> bool {
        match *self {}
    }

    pub(crate) fn is_closed(&self) -> bool {
        match *self {}
    }

    pub(crate) fn is_cut_off(&self) -> bool {
        match *self {}
    }

    pub(crate) fn has_failed(&self) -> bool {
        match *self {}
    }

    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        match *self {}
    }

    pub(crate) fn send<const N: usize>(
        &mut self,
        _: &mut Tcp,
        _: [&[u8]; N],
    ) -> Result<usize, Errno> {
        match *self {}
    }

    pub(crate) fn flush(&mut self, _: &mut Tcp) -> Result<(), Errno> {
        match *self {}
    }

    pub(crate) fn receive(&mut self, _: &mut Tcp, _: &mut [u8]) -> Result<Option<usize>, Errno> {
        match *self {}
    }

    pub(crate) fn receive_behind(
        &mut self,
        _: &mut Tcp,
        _: &mut Vec<u8>,
        _: usize,
    ) -> Result<Option<usize>, Errno> {
        match *self {}
    }

    pub(crate) fn look(
        &mut self,
        _: impl FnMut(&mut [u8]) -> Result<Option<usize>, Errno>,
    ) -> Unasked {
        match *self {}
    }

    pub(crate) fn discard(&mut self, _: Fd, _: u64) -> Option<u64> {
        match *self {}
    }

    pub(crate) fn say_goodbye(&mut self, _: impl FnMut(&[IoSlice<'_>]) -> Result<usize, Errno>) {
        match *self {}
    }
}

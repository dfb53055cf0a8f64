//! Open descriptors, and what epoll knows of them.
//!
//! Numbers are given as the system gives them, the lowest first, so that one which is closed twice,
//! or used after its close, is soon somebody else's. What is used without being open is noted as
//! wrong.

use super::datagrams::Datagrams;
use super::network::Socket;
use super::{Event, World};
use crate::transport::sys::{Errno, Fd};

/// What the reactor's wake descriptor is watched with.
const RING: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct File {
    pub(crate) kind: Kind,
    /// Whose call has opened it.
    pub(crate) owner: Option<usize>,
    watched: Option<Watched>,
}

#[derive(Clone, Copy, Debug)]
struct Watched {
    by: Fd,
    token: u64,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Socket(Box<Socket>),
    /// Those of which something is to be told, in the order in which it happened.
    Epoll {
        ready: Vec<Fd>,
    },
    Datagrams(Box<Datagrams>),
    Timer {
        at: Option<u64>,
        /// Which setting of it this is.
        serial: u64,
        expired: bool,
    },
    Wake {
        rung: bool,
    },
}

impl Kind {
    pub(crate) fn epoll() -> Self {
        Self::Epoll { ready: Vec::new() }
    }

    pub(crate) fn timer() -> Self {
        Self::Timer { at: None, serial: 0, expired: false }
    }
}

/// How a descriptor stands, as poll would tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mask {
    pub(crate) input: bool,
    pub(crate) output: bool,
    pub(crate) half_closed: bool,
    pub(crate) hangup: bool,
    pub(crate) error: bool,
}

impl World {
    /// Opens the lowest number that is free, unless the system is short of them.
    pub(crate) fn open(&mut self, kind: Kind) -> Result<Fd, Errno> {
        self.run_short(libc::EMFILE)?;
        let owner = self.caller();
        let file = File { kind, owner, watched: None };
        let at = self.files.iter().position(Option::is_none).unwrap_or(self.files.len());
        if at == self.files.len() {
            self.files.push(None);
        }
        self.note("open", at as u64, owner.map_or(u64::MAX, |owner| owner as u64));
        self.files[at] = Some(file);
        Ok(at as Fd)
    }

    pub(crate) fn file(&mut self, fd: Fd) -> Result<&mut File, Errno> {
        let is_open = self.files.get(fd as usize).is_some_and(Option::is_some);
        if !is_open {
            self.wrong(format!("descriptor {fd} is used, and not open"));
            return Err(Errno(libc::EBADF));
        }
        Ok(self.files[fd as usize].as_mut().expect("looked at above"))
    }

    /// With `reset`, as if its linger time were set to nothing before.
    pub(crate) fn close(&mut self, fd: Fd, reset: bool) {
        self.note("close", fd as u64, reset.into());
        let Ok(file) = self.file(fd) else {
            return;
        };
        let watched = file.watched;
        if let Kind::Socket(_) = file.kind {
            self.close_socket(fd, reset);
        }
        self.files[fd as usize] = None;
        if let Some(watched) = watched
            && let Some(Some(File { kind: Kind::Epoll { ready }, .. })) =
                self.files.get_mut(watched.by as usize)
        {
            ready.retain(|&other| other != fd);
        }
        // Those that an epoll has watched are not watched any more.
        for file in self.files.iter_mut().flatten() {
            file.watched = file.watched.filter(|watched| watched.by != fd);
        }
    }

    pub(crate) fn watch(&mut self, epoll: Fd, fd: Fd, token: u64) -> Result<(), Errno> {
        self.run_short(libc::ENOMEM)?;
        self.file(epoll)?;
        let file = self.file(fd)?;
        if file.watched.replace(Watched { by: epoll, token }).is_some() {
            self.wrong(format!("descriptor {fd} is added to an epoll twice"));
        }
        self.note("watch", fd as u64, token);
        if self.mask(fd).is_anything() {
            self.wake(fd);
        }
        Ok(())
    }

    pub(crate) fn tell_again(&mut self, epoll: Fd, fd: Fd, token: u64) -> Result<(), Errno> {
        self.run_short(libc::ENOMEM)?;
        match self.file(fd)?.watched {
            Some(Watched { by, token: same }) if by == epoll && same == token => {}
            watched => self.wrong(format!("descriptor {fd} is told again, but is {watched:?}")),
        }
        self.note("tell again", fd as u64, token);
        if self.mask(fd).is_anything() {
            self.wake(fd);
        }
        Ok(())
    }

    /// Something has happened to `fd`: who watches it is told.
    pub(crate) fn wake(&mut self, fd: Fd) {
        let Some(Some(File { watched: Some(watched), .. })) = self.files.get(fd as usize) else {
            return;
        };
        let by = watched.by;
        if let Some(Some(File { kind: Kind::Epoll { ready }, .. })) =
            self.files.get_mut(by as usize)
            && !ready.contains(&fd)
        {
            ready.push(fd);
        }
    }

    /// What an epoll has to tell, up to as many as it tells at once, and whether that is all.
    pub(crate) fn take_ready(&mut self, epoll: Fd) -> (Vec<(u64, Mask)>, bool) {
        let mut waiting = match self.file(epoll).map(|file| &mut file.kind) {
            Ok(Kind::Epoll { ready }) => std::mem::take(ready),
            _ => return (Vec::new(), true),
        };
        if self.unruly {
            self.shuffle(&mut waiting);
        }
        let mut told = Vec::new();
        let mut left = Vec::new();
        for fd in waiting {
            if told.len() == self.told_at_once {
                left.push(fd);
                continue;
            }
            let mask = self.mask(fd);
            if let Some(Some(File { watched: Some(watched), .. })) = self.files.get(fd as usize)
                && mask.is_anything()
            {
                told.push((watched.token, mask));
            }
        }
        let all = left.is_empty();
        if let Ok(Kind::Epoll { ready }) = self.file(epoll).map(|file| &mut file.kind) {
            *ready = left;
        }
        self.note("told", epoll as u64, told.len() as u64);
        if told.iter().any(|&(token, _)| token == RING)
            && let Some(caller) = self.caller()
        {
            self.hears_ring.insert(caller);
        }
        let all = all && told.len() < self.told_at_once;
        (told, all)
    }

    fn shuffle(&mut self, fds: &mut [Fd]) {
        for left in (2..=fds.len()).rev() {
            fds.swap(left - 1, self.random.below(left as u64) as usize);
        }
    }

    /// Whether an epoll has anything to tell, which is how it looks to whoever polls it.
    pub(crate) fn is_readable(&mut self, epoll: Fd) -> bool {
        let waiting = match self.files.get(epoll as usize) {
            Some(Some(File { kind: Kind::Epoll { ready }, .. })) if !ready.is_empty() => {
                ready.clone()
            }
            _ => return false,
        };
        waiting.into_iter().any(|fd| self.mask(fd).is_anything())
    }

    pub(crate) fn mask(&mut self, fd: Fd) -> Mask {
        let Ok(file) = self.file(fd) else {
            return Mask::default();
        };
        match &mut file.kind {
            Kind::Socket(socket) => socket.mask(),
            Kind::Datagrams(datagrams) => datagrams.mask(),
            Kind::Epoll { .. } => Mask::default(),
            Kind::Timer { expired, .. } => Mask { input: *expired, ..Mask::default() },
            Kind::Wake { rung } => Mask { input: *rung, output: true, ..Mask::default() },
        }
    }

    pub(crate) fn ring(&mut self, fd: Fd) {
        self.note("ring", fd as u64, 0);
        self.note_act();
        match self.file(fd).map(|file| &mut file.kind) {
            Ok(Kind::Wake { rung }) => *rung = true,
            Ok(_) => self.wrong(format!("descriptor {fd} is rung, and is none to be rung")),
            Err(_) => return,
        }
        self.wake(fd);
    }

    pub(crate) fn set_timer(&mut self, fd: Fd, when: u64) {
        self.note("set timer", fd as u64, when);
        let Ok(Kind::Timer { at, serial, expired }) = self.file(fd).map(|file| &mut file.kind)
        else {
            return self.wrong(format!("descriptor {fd} is set, and is no timer"));
        };
        (*at, *expired) = (Some(when), false);
        *serial += 1;
        let serial = *serial;
        self.later_at(when, Event::Timer(fd, serial));
    }

    pub(super) fn expire(&mut self, fd: Fd, setting: u64) {
        if let Some(Some(File { kind: Kind::Timer { at, serial, expired }, .. })) =
            self.files.get_mut(fd as usize)
            && *serial == setting
            && at.take().is_some()
        {
            *expired = true;
            self.note("timer", fd as u64, setting);
            self.wake(fd);
        }
    }

    /// What is open.
    pub(crate) fn open_files(&self) -> impl Iterator<Item = (Fd, &File)> {
        self.files.iter().enumerate().filter_map(|(fd, file)| Some((fd as Fd, file.as_ref()?)))
    }
}

impl Mask {
    fn is_anything(self) -> bool {
        self != Mask::default()
    }
}

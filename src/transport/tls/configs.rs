//! The configurations of one client: one for each of the settings that its fetches use.

use crate::error::Error;
use crate::transport::tls::{Config, Session, Settings, SystemStore};
use std::sync::Arc;

/// How many are kept: whoever makes settings anew for each fetch must not fill the memory.
const KEPT: usize = 16;

#[derive(Debug)]
pub(crate) struct Configs {
    /// For fetches that bring no settings of their own.
    default: Made,
    /// For the others, the one made last at the end.
    others: Vec<Made>,
    /// How many have been made, which numbers them.
    made: u32,
    system: SystemStore,
    /// Whether sessions are remembered, for later fetches to resume.
    remembers: bool,
}

#[derive(Debug)]
struct Made {
    settings: Arc<Settings>,
    number: u32,
    /// Made when it is first needed.
    config: Option<Config>,
}

impl Made {
    fn new(settings: Arc<Settings>, number: u32) -> Self {
        Self { settings, number, config: None }
    }
}

impl Configs {
    pub(crate) fn new(remembers: bool) -> Self {
        let default = Made::new(Arc::default(), 0);
        let system = SystemStore::new(remembers);
        Self { default, others: Vec::new(), made: 0, system, remembers }
    }

    /// Other settings for fetches that bring none of their own, from now on.
    pub(crate) fn set_default(&mut self, settings: Arc<Settings>) {
        self.made += 1;
        self.default = Made::new(settings, self.made);
    }

    /// A number that no other settings of this client have. Connections that were made with other
    /// settings are not for a fetch with these.
    pub(crate) fn number(&mut self, settings: Option<&Arc<Settings>>) -> u32 {
        self.enter(settings).number
    }

    /// Begins a connection to a server that has to prove that it is `name`.
    pub(crate) fn start(
        &mut self,
        settings: Option<&Arc<Settings>>,
        name: &str,
    ) -> Result<Box<Session>, Error> {
        let remembers = self.remembers;
        let mut system = std::mem::take(&mut self.system);
        let made = self.enter(settings);
        let config = match made.config.take() {
            Some(config) => Ok(config),
            None => Config::new(&made.settings, &mut system, remembers),
        };
        let session = config.and_then(|config| {
            let session = Session::start(&config, name);
            made.config = Some(config);
            session
        });
        self.system = system;
        session
    }

    fn enter(&mut self, settings: Option<&Arc<Settings>>) -> &mut Made {
        let Some(settings) = settings else {
            return &mut self.default;
        };
        let found = self.others.iter().position(|made| Arc::ptr_eq(&made.settings, settings));
        let at = found.unwrap_or_else(|| {
            if self.others.len() == KEPT {
                self.others.remove(0);
            }
            self.made += 1;
            self.others.push(Made::new(Arc::clone(settings), self.made));
            self.others.len() - 1
        });
        &mut self.others[at]
    }
}

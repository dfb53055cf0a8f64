//! URLs that were parsed before: parsing one costs more than all the rest of a request.

use crate::error::Error;
use crate::proto::target::Target;
use std::collections::HashMap;
use std::sync::Arc;

/// How many are remembered. When there are more, all are forgotten: those in use are soon back.
const REMEMBERED: usize = 256;

/// From the exact text of a URL to what it means.
#[derive(Debug, Default)]
pub(super) struct Targets(HashMap<Box<[u8]>, Arc<Target>>);

impl Targets {
    pub(super) fn parse(&mut self, url: &[u8]) -> Result<Arc<Target>, Error> {
        if let Some(target) = self.0.get(url) {
            return Ok(Arc::clone(target));
        }
        let target = Arc::new(Target::parse(url)?);
        if self.0.len() == REMEMBERED {
            self.0.clear();
        }
        self.0.insert(url.into(), Arc::clone(&target));
        Ok(target)
    }
}

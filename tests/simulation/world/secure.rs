//! What is asked of the client's end of a connection that TLS is spoken on.

use super::World;
use super::connection::Connection;
use crate::simulation::server::tls::{Identity, Misread, Session};

impl Connection {
    /// Whom the server has shown to be, if it had to.
    pub(crate) fn shown(&self) -> Option<Identity> {
        self.server.session.as_ref().map(|session| session.shows())
    }
}

impl World {
    /// The server understands all that a client sends, unless one of the two refuses the other.
    pub(super) fn check_misread(
        &mut self,
        connection: usize,
        session: &Session,
        misread: &Misread,
    ) {
        let Misread { why, is_alert } = misread;
        self.trace(|_| format!("connection {connection} is misread: {why}"));
        let Connection { owner, address, .. } = self.connections[connection];
        let distrusts = self.plans.iter().any(|plan| {
            let is_its = Some(plan.caller) == owner && plan.port == address.port();
            is_its && plan.trusts() != Some(session.shows())
        });
        let is_excused = session.is_hostile() || *is_alert && distrusts;
        if !is_excused {
            self.wrong(format!("connection {connection} is sent what is no TLS: {why}"));
        }
    }

    /// A client that closes in order a connection on which nothing is under way says goodbye before.
    pub(super) fn check_goodbye(&mut self, connection: usize) {
        let closed = &self.connections[connection];
        let session = closed.server.session.as_ref();
        if closed.is_idle() && session.is_some_and(|session| session.lacks_goodbye()) {
            self.wrong(format!("connection {connection} is closed without a goodbye"));
        }
    }
}

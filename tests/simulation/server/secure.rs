//! What a server that speaks TLS does besides serving: it answers handshakes, sends its records in
//! pieces that end anywhere, and says goodbye.

use super::script::Step;
use super::tls::Session;
use super::{Server, State};
use crate::simulation::world::World;

impl Server {
    /// Whether bytes are on their way that it has said before.
    pub(super) fn has_records(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.has_records())
    }
}

impl World {
    /// The server speaks TLS on this connection if it does so at its port.
    pub(super) fn accept_tls(&mut self, connection: usize) {
        let port = self.connections[connection].address.port();
        if let Some(speech) = self.habits.nature(port).speech {
            let session = Session::new(&mut self.tls, port, speech, &mut self.random);
            self.trace(|_| format!("  by TLS: {}", session.described()));
            self.server(connection).session = Some(session);
        }
    }

    /// What has arrived of a handshake, or an alert, is answered.
    pub(super) fn answer_tls(&mut self, connection: usize) {
        let server = self.server(connection);
        let (arrived, is_open) = (server.arrived, server.state == State::Open);
        let Some(session) = &mut server.session else {
            return;
        };
        session.handle_arrived(arrived);
        let ends = is_open && session.has_ended();
        if ends {
            let ends: &[Step] = self.random.one_of(&[&[Step::Fin], &[Step::Rst], &[]]);
            self.push_steps(connection, 0, ends.iter().cloned());
        }
        if self.server(connection).has_records() {
            self.push_steps(connection, 0, []);
        }
    }

    /// The next piece of what was said reaches the client. How long it is to the one behind it;
    /// nothing if it has to wait.
    pub(super) fn push_records(&mut self, connection: usize) -> Option<u64> {
        let Some(waiting) = self.inbox_len(connection) else {
            self.fill(connection, b"?");
            self.server(connection).stop();
            return None;
        };
        let server = &mut self.connections[connection].server;
        if waiting >= server.window {
            server.is_stalled = true;
            return None;
        }
        let session = server.session.as_mut()?;
        let (piece, gap) = session.take_piece(&mut self.random);
        if let Some(how) = session.take_break() {
            server.steps = [how].into();
        }
        self.fill(connection, &piece);
        Some(gap)
    }

    /// Says something on a connection, encrypted where that is asked for. Gives what goes out at
    /// once.
    pub(super) fn encrypt_at_once(&mut self, connection: usize, bytes: &[u8]) -> Vec<u8> {
        match &mut self.server(connection).session {
            None => bytes.to_vec(),
            Some(session) => {
                session.say(bytes);
                session.take_records()
            }
        }
    }

    /// Says goodbye before the connection ends, if the server does and has not yet. Then the end
    /// may not even come.
    pub(super) fn says_goodbye(&mut self, connection: usize) -> bool {
        let now = self.now();
        let server = &mut self.connections[connection].server;
        let parts = |session: &mut Box<Session>| session.part(&mut self.random);
        if !server.session.as_mut().is_some_and(parts) {
            return false;
        }
        server.closed_at.get_or_insert(now);
        server.state = State::Closed;
        server.steps = server.take_told();
        if self.random.percent(75) {
            server.steps.push_back(Step::Fin);
        }
        self.note("says goodbye", connection as u64, 0);
        true
    }
}

//! What has to be so of fetches by https.

use super::flight::{fetched, plan};
use super::plan::Plan;
use crate::error::Kind;
use crate::fetch::Outcome;
use crate::simulation::server::tls::Session;
use crate::simulation::world::World;
use crate::simulation::world::connection::Connection;

/// The connections that a fetch may have had, with their sessions.
fn sessions<'a>(
    world: &'a World,
    plan: &Plan,
) -> impl Iterator<Item = (&'a Connection, &'a Session)> {
    let (caller, port) = (plan.caller, plan.port);
    (world.connections.iter())
        .filter(move |of| of.owner == Some(caller) && of.address.port() == port)
        .filter_map(|of| Some((of, of.server.session.as_deref()?)))
}

/// Whether a server has refused this fetch, or the other way round, and there was a reason.
pub(super) fn is_refused(plan: &Plan, kind: Kind) -> bool {
    World::with(|world| {
        sessions(world, plan).any(|(connection, session)| {
            let requests = &connection.requests;
            let may_be_its = requests.is_within_head()
                || requests.list.iter().any(|request| request.number == plan.number);
            let is_stranger = plan.trusts() != Some(session.shows());
            let is_distrusted = kind == Kind::CertificateIssuer && is_stranger;
            may_be_its && (is_distrusted || session.allowed().contains(&kind))
        })
    })
}

/// The report tells of TLS if it was spoken, and what the server has agreed to.
pub(super) fn check_report(number: usize, outcome: Outcome) {
    let plan = plan(number);
    let report = fetched(number).and_then(|fetched| fetched.with(|fetch| fetch.report()));
    let Some(report) = report else {
        return;
    };
    let is_right = match report.traffic.tls {
        Some(facts) => World::with(|world| {
            sessions(world, &plan).any(|(_, session)| session.facts() == Some(facts))
        }),
        None => outcome != Outcome::Complete || !plan.is_secure,
    };
    if !is_right {
        let facts = report.traffic.tls;
        World::with(|world| world.wrong(format!("fetch {number} tells of {facts:?}")));
    }
}

//! The way to the mesh: which daemons there are, which of them leads, and a channel to it.

use crate::bounds;
use part_proto::v1::worker_service_client::WorkerServiceClient;
use part_proto::v1::{FindLeaderRequest, FindLeaderResponse};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tonic::transport::Channel;

/// Makes a channel to `HOST:PORT`, or says why that address is of no use. Does not wait for the connection.
pub type Connect = Arc<dyn Fn(&str) -> Result<Channel, String> + Send + Sync>;

/// Where the mesh is, as far as this worker knows. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    way: Way,
}

#[derive(Clone)]
enum Way {
    /// The leader is behind these channels, always: one for the link, one for bytes.
    Fixed { link: Channel, bytes: Channel },
    /// Any of several daemons may lead.
    Mesh { connect: Connect, known: Arc<Mutex<Known>> },
}

struct Known {
    /// Addresses that were configured: never forgotten, tried in this order.
    configured: Vec<String>,
    /// Addresses that daemons told of.
    told: Vec<String>,
    /// The daemon that answered last: bytes go there.
    answering: String,
    /// Channels for bytes, by address.
    bytes: BTreeMap<String, Channel>,
}

/// The leader, as it was found.
pub(crate) struct Leader {
    pub(crate) address: String,
    /// For the link.
    pub(crate) channel: Channel,
    /// For bytes: they must not hold up what the link says.
    pub(crate) bytes: Channel,
}

impl Directory {
    /// For a worker that lives in the leader's own process.
    pub fn fixed(link: Channel, bytes: Channel) -> Directory {
        Directory { way: Way::Fixed { link, bytes } }
    }

    /// For a worker that knows some daemons of the mesh; at least one address.
    pub fn of(addresses: Vec<String>, connect: Connect) -> Directory {
        let answering = addresses.first().cloned().unwrap_or_default();
        let known = Known { configured: addresses, told: Vec::new(), answering, bytes: BTreeMap::new() };
        Directory { way: Way::Mesh { connect, known: Arc::new(Mutex::new(known)) } }
    }

    /// Finds who leads now, by asking one daemon after the other.
    pub(crate) async fn find_leader(&self) -> Result<Leader, String> {
        let (connect, known) = match &self.way {
            Way::Fixed { link, bytes } => {
                let address = "this process".to_owned();
                return Ok(Leader { address, channel: link.clone(), bytes: bytes.clone() });
            }
            Way::Mesh { connect, known } => (connect, known),
        };
        let candidates = lock(known).candidates();
        let mut problems = Vec::new();
        for address in candidates {
            match ask(connect, &address).await {
                Ok(answer) => {
                    let mut known = lock(known);
                    known.answering.clone_from(&address);
                    known.remember(answer.daemons);
                    let leader = if answer.address.is_empty() { address } else { answer.address };
                    let channel = || connect(&leader).map_err(|why| format!("{leader}: {why}"));
                    return Ok(Leader { channel: channel()?, bytes: channel()?, address: leader.clone() });
                }
                Err(why) => problems.push(format!("{address}: {why}")),
            }
        }
        Err(problems.join("; "))
    }

    /// A daemon told which daemons there are.
    pub(crate) fn remember(&self, daemons: Vec<String>) {
        if let Way::Mesh { known, .. } = &self.way
            && !daemons.is_empty()
        {
            lock(known).remember(daemons);
        }
    }

    /// A channel for bytes, to a daemon that answered: uploads must not hold up what the link says.
    pub(crate) fn bytes(&self) -> Result<Channel, String> {
        match &self.way {
            Way::Fixed { bytes, .. } => Ok(bytes.clone()),
            Way::Mesh { connect, known } => {
                let mut known = lock(known);
                let address = known.answering.clone();
                if let Some(channel) = known.bytes.get(&address) {
                    return Ok(channel.clone());
                }
                let channel = connect(&address)?;
                known.bytes.clear();
                known.bytes.insert(address, channel.clone());
                Ok(channel)
            }
        }
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    /// The one that answered last first, then the configured ones, then the others.
    fn candidates(&self) -> Vec<String> {
        let mut all = vec![self.answering.clone()];
        for address in self.configured.iter().chain(&self.told) {
            if !all.contains(address) {
                all.push(address.clone());
            }
        }
        all
    }

    fn remember(&mut self, mut daemons: Vec<String>) {
        daemons.truncate(bounds::DAEMONS);
        self.told = daemons;
    }
}

async fn ask(connect: &Connect, address: &str) -> Result<FindLeaderResponse, String> {
    let mut client = WorkerServiceClient::new(connect(address)?);
    match tokio::time::timeout(bounds::FIND_LEADER, client.find_leader(FindLeaderRequest {})).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Ok(Err(status)) => Err(status.message().to_owned()),
        Err(_) => Err(format!("no answer within {:?}", bounds::FIND_LEADER)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answered_last_is_asked_first_and_nobody_is_forgotten() {
        let mut known = Known {
            configured: vec!["a:1".to_owned(), "b:1".to_owned()],
            told: Vec::new(),
            answering: "b:1".to_owned(),
            bytes: BTreeMap::new(),
        };
        assert_eq!(known.candidates(), ["b:1", "a:1"]);
        known.remember(vec!["c:1".to_owned(), "a:1".to_owned()]);
        known.answering = "c:1".to_owned();
        assert_eq!(known.candidates(), ["c:1", "a:1", "b:1"]);
        known.remember((0..1000).map(|n| format!("x{n}:1")).collect());
        assert!(known.candidates().len() <= bounds::DAEMONS + 3);
    }
}

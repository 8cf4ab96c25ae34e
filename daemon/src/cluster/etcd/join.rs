//! The start of a coordinator: the same engine, watched until this daemon is part of the mesh.

use super::connect::Connector;
use super::driver::{Driver, Turn};
use super::keys::Keys;
use super::lease::patience;
use super::machine::{Machine, check_size};
use super::trouble::Kind;
use crate::bounds;
use crate::cluster::{ClusterError, Coordinator, EtcdOptions, Member, MeshNote, View};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Joins the other daemons: registers `me`, and comes back once that is done and the others are known. Who leads may
/// still be open then. Gives up after three times the lease's time to live; at once where waiting cannot help.
pub(crate) async fn join(options: EtcdOptions, me: Member) -> Result<Coordinator, ClusterError> {
    check_size(&me)?;
    let EtcdOptions { cluster, mesh, blobs } = options;
    let ttl = whole_seconds(cluster.lease_ttl);
    let note =
        MeshNote { id: uuid::Uuid::new_v4().simple().to_string(), created_at: unix_ms(), store: mesh, blobs };
    let keys = Keys::new(&cluster.prefix);
    let endpoints = cluster.etcd.endpoints.len();
    let connector = Connector::new(cluster.etcd, keys.clone(), patience(ttl));
    let (coordinator, publish, wanted) = Coordinator::new(View::default());
    let mut driver = Driver::new(Machine::new(keys, ttl, me, note), connector, publish, wanted);
    let limit = ttl * 3;
    let joined = match tokio::time::timeout(limit, until_joined(&mut driver, endpoints)).await {
        Ok(joined) => joined,
        Err(_) => Err(too_late(&driver, limit)),
    };
    if let Err(error) = joined {
        driver.give_back().await;
        return Err(error);
    }
    tokio::spawn(driver.run());
    Ok(coordinator)
}

async fn until_joined(driver: &mut Driver, endpoints: usize) -> Result<(), ClusterError> {
    let mut told: Option<String> = None;
    let mut hopeless = BTreeSet::new();
    while !driver.machine.joined() {
        match driver.turn().await {
            Turn::Goes => {}
            // The handle is ours alone as yet.
            Turn::Leave(_) | Turn::Forgotten => {}
        }
        if let Some(error) = driver.machine.fatal() {
            return Err(error.clone());
        }
        let Some(trouble) = driver.machine.trouble() else { continue };
        match trouble.kind {
            Kind::Final => return Err(trouble.refusal()),
            Kind::Endpoint => {
                hopeless.insert(Arc::clone(&trouble.endpoint));
                if hopeless.len() >= endpoints {
                    return Err(trouble.refusal());
                }
            }
            Kind::Connection | Kind::Passing | Kind::LeaseGone => {}
        }
        let why = trouble.to_string();
        if told.as_ref() != Some(&why) {
            tracing::warn!(why, "cannot join yet; trying again");
            told = Some(why);
        }
    }
    Ok(())
}

fn too_late(driver: &Driver, waited: Duration) -> ClusterError {
    let why = match driver.machine.trouble() {
        Some(trouble) => trouble.to_string(),
        None => "etcd answers, but too slowly".to_owned(),
    };
    ClusterError::Unreachable { waited, why }
}

/// etcd counts whole seconds, and raises what is less than two.
fn whole_seconds(ttl: Duration) -> Duration {
    Duration::from_secs(ttl.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
        .max(bounds::ETCD_SHORTEST)
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

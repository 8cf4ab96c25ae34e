//! Connections, lent for one operation at a time.
//!
//! A connection goes back only by [`Lease::give_back`], after an operation that ended well. After an error, a
//! deadline or a dropped future it is closed: what the server still holds of it ends with it, and nothing of a
//! half-read answer is taken for the next one. (The pools of the driver keep such connections, and hide why a new
//! one could not be made.)

use super::server::Server;
use crate::StoreError;
use crate::bounds::{CONNECT_WAIT, FRESH, PING_WAIT};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::query::Query;
use sqlx::{ConnectOptions, Connection, PgConnection, Postgres};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// A few connections for one kind of work.
pub(super) struct Lane {
    server: Server,
    options: PgConnectOptions,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    answer_wait: Duration,
}

struct Idle {
    connection: PgConnection,
    since: Instant,
}

impl fmt::Debug for Lane {
    /// Without the options, which hold the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("permits", &self.permits).finish_non_exhaustive()
    }
}

/// A connection, for as long as it is borrowed.
pub(super) struct Lease {
    lane: Arc<Lane>,
    pub(super) connection: PgConnection,
    permit: OwnedSemaphorePermit,
}

impl Lease {
    pub(super) fn give_back(self) {
        let Lease { lane, connection, permit } = self;
        if !lane.permits.is_closed() {
            lane.idle().push(Idle { connection, since: Instant::now() });
        }
        // Only now, so that whoever waits finds the connection.
        drop(permit);
    }
}

impl Lane {
    pub(super) fn new(
        server: Server,
        options: PgConnectOptions,
        connections: usize,
        answer_wait: Duration,
    ) -> Arc<Lane> {
        let permits = Arc::new(Semaphore::new(connections));
        Arc::new(Lane { server, options, permits, idle: Mutex::default(), answer_wait })
    }

    /// When an operation that begins now has taken too long.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.answer_wait
    }

    /// Does something that must be over by the deadline. A cut network gives no error by itself, and a frozen
    /// server keeps none of its own time limits.
    pub(super) async fn by<T, E: From<StoreError>>(
        &self,
        deadline: Instant,
        doing: &'static str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match tokio::time::timeout_at(deadline, work).await {
            Ok(done) => done,
            Err(elapsed) => Err(self.server.unavailable(doing, elapsed).into()),
        }
    }

    /// The rows that a statement gives, by the lane's own deadline.
    pub(super) async fn rows(
        self: &Arc<Self>,
        doing: &'static str,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.by(self.deadline(), doing, async {
            let mut lease = self.lease(doing).await?;
            let rows = query.fetch_all(&mut lease.connection).await;
            let rows = rows.map_err(|error| self.failed(doing, error))?;
            lease.give_back();
            Ok(rows)
        })
        .await
    }

    /// Runs a statement by the lane's own deadline. Returns how many rows it changed.
    pub(super) async fn execute(
        self: &Arc<Self>,
        doing: &'static str,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<u64, StoreError> {
        self.by(self.deadline(), doing, async {
            let mut lease = self.lease(doing).await?;
            let done = query.execute(&mut lease.connection).await;
            let done = done.map_err(|error| self.failed(doing, error))?;
            lease.give_back();
            Ok(done.rows_affected())
        })
        .await
    }

    /// Borrows a connection, once one is free. Call within [`Lane::by`].
    pub(super) async fn lease(self: &Arc<Self>, doing: &'static str) -> Result<Lease, StoreError> {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| self.server.error(doing, sqlx::Error::PoolClosed))?;
        loop {
            let newest = self.idle().pop();
            let connection = match newest {
                Some(Idle { connection, since }) if since.elapsed() < FRESH => connection,
                Some(Idle { connection, .. }) => match alive(connection).await {
                    Some(connection) => connection,
                    None => {
                        // The others lay longer, and the server is gone for them as well.
                        self.idle().clear();
                        continue;
                    }
                },
                None => self.connect(doing).await?,
            };
            return Ok(Lease { lane: self.clone(), connection, permit });
        }
    }

    async fn connect(&self, doing: &'static str) -> Result<PgConnection, StoreError> {
        match tokio::time::timeout(CONNECT_WAIT, self.options.connect()).await {
            Ok(connected) => connected.map_err(|error| self.server.error(doing, error)),
            Err(elapsed) => Err(self.server.unavailable(doing, elapsed)),
        }
    }

    /// What an error means. When it says that the server went away, no other connection is worth trying.
    pub(super) fn failed(&self, doing: &'static str, error: sqlx::Error) -> StoreError {
        let error = self.server.error(doing, error);
        if error.is_temporary() {
            self.idle().clear();
        }
        error
    }

    pub(super) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        for Idle { connection, .. } in idle {
            // A server that does not answer finds out by itself.
            if let Ok(Err(error)) = tokio::time::timeout(PING_WAIT, connection.close()).await {
                tracing::debug!(server = %self.server, %error, "a connection did not close in good order");
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // Taken for a push or a pop only, which do not panic half done.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection, if the server still answers on it. One that lay idle may have lost its server to a restart, or
/// its path to a firewall that forgets silent connections.
async fn alive(mut connection: PgConnection) -> Option<PgConnection> {
    match tokio::time::timeout(PING_WAIT, connection.ping()).await {
        Ok(Ok(())) => Some(connection),
        Ok(Err(_)) | Err(_) => None,
    }
}

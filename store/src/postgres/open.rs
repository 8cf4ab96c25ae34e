//! Opening: the address, the lanes, and what a session is told at its start.

use super::lane::Lane;
use super::migrate;
use super::server::Server;
use crate::StoreError;
use crate::bounds::{
    ANSWER_WAIT, COMMIT_CONNECTIONS, REQUEST_CONNECTIONS, SERVER_LOCK_WAIT, SILENCE_WAIT, STATEMENT_WAIT,
    UPKEEP_CONNECTIONS, UPKEEP_WAIT,
};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

const OPENING: &str = "open the store";

/// A store in a PostgreSQL database, which any number of daemons may use at once.
#[derive(Debug)]
pub struct PostgresStore {
    pub(super) server: Server,
    /// Commits and terms.
    pub(super) commits: Arc<Lane>,
    /// What clients and watchers ask, and the small things that they change.
    pub(super) requests: Arc<Lane>,
    /// Retention.
    pub(super) upkeep: Arc<Lane>,
}

impl PostgresStore {
    /// Opens the database that the URL names (`postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`; a
    /// socket's folder may stand for the host, percent-encoded) and brings its tables up to date. They are in the
    /// first schema of the search path. Refuses servers older than PostgreSQL 12, schemas that hold something else,
    /// and tables of a newer version, without changing anything.
    ///
    /// A server that does not answer within some seconds is [`StoreError::Unavailable`]: trying again may help. No
    /// error ever shows the password.
    pub async fn connect(url: &str) -> Result<PostgresStore, StoreError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(Server::unreadable(OPENING, "it does not begin with postgres://"));
        }
        let options = PgConnectOptions::from_str(url).map_err(|error| Server::unreadable(OPENING, error))?;
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("partd"),
        }
        .disable_statement_logging();
        let server = Server::of(&options);
        let found = migrate::prepare(&options, &server).await?;

        let request = told(options.clone(), STATEMENT_WAIT);
        let commit = match found.loses_commits {
            true => request.clone().options([("synchronous_commit", "on")]),
            false => request.clone(),
        };
        let upkeep = told(options, UPKEEP_WAIT);
        Ok(PostgresStore {
            commits: Lane::new(server.clone(), commit, COMMIT_CONNECTIONS, ANSWER_WAIT),
            requests: Lane::new(server.clone(), request, REQUEST_CONNECTIONS, ANSWER_WAIT),
            upkeep: Lane::new(server.clone(), upkeep, UPKEEP_CONNECTIONS, UPKEEP_WAIT),
            server,
        })
    }

    pub(super) async fn shut(&self) {
        futures::future::join3(self.commits.close(), self.requests.close(), self.upkeep.close()).await;
    }
}

/// What the server is told about every session of ours, on top of what the URL says.
fn told(options: PgConnectOptions, statement_wait: Duration) -> PgConnectOptions {
    let wait = |wait: Duration| format!("{}ms", wait.as_millis());
    options.options([
        ("statement_timeout", wait(statement_wait)),
        ("lock_timeout", wait(SERVER_LOCK_WAIT)),
        ("idle_in_transaction_session_timeout", wait(SILENCE_WAIT)),
        // The lock on the term's row is looked at again after a wait, which needs each statement to see the newest
        // rows. A database may be set to something else.
        ("default_transaction_isolation", "read committed".to_owned()),
        // A daemon whose host is gone must not keep what it locked: the server asks after silent clients.
        ("tcp_keepalives_idle", "5".to_owned()),
        ("tcp_keepalives_interval", "2".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
        ("tcp_user_timeout", wait(ANSWER_WAIT)),
        // Compiling a plan costs more than any of our statements.
        ("jit", "off".to_owned()),
    ])
}

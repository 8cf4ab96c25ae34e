//! The store of a mesh: tables in a PostgreSQL server, shared by all daemons.
//!
//! * **Fencing.** A commit is one transaction that locks the term's row `FOR SHARE` and checks it there; beginning a
//!   term takes the same row for itself. So a new term waits for the commits of the old one, and afterwards the old
//!   one commits nothing. Reading the term without the lock and writing then would not do: the term may be over by
//!   the time the rows are written.
//! * **Cost.** A commit is four round trips however many entries it has: begin, check, one statement that writes
//!   everything (`commit.sql`), commit. See `examples/costs.rs` for figures.
//! * **Silence.** Every operation has a deadline here and most have one at the server, so a server that is frozen or
//!   cut off is an error within ten seconds. A connection is used again only after an operation that ended well.
//! * **Lanes.** Commits have a connection of their own and never wait behind reads; nor do reads behind the
//!   forgetting of old runs.
//!
//! Not here: replication and failover of the server, which are its own business. A commit is as durable as the
//! server's `synchronous_commit` says, except that `off` is not accepted.

mod commit;
mod contract;
mod history;
mod lane;
mod ledger;
mod lists;
mod migrate;
mod open;
mod operate;
mod realm;
mod retain;
mod row;
mod rows;
mod server;

pub use open::PostgresStore;

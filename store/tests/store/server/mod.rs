//! What only the store in a PostgreSQL server must do: fence across connections, notice silence, name what is wrong
//! with a server. The server is a real one, started by these tests (`start.rs`).

mod fencing;
mod proxy;
mod refusals;
mod silence;
pub(crate) mod start;
mod starting;
mod upgrades;

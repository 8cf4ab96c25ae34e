//! The default store: one SQLite file.
//!
//! Write-ahead log, every commit synced, one connection that writes and a few that read. Several processes may
//! use one file at once; each leads its own realm, and SQLite's lock puts their commits in a row.
//!
//! Never open the database file with anything but SQLite in a process that has a store on it, not even to look
//! at its first bytes: closing that second descriptor would drop the process's locks on the file (POSIX), and
//! another process could then take the log away under it.

mod commit;
mod contract;
mod history;
mod ledger;
mod lists;
mod open;
mod operate;
mod place;
mod realm;
mod retain;
mod row;

pub use open::SqliteStore;

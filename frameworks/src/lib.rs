//! Test frameworks as data: how to list their specs and tests, run one, and read what it reports.
//!
//! Used by the client (detect, list, resolve) and by the worker (expand, read reports). Pure but for the few
//! functions that are given a folder to look into; nothing here starts a process or decides about scheduling.

pub mod report;
pub mod table;

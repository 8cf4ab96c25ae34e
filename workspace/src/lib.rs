//! A workspace as data.

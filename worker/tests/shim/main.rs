//! The shim with real processes, through the client that workers use.

mod cost;
mod ends;
mod life;
mod output;
mod refusals;
mod support;
mod tree;

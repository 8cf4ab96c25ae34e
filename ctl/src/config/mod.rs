//! part.toml: finding it, reading it, and saying all that is wrong with it at once.
//!
//! [`load`] is the way in; `docs/part-toml.md` is the reference of every key. Nothing here looks for specs or
//! starts a process: that is [`crate::resolve`].
//!
//! Adding a key: the field in `model`, its decoding and its name in the list of known keys in `file` (or `run`,
//! `rules`), how groups inherit it in [`Settings`], and the reference.

mod balance;
mod decode;
mod error;
mod file;
mod frameworks;
mod glob;
mod locate;
mod model;
mod rules;
mod run;
mod source;
mod suggest;
#[cfg(test)]
mod tests;
mod values;
mod workspace;

pub use error::{ConfigError, Problems};
pub(crate) use glob::Reach;
pub use glob::{GlobError, SpecGlob};
pub use locate::{FILE_NAME, Warning, discover, load};
pub(crate) use model::with_locks;
pub use model::{
    Balance, Group, PlacedGlob, Project, RunDefaults, Settings, Setup, SpecRule, Suite, WorkspaceRules,
};
pub use source::{Place, Problem};
pub(crate) use suggest::{did_you_mean, listed, nearest};
pub use values::{
    EnvError, LockError, NameError, SizeError, TimeLimit, TimeLimitError, check_env, check_name,
    parse_duration, parse_lock, parse_size, parse_time_limit,
};

//! part.toml: finding it, reading it, and saying all that is wrong with it at once.
//!
//! [`load`] is the way in; `docs/part-toml.md` is the reference of every key. Nothing here looks for specs or
//! starts a process: that is [`crate::resolve`].
//!
//! Adding a key: the field in `model`, its decoding and its name in the list of known keys in `file`, how groups
//! inherit it in [`Settings`], and the reference.

mod decode;
mod error;
mod file;
mod frameworks;
mod glob;
mod locate;
mod model;
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
pub use model::{Group, Project, RunDefaults, Settings, Setup, Suite, WorkspaceRules};
pub use source::Problem;
pub(crate) use suggest::{did_you_mean, listed, nearest};
pub use values::{EnvError, NameError, SizeError, check_env, check_name, parse_duration, parse_size};

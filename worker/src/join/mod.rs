//! The stand-alone worker: joins a mesh with a token, keeps its certificate, works, and leaves in good order.
//!
//! Start reading at [`work`].

mod admission;
mod error;
mod home;
mod options;
mod way;
mod work;

pub use error::JoinError;
pub use options::JoinOptions;
pub use work::{Stop, work};

//! The verbs of `partd` besides being a daemon: tokens and certificates. They work without a running daemon, so that
//! the first token of a mesh can be made on its first host.

mod certs;
mod output;
mod token;

pub use certs::CertsArgs;
#[cfg(test)]
pub(crate) use certs::make as make_certificates;
pub use token::{Role, TokenArgs, TokenCommand};

/// What `partd` is asked to do instead of being a daemon.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make, list and revoke tokens: for clients, and for workers that join
    Token(TokenArgs),
    /// Make the mesh's certificate authority, and certificates for its daemons
    Certs(CertsArgs),
}

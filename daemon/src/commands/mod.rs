//! The verbs of `partd` besides being a daemon: tokens and certificates. They work without a running daemon, so that
//! the first token of a mesh can be made on its first host.

mod certs;
mod output;
mod token;

#[cfg(test)]
pub(crate) use certs::make as make_certificates;
pub use certs::CertsArgs;
pub use token::{Role, TokenArgs, TokenCommand};

use crate::DaemonError;
use crate::config::DaemonConfig;

/// What `partd` is asked to do instead of being a daemon.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make, list and revoke tokens: for clients, and for workers that join
    Token(TokenArgs),
    /// Make the mesh's certificate authority, and certificates for its daemons
    Certs(CertsArgs),
}

impl CertsArgs {
    /// Makes the files, and prints what to write into the configuration.
    ///
    /// # Errors
    ///
    /// When a file is there already or cannot be written, or the names make no sense.
    pub fn run(self) -> Result<(), DaemonError> {
        certs::run(&self)
    }
}

impl TokenArgs {
    /// Does it in the store that the configuration names.
    ///
    /// # Errors
    ///
    /// When the store, the authority or a file cannot be used.
    pub async fn run(self, config: &DaemonConfig) -> Result<(), DaemonError> {
        token::run(self.command, config).await
    }
}

//! What can go wrong with a store.

use part_core::{RunId, Term};
use std::io;
use thiserror::Error;

use crate::Realm;

/// The cause of an error, as the database or the operating system gave it.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A store that could not do what it was asked for. `place` names the file or server.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It is locked by another process for too long, or does not answer.
    #[error("cannot {doing}: {place} is busy or does not answer")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// The file or server.
        place: String,
        /// Why.
        source: Cause,
    },
    /// No room is left to write; reading goes on.
    #[error("cannot {doing}: no room is left for {place}; free some space, what was recorded is safe")]
    Full {
        /// What was being done.
        doing: &'static str,
        /// The file or server.
        place: String,
        /// Why.
        source: Cause,
    },
    /// It cannot be opened, created or written with the rights of this process.
    #[error("cannot {doing}: {place} cannot be opened or written; {remedy}")]
    Inaccessible {
        /// What was being done.
        doing: &'static str,
        /// The file or server.
        place: String,
        /// What helps.
        remedy: &'static str,
        /// Why.
        source: Cause,
    },
    /// What is stored contradicts itself.
    #[error(
        "cannot {doing}: {place} is damaged; restore a copy of it, or move it away to start with an empty one"
    )]
    Damaged {
        /// What was being done.
        doing: &'static str,
        /// The file or server.
        place: String,
        /// How.
        source: Cause,
    },
    /// The place holds something else.
    #[error("{place} is not a database of Part: {what}; nothing was changed, {remedy}")]
    NotOurs {
        /// The file or server.
        place: String,
        /// What it is instead.
        what: &'static str,
        /// What helps.
        remedy: &'static str,
    },
    /// The server lacks what Part needs.
    #[error("{place} cannot be used: {what}")]
    Unsuitable {
        /// The server.
        place: String,
        /// What is wrong with it, and what helps.
        what: String,
    },
    /// It was written by a newer version of Part.
    #[error(
        "{place} was written by a newer version of Part: its {what} is {found}, this program knows up to {known}; \
         use that version or a later one, or another database"
    )]
    Newer {
        /// The file or server.
        place: String,
        /// Which version number.
        what: &'static str,
        /// What was found.
        found: i64,
        /// The newest that this program understands.
        known: i64,
    },
    /// The store answered with something that it never should.
    #[error("cannot {doing}: {place} answered in an unexpected way")]
    Unexpected {
        /// What was being done.
        doing: &'static str,
        /// The file or server.
        place: String,
        /// How.
        source: Cause,
    },
}

impl StoreError {
    /// True when the same call may succeed later without anybody changing the program or its configuration.
    pub fn is_temporary(&self) -> bool {
        match self {
            StoreError::Unavailable { .. } | StoreError::Full { .. } => true,
            StoreError::Inaccessible { .. }
            | StoreError::Damaged { .. }
            | StoreError::NotOurs { .. }
            | StoreError::Unsuitable { .. }
            | StoreError::Newer { .. }
            | StoreError::Unexpected { .. } => false,
        }
    }
}

/// A commit that was refused. Nothing of the batch was recorded, unless the error is [`CommitError::Store`] with
/// a temporary cause: then the batch is recorded whole or not at all, and reading the run's last number tells.
///
/// On a server the batch of a lost answer may still be on its way when the error is seen. A new term settles it:
/// [`crate::Store::begin_term`] waits for every commit of the old one, so what is read afterwards stays true. The
/// same batch sent again under the old term is recorded once, by one of the two, and the other is a misfit.
#[derive(Debug, Error)]
pub enum CommitError {
    /// The term is over: whoever holds it must stop leading at once.
    #[error("term {held} of realm {realm} is over: the realm is at term {current}")]
    Superseded {
        /// The realm.
        realm: Realm,
        /// The term that the caller held.
        held: Term,
        /// The realm's term now; 0 when none was ever begun.
        current: Term,
    },
    /// An entry does not follow what is recorded: a bug in the caller.
    #[error("entry {number} of run {run} does not fit what is recorded: {what}")]
    Misfit {
        /// The run.
        run: RunId,
        /// The entry.
        number: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an error of the file system means for whoever wanted to write or read.
pub(crate) enum Trouble {
    /// No room is left.
    Full,
    /// It may pass.
    Temporary,
    /// We cannot get at the file.
    Lasting,
}

pub(crate) fn trouble(error: &io::Error) -> Trouble {
    const FULL: [io::ErrorKind; 2] = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    const TEMPORARY: [io::ErrorKind; 4] = [
        io::ErrorKind::Interrupted,
        io::ErrorKind::TimedOut,
        io::ErrorKind::ResourceBusy,
        io::ErrorKind::StaleNetworkFileHandle,
    ];
    if FULL.contains(&error.kind()) {
        Trouble::Full
    } else if TEMPORARY.contains(&error.kind()) {
        Trouble::Temporary
    } else {
        Trouble::Lasting
    }
}

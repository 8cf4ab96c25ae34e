//! Chains: specs of a group that never run at the same time.

use crate::{Parallel, Spec};
use std::fmt;

/// The chain that a spec belongs to, within its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Chain<'a> {
    /// All of the group.
    Group,
    /// What runs beside nothing of its group.
    Serial,
    /// An assembly.
    Assembly(&'a str),
    /// A collection, with its assembly.
    Collection(&'a str, &'a str),
}

impl<'a> Chain<'a> {
    /// The chain of a spec whose group runs at this level; none when it may run beside everything of its stage.
    pub(crate) fn of(parallel: Parallel, spec: &'a Spec) -> Option<Chain<'a>> {
        let assembly = spec.assembly.as_deref().unwrap_or_default();
        match parallel {
            Parallel::None => Some(Chain::Group),
            Parallel::Assemblies | Parallel::Collections | Parallel::All if spec.serial => {
                Some(Chain::Serial)
            }
            Parallel::Assemblies => Some(Chain::Assembly(assembly)),
            Parallel::Collections | Parallel::All => {
                spec.collection.as_deref().map(|collection| Chain::Collection(assembly, collection))
            }
        }
    }
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chain::Group => f.write_str("its group"),
            Chain::Serial => f.write_str("what runs beside nothing of its group"),
            Chain::Assembly(name) => write!(f, "assembly {name}"),
            Chain::Collection(_, name) => write!(f, "collection {name}"),
        }
    }
}

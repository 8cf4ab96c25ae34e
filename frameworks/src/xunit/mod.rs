//! What a project tells xUnit.net: its settings and its collections.
//!
//! Everything is read from texts; nothing here starts a process. docs/xunit.md is the reference.

mod assembly;
mod discovered;
mod files;
mod flags;
mod group;
mod json;
mod keys;
mod read;
mod runsettings;
mod settings;
mod value;

pub use assembly::{AssemblyError, Declared, declared};
pub use discovered::{
    CollectionBehavior, DiscoveredSpec, ListedAssembly, ListedClass, group_settings, project_settings,
};
pub use files::{Query, XunitFileError, XunitFiles};
pub use flags::Platform;
pub use group::{GroupSettings, agreed};
pub use settings::{Mode, Origin, Reading, Said, Warning, XunitSettings};
pub use value::{ValueError, parse_algorithm, parse_parallel, parse_threads};

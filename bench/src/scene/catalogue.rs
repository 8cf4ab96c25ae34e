//! Which scenes there are.

use super::{capabilities, decisions, kitchen_sink, one_run, processes, rush, stragglers, uneven};
use crate::{BenchError, Table};

/// A scene, by the name that the command line has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// The guide's nineteen specs.
    KitchenSink,
    /// One run on identical slots.
    OneRun,
    /// Workers that differ in what they can do.
    Capabilities,
    /// Many runs at a time.
    Rush,
    /// Attempts that take far too long.
    Stragglers,
    /// A slow machine, late ones, a wrong history.
    Uneven,
    /// Shared processes and shared CPUs.
    Processes,
    /// What a decision costs: the only scene that measures the machine that it runs on.
    Decisions,
}

impl Scene {
    /// All of them, in the order of the report.
    pub const ALL: [Scene; 8] = [
        Scene::KitchenSink,
        Scene::OneRun,
        Scene::Capabilities,
        Scene::Rush,
        Scene::Stragglers,
        Scene::Uneven,
        Scene::Processes,
        Scene::Decisions,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Scene::KitchenSink => "kitchen-sink",
            Scene::OneRun => "one-run",
            Scene::Capabilities => "capabilities",
            Scene::Rush => "rush",
            Scene::Stragglers => "stragglers",
            Scene::Uneven => "uneven",
            Scene::Processes => "processes",
            Scene::Decisions => "decisions",
        }
    }

    /// The scene of that name.
    pub fn named(name: &str) -> Result<Scene, BenchError> {
        let known = || Scene::ALL.map(Scene::name).join(", ");
        let found = Scene::ALL.into_iter().find(|scene| scene.name() == name);
        found.ok_or_else(|| BenchError::NoScene { name: name.to_owned(), known: known() })
    }
}

/// Plays a scene.
pub fn play(scene: Scene) -> Result<Vec<Table>, BenchError> {
    match scene {
        Scene::KitchenSink => kitchen_sink::tables(),
        Scene::OneRun => one_run::tables(),
        Scene::Capabilities => capabilities::tables(),
        Scene::Rush => rush::tables(),
        Scene::Stragglers => stragglers::tables(),
        Scene::Uneven => uneven::tables(),
        Scene::Processes => processes::tables(),
        Scene::Decisions => decisions::tables(),
    }
}

//! The folders that workspaces are laid out in, and who uses them.

use crate::bounds;
use part_core::{RunId, Shipped};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

const NOTE: &str = "place.json";

/// What a workspace is made ready for: a run can have several, each of another submission.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    /// The run.
    pub(crate) run: RunId,
    /// The manifest of the workspace.
    pub(crate) manifest: String,
    /// Digest of its setup steps: two submissions can set up the same files in two ways.
    pub(crate) setup: String,
}

impl Owner {
    /// Of a workspace that was shipped for a run.
    pub(crate) fn of(run: RunId, shipped: &Shipped) -> Owner {
        // Nothing in the steps can fail to be written; should it, they count as steps of their own kind.
        let steps = serde_json::to_vec(&shipped.setup).unwrap_or_default();
        Owner { run, manifest: shipped.manifest.clone(), setup: blake3::hash(&steps).to_hex().to_string() }
    }
}

/// All places of a worker.
pub(crate) struct Places {
    root: PathBuf,
    all: BTreeMap<usize, Place>,
    /// Places that an earlier life had not made ready: they are removed before the first one is claimed, when nothing
    /// of that life runs any more.
    left: Vec<usize>,
}

/// One place.
struct Place {
    /// Whose workspace is ready in it.
    owner: Option<Owner>,
    /// Attempts that use it.
    users: usize,
    /// Somebody is making or removing it.
    busy: bool,
    /// When it was last used.
    idle_since: Option<Instant>,
    note: PlaceNote,
}

/// What is in a place, on disk beside it while it can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlaceNote {
    /// The run that it was made ready for; none where its setup failed.
    pub(crate) run: Option<String>,
    /// The manifest that is laid out.
    pub(crate) manifest: String,
    /// Digest of the steps that set it up for the run.
    #[serde(default)]
    pub(crate) setup: String,
    /// What setup steps keep in it.
    pub(crate) kept: Vec<KeptHere>,
    /// Folders with programs, relative to the tree.
    pub(crate) programs: Vec<String>,
}

/// What a setup step keeps in a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptHere {
    /// Key of the result.
    pub(crate) key: String,
    /// The files and folders, relative to the tree.
    pub(crate) paths: Vec<String>,
}

/// A place that is to be made ready.
pub(crate) struct Claim {
    pub(crate) number: usize,
    /// What an earlier run left in it.
    pub(crate) before: Option<PlaceNote>,
    /// Places that are not needed any more, to be removed and then given back by [`Places::free`].
    pub(crate) surplus: Vec<usize>,
}

impl Places {
    /// Finds what an earlier life of the worker left.
    pub(crate) fn open(home: &Path) -> io::Result<Places> {
        let mut places = Places { root: home.join("workspaces"), all: BTreeMap::new(), left: Vec::new() };
        let entries = match fs::read_dir(&places.root) {
            Ok(entries) => entries.collect::<Result<Vec<_>, _>>()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        for entry in entries {
            // What is not ours is left alone.
            let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let note = fs::read(entry.path().join(NOTE)).ok();
            let note: Option<PlaceNote> = note.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            let busy = note.is_none();
            if busy {
                places.left.push(number);
            }
            let note = note.unwrap_or_default();
            let run = note.run.as_ref().and_then(|run| run.parse().ok());
            let (manifest, setup) = (note.manifest.clone(), note.setup.clone());
            let owner = run.map(|run| Owner { run, manifest, setup });
            places.all.insert(number, Place { owner, users: 0, busy, idle_since: None, note });
        }
        Ok(places)
    }

    pub(crate) fn folder(&self, number: usize) -> PathBuf {
        self.root.join(number.to_string())
    }

    /// The workspace in a place.
    pub(crate) fn tree(&self, number: usize) -> PathBuf {
        self.folder(number).join("tree")
    }

    /// Uses a run's place, where it is ready.
    pub(crate) fn enter(&mut self, owner: &Owner) -> Option<(usize, PathBuf, Vec<PathBuf>)> {
        let (number, place) =
            self.all.iter_mut().find(|(_, place)| !place.busy && place.owner.as_ref() == Some(owner))?;
        place.users += 1;
        let (number, programs) = (*number, place.note.programs.clone());
        let tree = self.tree(number);
        let programs = programs.into_iter().map(|folder| tree.join(folder)).collect();
        Some((number, tree, programs))
    }

    /// A user of a place is done.
    pub(crate) fn leave(&mut self, number: usize) {
        if let Some(place) = self.all.get_mut(&number) {
            place.users = place.users.saturating_sub(1);
            place.idle_since = Some(Instant::now());
        }
    }

    /// Takes a place for a manifest: one that nobody has used for a moment, the most similar first, else a new one.
    pub(crate) fn claim(&mut self, manifest: &str) -> Claim {
        let mut idle: Vec<(bool, Option<Instant>, usize)> = self
            .all
            .iter()
            .filter(|(_, place)| place.is_idle())
            .map(|(number, place)| (place.note.manifest == manifest, place.idle_since, *number))
            .collect();
        idle.sort();
        let chosen = idle.pop();
        let mut surplus: Vec<usize> =
            idle.iter().rev().skip(bounds::IDLE_WORKSPACES).map(|(_, _, number)| *number).collect();
        for number in &surplus {
            self.set_busy(*number);
        }
        surplus.append(&mut self.left);
        let (number, before) = match chosen {
            Some((_, _, number)) => (number, self.all.get(&number).map(|place| place.note.clone())),
            None => ((0..).find(|number| !self.all.contains_key(number)).unwrap_or_default(), None),
        };
        let place = Place { owner: None, users: 0, busy: true, idle_since: None, note: PlaceNote::default() };
        self.all.insert(number, place);
        Claim { number, before, surplus }
    }

    /// Places that nobody has used for a long time, to be removed and then given back by [`Places::free`].
    pub(crate) fn outdated(&mut self) -> Vec<usize> {
        let old = |place: &Place| {
            place.is_idle() && place.idle_since.is_some_and(|since| since.elapsed() > bounds::IDLE_WORKSPACE)
        };
        let numbers: Vec<usize> =
            self.all.iter().filter(|(_, place)| old(place)).map(|(number, _)| *number).collect();
        numbers.iter().for_each(|number| self.set_busy(*number));
        // A place of an earlier life is as old as this one, from now on.
        for place in self.all.values_mut().filter(|place| place.users == 0) {
            place.idle_since.get_or_insert_with(Instant::now);
        }
        numbers
    }

    fn set_busy(&mut self, number: usize) {
        if let Some(place) = self.all.get_mut(&number) {
            place.busy = true;
            place.owner = None;
        }
    }

    /// A place is ready: for its run, or, without one, to be taken by another.
    pub(crate) fn ready(&mut self, number: usize, owner: Option<Owner>, note: PlaceNote) {
        // Whoever it was made for is about to enter: somebody else waits that long, as for one that was just left.
        let rested = if owner.is_none() { bounds::WORKSPACE_REST } else { std::time::Duration::ZERO };
        let idle_since = Instant::now().checked_sub(rested);
        self.all.insert(number, Place { owner, users: 0, busy: false, idle_since, note });
    }

    /// A place is gone.
    pub(crate) fn free(&mut self, number: usize) {
        self.all.remove(&number);
    }

    /// Manifests and setup keys of all places: they are needed.
    pub(crate) fn in_use(&self) -> (Vec<String>, Vec<String>) {
        let notes = || self.all.values().map(|place| &place.note);
        let keys = notes().flat_map(|note| note.kept.iter().map(|kept| kept.key.clone()));
        (notes().map(|note| note.manifest.clone()).collect(), keys.collect())
    }
}

impl Place {
    /// True when another run may take it. One that was used a moment ago is probably used again at once.
    fn is_idle(&self) -> bool {
        let rested = self.idle_since.is_none_or(|since| since.elapsed() >= bounds::WORKSPACE_REST);
        !self.busy && self.users == 0 && rested
    }
}

impl PlaceNote {
    /// Writes it beside the workspace.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self).map_err(io::Error::other)?;
        let fresh = folder.join("place.new");
        fs::write(&fresh, text)?;
        fs::rename(fresh, folder.join(NOTE))
    }

    /// Removes it: from now on nobody may take the workspace for ready.
    pub(crate) fn remove(folder: &Path) -> io::Result<()> {
        match fs::remove_file(folder.join(NOTE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn owner(run: u128, manifest: &str) -> Owner {
        Owner { run: RunId(run), manifest: manifest.to_owned(), setup: "s".to_owned() }
    }

    fn ready(places: &mut Places, run: u128, manifest: &str) -> usize {
        let claim = places.claim(manifest);
        let note = PlaceNote {
            run: Some(RunId(run).to_string()),
            manifest: manifest.to_owned(),
            setup: "s".to_owned(),
            ..PlaceNote::default()
        };
        fs::create_dir_all(places.folder(claim.number)).expect("a folder");
        note.write(&places.folder(claim.number)).expect("a note");
        places.ready(claim.number, Some(owner(run, manifest)), note);
        claim.number
    }

    fn rest(places: &mut Places) {
        for place in places.all.values_mut().filter(|place| place.users == 0) {
            place.idle_since = Instant::now().checked_sub(bounds::WORKSPACE_REST + Duration::from_millis(1));
        }
    }

    #[test]
    fn a_place_is_taken_over_only_when_nobody_uses_it() {
        let home = tempfile::tempdir().expect("a folder");
        let mut places = Places::open(home.path()).expect("opened");
        assert_eq!(ready(&mut places, 1, "a"), 0);
        let (number, tree, _) = places.enter(&owner(1, "a")).expect("ready");
        assert_eq!((number, tree), (0, home.path().join("workspaces/0/tree")));
        rest(&mut places);
        assert_eq!(ready(&mut places, 2, "b"), 1, "the first one is in use");
        places.enter(&owner(2, "b")).expect("ready");
        places.leave(0);
        places.leave(1);
        assert_eq!(ready(&mut places, 3, "c"), 2, "both may be used again at once");
        rest(&mut places);
        let claim = places.claim("a");
        assert_eq!(
            (claim.number, claim.before.expect("was used").manifest.as_str()),
            (0, "a"),
            "the most similar"
        );
        assert!(places.enter(&owner(1, "a")).is_none(), "it is another run's now");
        assert!(places.claim("x").before.is_some() && places.claim("x").before.is_some());
        assert_eq!(places.claim("x").number, 3);
    }

    #[test]
    fn a_run_has_a_place_for_each_of_its_workspaces() {
        let home = tempfile::tempdir().expect("a folder");
        let mut places = Places::open(home.path()).expect("opened");
        assert_eq!([ready(&mut places, 1, "a"), ready(&mut places, 1, "b")], [0, 1]);
        assert_eq!(places.enter(&owner(1, "b")).expect("ready").0, 1);
        assert_eq!(places.enter(&owner(1, "a")).expect("ready").0, 0);
        assert!(places.enter(&Owner { setup: "other".to_owned(), ..owner(1, "a") }).is_none());
        let mut places = Places::open(home.path()).expect("opened again");
        assert_eq!(places.enter(&owner(1, "b")).expect("ready").0, 1, "also in another life");
        places.leave(1);
        rest(&mut places);
        let claims: Vec<usize> = ["x", "y"].map(|manifest| places.claim(manifest).number).into();
        assert!(claims.contains(&0) && claims.contains(&1), "another run takes both: {claims:?}");
        // How steps are told apart.
        let shipped = |command: &str| Shipped {
            manifest: "m".to_owned(),
            files: 0,
            bytes: 0,
            setup: vec![part_core::SetupStep {
                name: "s".to_owned(),
                command: vec![command.to_owned()],
                folder: String::new(),
                key: Vec::new(),
                keep: Vec::new(),
                env: BTreeMap::new(),
                timeout: part_core::Millis(1),
            }],
        };
        let [one, again, two] = ["a", "a", "b"].map(|command| Owner::of(RunId(1), &shipped(command)));
        assert!(one == again && one != two);
    }

    #[test]
    fn few_are_kept_and_an_earlier_life_is_remembered() {
        let home = tempfile::tempdir().expect("a folder");
        let mut places = Places::open(home.path()).expect("opened");
        for run in 0..6 {
            ready(&mut places, run, &run.to_string());
            places.enter(&owner(run, &run.to_string())).expect("ready");
        }
        fs::create_dir_all(home.path().join("workspaces/9/tree")).expect("half a place");
        (0..6).for_each(|number| places.leave(number));
        rest(&mut places);
        let claim = places.claim("3");
        assert_eq!((claim.number, claim.surplus.len()), (3, 5 - bounds::IDLE_WORKSPACES));
        PlaceNote::remove(&places.folder(3)).expect("removed");

        let mut places = Places::open(home.path()).expect("opened again");
        assert!(places.enter(&owner(4, "4")).is_some() && places.enter(&owner(3, "3")).is_none());
        let claim = places.claim("5");
        assert_eq!((claim.number, claim.before.is_some()), (5, true));
        let half = [3, 9].iter().all(|number| claim.surplus.contains(number));
        assert!(half && !claim.surplus.contains(&4), "{:?}", claim.surplus);
        assert!(places.outdated().is_empty());
    }
}

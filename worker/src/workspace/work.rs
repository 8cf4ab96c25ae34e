//! Making one workspace ready: fetch, lay out, set up.

use super::failure::{Trouble, blocking};
use super::fetch::fetch;
use super::places::{Owner, PlaceNote};
use super::ready::Shared;
use super::step::Setup;
use crate::attempt::chain;
use crate::folder::remove_folder;
use part_core::Shipped;
use part_workspace::{Digest, LayError, Manifest, Stamps, lay_out, renew};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Where the stamps of a laid out workspace are, beside it.
const STAMPS: &str = "stamps";
/// Times that a workspace is laid out, where the cache turns out to be damaged.
const LAY_TRIES: u32 = 3;

/// Makes the workspace of a run ready.
pub(crate) async fn make_ready(
    shared: &Arc<Shared>,
    owner: &Owner,
    shipped: &Shipped,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    let digest: Digest = shipped.manifest.parse().map_err(|error| Trouble::Worker(format!("{error}")))?;
    // Nothing is evicted while somebody fetches or lays out.
    let _gate = shared.gate.read().await;
    let claim = shared.places().claim(&shipped.manifest);
    for surplus in claim.surplus {
        shared.remove_place(surplus);
    }
    let (number, before) = (claim.number, claim.before);
    let kept = before.as_ref().map(|note| note.kept.clone()).unwrap_or_default();
    match make(shared, number, digest, before, stop).await {
        Ok(()) => {}
        Err(trouble) => {
            shared.remove_place(number);
            return Err(trouble);
        }
    }
    let (place, tree) = {
        let places = shared.places();
        (places.folder(number), places.tree(number))
    };
    let setup = Setup {
        options: &shared.options,
        directory: &shared.directory,
        cache: &shared.cache,
        locks: &shared.locks,
        place: place.clone(),
        tree,
        number,
        stop,
    };
    let done = setup.run(&shipped.setup, &kept).await;
    let Owner { run, manifest, setup } = owner.clone();
    let (note, outcome) = match done {
        Ok(note) => (PlaceNote { run: Some(run.to_string()), manifest, setup, ..note }, Ok(())),
        // What is laid out is good, and the next run need not do it again.
        Err(trouble) => (PlaceNote { manifest, ..PlaceNote::default() }, Err(trouble)),
    };
    if let Err(error) = note.write(&place) {
        shared.remove_place(number);
        return outcome.and(Err(Trouble::Worker(format!("cannot write in {}: {error}", place.display()))));
    }
    let owner = outcome.is_ok().then(|| owner.clone());
    shared.places().ready(number, owner, note);
    outcome
}

/// Fetches and lays out.
async fn make(
    shared: &Arc<Shared>,
    number: usize,
    digest: Digest,
    before: Option<PlaceNote>,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    let mut tries = 0;
    loop {
        let manifest = fetch(&shared.cache, &shared.directory, digest, stop).await?;
        let place = shared.places().folder(number);
        let (cache, before) = (Arc::clone(&shared.cache), before.clone().filter(|_| tries == 0));
        let laid = blocking("laying out the workspace", move || {
            let store = |digest: &Digest| cache.blob(digest);
            lay(&manifest, &store, &place, before.as_ref())
        });
        tries += 1;
        let bad = match laid.await? {
            Ok(()) => return Ok(()),
            Err(LayError::Damaged { digest, .. }) if tries < LAY_TRIES => digest,
            Err(LayError::Missing { digest: Some(digest), .. }) if tries < LAY_TRIES => digest,
            Err(error) => {
                return Err(Trouble::Worker(format!("the workspace cannot be laid out: {}", chain(&error))));
            }
        };
        tracing::warn!(digest = %bad, "a cached file is damaged; fetching it again");
        shared
            .cache
            .forget(&bad)
            .map_err(|error| Trouble::Worker(format!("a damaged file stays in the cache: {error}")))?;
    }
}

/// Lays a workspace out in its place, over what an earlier run left there or anew.
fn lay(
    manifest: &Manifest,
    store: &dyn Fn(&Digest) -> std::path::PathBuf,
    place: &Path,
    before: Option<&PlaceNote>,
) -> Result<(), LayError> {
    let failed = |source| LayError::Make { path: place.to_owned(), source };
    PlaceNote::remove(place).map_err(failed)?;
    let (tree, file) = (place.join("tree"), place.join(STAMPS));
    if let Some(before) = before {
        let spare: BTreeSet<String> = before
            .kept
            .iter()
            .flat_map(|kept| kept.paths.iter().cloned())
            // What travels now is not spared.
            .filter(|path| manifest.get(path).is_none())
            .collect();
        match renew(manifest, store, &tree, &Stamps::load(&file), &spare) {
            Ok((stamps, done)) => {
                tracing::debug!(?done, place = %place.display(), "a workspace of an earlier run is used again");
                return stamps.save(&file).map_err(failed);
            }
            Err(error) => {
                tracing::warn!(place = %place.display(), %error, "a workspace of an earlier run cannot be used again");
            }
        }
    }
    remove_folder(place).map_err(failed)?;
    std::fs::create_dir_all(place).map_err(failed)?;
    lay_out(manifest, store, &tree)?.save(&file).map_err(failed)
}

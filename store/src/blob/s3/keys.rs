//! The keys of blobs.

use crate::blob::{Digest, Shelf};
use object_store::path::Path;

/// What all keys of one store begin with.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: Path,
}

const RETIRED: &str = "retired";

impl Keys {
    pub(super) fn new(prefix: &str) -> Keys {
        Keys { prefix: Path::from(prefix) }
    }

    /// What the keys of a shelf begin with. That of the kept blobs covers the retired ones, too.
    pub(super) fn shelf(&self, shelf: Shelf) -> Path {
        match shelf {
            Shelf::Kept => self.prefix.clone(),
            Shelf::Retired => self.prefix.clone().join(RETIRED),
        }
    }

    pub(super) fn key(&self, shelf: Shelf, digest: Digest) -> Path {
        let text = digest.to_string();
        self.shelf(shelf).join(&text[..2]).join(text)
    }

    /// The digest of a key on a shelf; none for one on another shelf, or that is no blob.
    pub(super) fn digest(&self, shelf: Shelf, key: &Path) -> Option<Digest> {
        let mut parts = key.prefix_match(&self.shelf(shelf))?;
        let (folder, name) = (parts.next()?, parts.next()?);
        let digest: Digest = name.as_ref().parse().ok()?;
        (parts.next().is_none() && name.as_ref().get(..2) == Some(folder.as_ref())).then_some(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_back_to_digests() {
        let digest = Digest::of(b"part");
        for prefix in ["", "mesh", "some/mesh"] {
            let keys = Keys::new(prefix);
            for (shelf, other) in [(Shelf::Kept, Shelf::Retired), (Shelf::Retired, Shelf::Kept)] {
                let key = keys.key(shelf, digest);
                assert_eq!(keys.digest(shelf, &key), Some(digest), "{key}");
                assert_eq!(keys.digest(other, &key), None, "{key}");
            }
        }
        let text = digest.to_string();
        let keys = Keys::new("mesh");
        assert_eq!(keys.key(Shelf::Kept, digest).as_ref(), format!("mesh/{}/{text}", &text[..2]));
        for foreign in
            [format!("mesh/zz/{text}"), format!("other/{}/{text}", &text[..2]), "mesh/x".to_owned()]
        {
            assert_eq!(keys.digest(Shelf::Kept, &Path::from(foreign.as_str())), None, "{foreign}");
        }
    }
}

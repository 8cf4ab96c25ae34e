//! The names of our keys in etcd.

/// One of our keys, without the prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// `hosts/NAME`: a daemon.
    Host(String),
    /// `leader`.
    Leader,
    /// `mesh`: which mesh the keys belong to.
    Mesh,
    /// `workers/NAME`: a stand-alone worker.
    Worker(String),
}

/// The keys under a prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// With the slash.
    root: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Keys {
        Keys { root: format!("{}/", prefix.trim_matches('/')) }
    }

    /// What all keys begin with.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// The whole name of a key.
    pub(super) fn name(&self, key: &Key) -> String {
        let root = &self.root;
        match key {
            Key::Host(name) => format!("{root}hosts/{name}"),
            Key::Leader => format!("{root}leader"),
            Key::Mesh => format!("{root}mesh"),
            Key::Worker(name) => format!("{root}workers/{name}"),
        }
    }

    /// Which key that is; none for what is not ours, or of a later version.
    pub(super) fn parse(&self, name: &[u8]) -> Option<Key> {
        let name = std::str::from_utf8(name).ok()?.strip_prefix(&self.root)?;
        match name {
            "leader" => return Some(Key::Leader),
            "mesh" => return Some(Key::Mesh),
            _ => {}
        }
        let (kind, name) = name.split_once('/')?;
        match kind {
            "hosts" => Some(Key::Host(name.to_owned())),
            "workers" => Some(Key::Worker(name.to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Keys};

    #[test]
    fn names_and_keys_belong_together() {
        let keys = Keys::new("/team/part/");
        assert_eq!(keys.root(), "team/part/");
        let all = [Key::Host("a".into()), Key::Leader, Key::Mesh, Key::Worker("ci/7".into())];
        for key in all {
            assert_eq!(keys.parse(keys.name(&key).as_bytes()), Some(key));
        }
        for foreign in ["team/part", "team/part/hosts", "team/part/later/x", "team/other/leader", "leader"] {
            assert_eq!(keys.parse(foreign.as_bytes()), None, "{foreign}");
        }
        assert_eq!(keys.parse(b"team/part/hosts/\xff"), None);
    }
}

//! Arguments, paths and output as JSON without loss: text where the bytes are UTF-8, else an array of
//! byte values.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes on their way out.
struct Outgoing<'a>(&'a [u8]);

impl Serialize for Outgoing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.collect_seq(self.0),
        }
    }
}

/// Bytes on their way in.
#[derive(Deserialize)]
#[serde(untagged)]
enum Incoming {
    Text(String),
    Bytes(Vec<u8>),
}

impl Incoming {
    fn into_bytes(self) -> Vec<u8> {
        match self {
            Incoming::Text(text) => text.into_bytes(),
            Incoming::Bytes(bytes) => bytes,
        }
    }

    fn into_os(self) -> OsString {
        OsString::from_vec(self.into_bytes())
    }
}

fn outgoing(text: &OsStr) -> Outgoing<'_> {
    Outgoing(text.as_bytes())
}

/// `#[serde(with)]` for plain bytes.
pub(crate) mod bytes {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        Outgoing(bytes).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Ok(Incoming::deserialize(deserializer)?.into_bytes())
    }
}

/// `#[serde(with)]` for a path.
pub(crate) mod path {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
        outgoing(path.as_os_str()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Ok(Incoming::deserialize(deserializer)?.into_os().into())
    }
}

/// `#[serde(with)]` for a path that may be absent.
pub(crate) mod optional_path {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
        path.as_ref().map(|path| outgoing(path.as_os_str())).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        Ok(Option::<Incoming>::deserialize(deserializer)?.map(|raw| raw.into_os().into()))
    }
}

/// `#[serde(with)]` for a list of arguments.
pub(crate) mod list {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(list: &[OsString], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(|text| outgoing(text)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<OsString>, D::Error> {
        let list = Vec::<Incoming>::deserialize(deserializer)?;
        Ok(list.into_iter().map(Incoming::into_os).collect())
    }
}

/// `#[serde(with)]` for an environment: a list of pairs, because a JSON name must be text.
pub(crate) mod environment {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        map: &BTreeMap<OsString, OsString>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map.iter().map(|(name, value)| (outgoing(name), outgoing(value))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<OsString, OsString>, D::Error> {
        let pairs = Vec::<(Incoming, Incoming)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().map(|(name, value)| (name.into_os(), value.into_os())).collect())
    }
}

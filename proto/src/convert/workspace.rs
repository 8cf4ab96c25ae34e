//! Workspaces and what is set up in them.

use super::error::WireError;
use crate::v1;
use part_core::{Millis, SetupStep, Shipped, Workspace};

/// Longest of a digest's text: 32 bytes in hex.
const DIGEST_DIGITS: usize = 64;

/// A workspace for the wire: the folder in place, or what was shipped.
pub(super) fn workspace_to_wire(workspace: &Workspace) -> (String, Option<v1::ShippedWorkspace>) {
    match workspace {
        Workspace::InPlace(folder) => (folder.clone(), None),
        Workspace::Shipped(shipped) => {
            let wire = v1::ShippedWorkspace {
                manifest: shipped.manifest.clone(),
                files: shipped.files,
                bytes: shipped.bytes,
                setup: shipped.setup.iter().map(step_to_wire).collect(),
            };
            (String::new(), Some(wire))
        }
    }
}

/// A workspace from the wire.
pub(super) fn workspace_from_wire(
    in_place: String,
    shipped: Option<v1::ShippedWorkspace>,
) -> Result<Workspace, WireError> {
    let Some(wire) = shipped else { return Ok(Workspace::InPlace(in_place)) };
    let digits = wire.manifest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if wire.manifest.len() != DIGEST_DIGITS || !digits {
        let what = format!("{:?} is not a digest of {DIGEST_DIGITS} hexadecimal digits", wire.manifest);
        return Err(WireError::wrong("shipped.manifest", what));
    }
    Ok(Workspace::Shipped(Box::new(Shipped {
        manifest: wire.manifest,
        files: wire.files,
        bytes: wire.bytes,
        setup: wire.setup.into_iter().map(step_from_wire).collect::<Result<_, _>>()?,
    })))
}

fn step_to_wire(step: &SetupStep) -> v1::SetupStep {
    v1::SetupStep {
        name: step.name.clone(),
        command: step.command.clone(),
        folder: step.folder.clone(),
        key: step.key.clone(),
        keep: step.keep.clone(),
        env: step.env.clone().into_iter().collect(),
        timeout_ms: step.timeout.0,
    }
}

fn step_from_wire(wire: v1::SetupStep) -> Result<SetupStep, WireError> {
    if wire.command.is_empty() {
        return Err(WireError::wrong(
            "shipped.setup.command",
            format!("step {:?} has no command", wire.name),
        ));
    }
    Ok(SetupStep {
        name: wire.name,
        command: wire.command,
        folder: wire.folder,
        key: wire.key,
        keep: wire.keep,
        env: wire.env.into_iter().collect(),
        timeout: Millis(wire.timeout_ms),
    })
}

//! The command that runs one spec by hand.

use crate::text::command_line;
use crate::view::{RunView, SpecView};
use part_core::Recipe;

/// The command line for a spec of a run, to be typed in the workspace's root.
pub(super) fn reproduce(view: &RunView, spec: &SpecView) -> String {
    by_hand(&view.group_of(spec).recipe, spec.whole_name())
}

/// The command line for a spec, to be typed in the workspace's root.
pub(crate) fn by_hand(recipe: &Recipe, spec: &str) -> String {
    // A recipe that this client cannot fill in is shown as it is: better than nothing, and only shown.
    part_frameworks::reproduce(recipe, spec).unwrap_or_else(|_| command_line(&recipe.command))
}

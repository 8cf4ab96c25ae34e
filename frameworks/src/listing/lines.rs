//! Listings with a line per entry.

use super::owner::Owners;
use super::parse::Listing;
use crate::report::ids;

/// A spec per line, or a spec and one of its tests with a tab between.
pub(super) fn plain(text: &str, listing: &mut Listing) {
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        match line.split_once('\t') {
            Some((spec, test)) => listing.test(spec, test),
            None => listing.spec(line),
        }
    }
}

/// Node ids. Everything else that pytest and its plugins print has no `::`, or names no spec of ours.
pub(super) fn pytest(text: &str, owners: &Owners<'_>, listing: &mut Listing) {
    let mut unknown = 0_usize;
    for line in text.lines() {
        let Some((file, _)) = line.split_once("::") else { continue };
        match owners.of_unrooted(file) {
            Some(spec) => listing.test(spec, ids::pytest(line.trim_end())),
            None => unknown += 1,
        }
    }
    if unknown > 0 {
        listing.notes.push(format!("{unknown} lines of the listing name no spec of this group"));
    }
}

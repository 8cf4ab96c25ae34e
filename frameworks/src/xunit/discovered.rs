//! Specs that are classes, with their collections.

use super::assembly::Declared;
use super::files::{Query, XunitFileError, XunitFiles};
use super::flags::Platform;
use super::group::{GroupSettings, agreed};
use super::settings::{Reading, Warning, XunitSettings};
use crate::listing::Listing;
use std::path::Path;

/// Which classes share a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CollectionBehavior {
    /// Those that the assembly says: named collections as they are named, all others by the assembly's
    /// `CollectionBehavior`, which is one for each class where it says nothing.
    #[default]
    Named,
    /// Those of a named collection; all others have one of their own.
    Class,
    /// Those of a named collection; all others of an assembly share one.
    Assembly,
}

/// A spec that a listing found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiscoveredSpec {
    /// Its name.
    pub name: String,
    /// Its assembly; none where there is only one, or none at all.
    pub assembly: Option<String>,
    /// Its collection; none where it has one of its own.
    pub collection: Option<String>,
    /// Its collection runs beside nothing.
    pub serial: bool,
    /// The tests that were listed with it.
    pub tests: Vec<String>,
}

/// A class among a listing's specs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedClass {
    /// Its assembly.
    pub assembly: String,
    /// The collection that it names.
    pub collection: Option<String>,
    /// That collection runs beside nothing.
    pub serial: bool,
}

/// An assembly in a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedAssembly {
    /// The folder with its configuration files, relative to the one that the listing ran in: that of its project, else
    /// its own.
    pub folder: String,
    /// Classes without a named collection share one.
    pub per_assembly: bool,
    /// What its attributes say.
    pub settings: XunitSettings,
}

impl Listing {
    /// The specs with everything that is known of them, by name.
    pub fn discovered(&self, behavior: CollectionBehavior) -> Vec<DiscoveredSpec> {
        let several = self.assemblies.len() > 1;
        let discovered = self.specs.iter().map(|(name, tests)| {
            let mut spec =
                DiscoveredSpec { name: name.clone(), tests: tests.clone(), ..DiscoveredSpec::default() };
            let Some(class) = self.classes.get(name) else { return spec };
            let per_assembly = match behavior {
                CollectionBehavior::Named => {
                    self.assemblies.get(&class.assembly).is_some_and(|assembly| assembly.per_assembly)
                }
                CollectionBehavior::Class => false,
                CollectionBehavior::Assembly => true,
            };
            spec.collection = match &class.collection {
                // Collections of one name in two assemblies are two.
                Some(collection) if several => Some(format!("{}: {collection}", class.assembly)),
                Some(collection) => Some(collection.clone()),
                None => per_assembly.then(|| class.assembly.clone()),
            };
            spec.serial = class.serial;
            spec.assembly = several.then(|| class.assembly.clone());
            spec
        });
        discovered.collect()
    }
}

impl ListedAssembly {
    pub(crate) fn new(folder: String, declared: Option<Declared>) -> Self {
        let Some(declared) = declared else { return ListedAssembly { folder, ..ListedAssembly::default() } };
        ListedAssembly { folder, per_assembly: declared.per_assembly, settings: declared.settings }
    }
}

impl Platform {
    /// Who a command runs tests by, told from the option for its report; none where that is none of ours.
    pub fn of_command(command: &[String]) -> Option<Platform> {
        command.iter().find_map(|argument| match argument.as_str() {
            "--report-xunit-trx" | "--report-trx" => Some(Platform::TestingPlatform),
            "-trx" | "-xml" | "-junit" => Some(Platform::Console),
            logger if logger.starts_with("--logger") => Some(Platform::VsTest),
            _ => None,
        })
    }
}

/// What the assemblies of a group are told: their own attributes, their files in `root`, and `args`. `folder` is where
/// the listing ran, relative to `root`.
///
/// # Errors
/// When a configuration file is there but cannot be read.
pub fn group_settings(
    root: &Path,
    folder: &str,
    platform: Platform,
    args: &[String],
    listing: &Listing,
) -> Result<(GroupSettings, Reading), XunitFileError> {
    let own = listing.assemblies.iter();
    let own =
        own.map(|(name, assembly)| (name.as_str(), assembly.folder.as_str(), assembly.settings.clone()));
    settings_of(root, folder, platform, args, own)
}

/// As [`group_settings`], for specs that are project files.
///
/// # Errors
/// As for [`group_settings`].
pub fn project_settings(
    root: &Path,
    folder: &str,
    platform: Platform,
    args: &[String],
    projects: &[String],
) -> Result<(GroupSettings, Reading), XunitFileError> {
    let own = projects.iter().map(|path| {
        let (place, file) = path.rsplit_once('/').unwrap_or(("", path));
        let name = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        (name, place, XunitSettings::default())
    });
    settings_of(root, folder, platform, args, own)
}

fn settings_of<'a>(
    root: &Path,
    folder: &str,
    platform: Platform,
    args: &[String],
    assemblies: impl Iterator<Item = (&'a str, &'a str, XunitSettings)>,
) -> Result<(GroupSettings, Reading), XunitFileError> {
    let mut all = Reading::default();
    let mut settings = Vec::new();
    for (assembly, place, own) in assemblies {
        let place = if place == "." { "" } else { place };
        let place = [folder, place].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        let query = Query { platform, folder: &place, assembly, args };
        let reading = XunitFiles::collect(root, &query)?.settings(&query);
        settings.push((assembly, own.overridden(reading.settings)));
        all.warnings.extend(reading.warnings);
        all.notes.extend(reading.notes);
    }
    let named: Vec<(&str, &XunitSettings)> =
        settings.iter().map(|(name, settings)| (*name, settings)).collect();
    let (group, warnings) = agreed(&named);
    all.warnings.extend(warnings);
    for list in [&mut all.warnings, &mut all.notes] {
        let mut seen: Vec<Warning> = Vec::new();
        list.retain(|warning| {
            let new = !seen.contains(warning);
            seen.extend(new.then(|| warning.clone()));
            new
        });
    }
    Ok((group, all))
}

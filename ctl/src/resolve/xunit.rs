//! What xUnit.net's own files and assemblies say of a group: collections, and settings below those of part.toml.

use super::error::ResolveError;
use crate::config::{Balance, Settings, Suite};
use part_core::{Recipe, SpecSubmission};
use part_frameworks::SpecFile;
use part_frameworks::listing::Listing;
use part_frameworks::xunit::{DiscoveredSpec, Platform, Reading, group_settings, project_settings};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A group that may be one of xUnit.net.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    /// The workspace.
    pub(crate) root: &'a Path,
    pub(crate) suite: &'a Suite,
    pub(crate) settings: &'a Settings,
    pub(crate) recipe: &'a Recipe,
    /// What listed the specs; none where they are files.
    pub(crate) listing: Option<&'a Listing>,
    /// The group's specs.
    pub(crate) specs: &'a [SpecFile],
}

/// What is said of the group. Nothing, where it is none of xUnit.net.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// What runs beside what, unless part.toml says otherwise.
    pub(crate) balance: Balance,
    /// What is worth saying.
    pub(crate) notes: Vec<String>,
    /// Specs that are classes.
    classes: BTreeMap<String, DiscoveredSpec>,
    /// Each spec is an assembly by itself.
    assemblies: bool,
}

impl Question<'_> {
    /// Looks into the files of the group's projects.
    pub(crate) fn answer(&self) -> Result<Answer, ResolveError> {
        match self.listing.filter(|listing| !listing.classes.is_empty()) {
            Some(listing) => self.of_classes(listing),
            None => self.of_projects(),
        }
    }

    /// A spec is a class, whose assembly the listing has looked into.
    fn of_classes(&self, listing: &Listing) -> Result<Answer, ResolveError> {
        let wanted: BTreeSet<&str> = self.specs.iter().map(|spec| spec.name.as_str()).collect();
        let mut own = listing.clone();
        own.specs.retain(|name, _| wanted.contains(name.as_str()));
        own.classes.retain(|name, _| wanted.contains(name.as_str()));
        let assemblies: BTreeSet<String> = own.classes.values().map(|class| class.assembly.clone()).collect();
        own.assemblies.retain(|name, _| assemblies.contains(name));
        let behavior = self.settings.collection_behavior.unwrap_or_default();
        let classes = own.discovered(behavior).into_iter().map(|spec| (spec.name.clone(), spec)).collect();
        let mut answer = Answer { classes, ..Answer::default() };
        if let Some(platform) = platform(&self.recipe.command) {
            let (folder, args) = (&self.suite.folder, &self.settings.args);
            let said = group_settings(self.root, folder, platform, args, &own);
            let (group, reading) = said.map_err(|source| self.unreadable(source))?;
            answer.balance.parallel = group.parallel;
            (answer.balance.threads, answer.balance.algorithm) = (group.threads, group.algorithm);
            answer.notes = self.notes(&reading);
        }
        Ok(answer)
    }

    /// A spec is a project or a built assembly. They run beside each other whatever their files say: what these allow
    /// or forbid is meant for one process, and each of them has one of its own.
    fn of_projects(&self) -> Result<Answer, ResolveError> {
        let Some(platform) = platform(&self.recipe.command) else { return Ok(Answer::default()) };
        let names: Vec<String> = self.specs.iter().map(|spec| spec.name.clone()).collect();
        let (folder, args) = (&self.suite.folder, &self.settings.args);
        let said = project_settings(self.root, folder, platform, args, &names);
        let (group, reading) = said.map_err(|source| self.unreadable(source))?;
        Ok(Answer {
            balance: Balance { threads: group.threads, algorithm: group.algorithm, ..Balance::default() },
            notes: self.notes(&reading),
            classes: BTreeMap::new(),
            assemblies: self.settings.balance.parallel.is_some(),
        })
    }

    fn unreadable(&self, source: part_frameworks::xunit::XunitFileError) -> ResolveError {
        ResolveError::Xunit { suite: self.suite.name.clone(), source }
    }

    fn notes(&self, reading: &Reading) -> Vec<String> {
        let all = reading.warnings.iter().chain(&reading.notes);
        all.map(|warning| format!("suite {:?}: {warning}", self.suite.name)).collect()
    }
}

impl Answer {
    /// Sets what is said of a spec.
    pub(crate) fn apply(&self, spec: &mut SpecSubmission) {
        if let Some(class) = self.classes.get(&spec.name) {
            spec.collection.clone_from(&class.collection);
            spec.assembly.clone_from(&class.assembly);
            spec.serial = class.serial;
        } else if self.assemblies {
            spec.assembly = Some(spec.name.clone());
        }
    }

    /// The tests that were listed together with a spec.
    pub(crate) fn tests_of(&self, spec: &str) -> Option<Vec<String>> {
        self.classes.get(spec).map(|class| class.tests.clone())
    }
}

/// Who a command runs the tests of xUnit.net by; none where it is not one of .NET at all.
fn platform(command: &[String]) -> Option<Platform> {
    let file_name = |word: &str| word.rsplit(['/', '\\']).next().unwrap_or(word).to_ascii_lowercase();
    let dotnet = |word: &String| {
        let name = file_name(word);
        name == "dotnet" || name == "dotnet.exe" || name.starts_with("xunit")
    };
    if command.iter().any(dotnet) { Platform::of_command(command) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_of_dotnet_are_asked_about() {
        let table = [
            ("dotnet test a.csproj --logger=trx;LogFilePrefix=part", Some(Platform::VsTest)),
            ("docker run sdk /usr/bin/dotnet test --report-xunit-trx", Some(Platform::TestingPlatform)),
            ("dotnet exec a.dll -trx r", Some(Platform::Console)),
            ("mono tools/xunit.console.exe a.dll -xml r", Some(Platform::Console)),
            ("busted -o junit -junit out.xml", None),
            ("dotnet build", None),
        ];
        for (line, expected) in table {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(platform(&words), expected, "{line}");
        }
    }
}

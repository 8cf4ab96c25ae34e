//! Collections and settings that an assembly declares by attributes.

use super::blob::{Argument, Arguments, arguments};
use super::image::streams;
use super::tables::{
    ASSEMBLY, CUSTOM_ATTRIBUTE, MEMBER_REF, METHOD_DEF, NESTED_CLASS, TYPE_DEF, TYPE_REF, TYPE_SPEC, Tables,
    Token, compressed, type_in_signature,
};
use crate::xunit::settings::{Mode, Origin, Said, XunitSettings};
use part_core::{Algorithm, Threads};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// What an assembly declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub assembly: String,
    /// Classes without a collection of their own share one: `CollectionBehavior.CollectionPerAssembly`.
    pub per_assembly: bool,
    /// The project has a collection factory of its own, which nobody can follow without running it.
    pub own_factory: bool,
    /// What assembly attributes say about parallel runs. It counts less than any file.
    pub settings: XunitSettings,
    /// The full names of all its classes, as xUnit.net writes them.
    pub classes: BTreeSet<String>,
    /// The named collections of classes, by the class's full name as xUnit.net writes it (`Namespace.Outer+Inner`). A
    /// collection that is named by a type has that type's full name.
    pub collections: BTreeMap<String, String>,
    /// Collections that run beside nothing: `DisableParallelization`.
    pub serial: BTreeSet<String>,
}

/// Why an assembly cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AssemblyError {
    /// It is something else.
    #[error("is no .NET assembly")]
    NoAssembly,
    /// Its metadata ends too early, or points to nowhere.
    #[error("has broken metadata")]
    Broken,
}

/// Reads the assembly `file`; `path` is what its settings are said to come from.
///
/// # Errors
/// When it is no assembly, or broken.
pub fn declared(path: &str, file: &[u8]) -> Result<Declared, AssemblyError> {
    let tables = Tables::new(streams(file).ok_or(AssemblyError::NoAssembly)?).ok_or(AssemblyError::Broken)?;
    Reader { path, tables }.read().ok_or(AssemblyError::Broken)
}

/// Base classes that are followed; C# has no deeper ones in practice, and a broken file may go in circles.
const BASES: usize = 64;

/// An attribute that matters.
struct Attribute {
    target: Token,
    /// Its name, without `Attribute`.
    name: String,
    /// The type that a generic one was made with.
    of: Option<String>,
    arguments: Arguments,
}

struct Reader<'a> {
    path: &'a str,
    tables: Tables<'a>,
}

impl Reader<'_> {
    fn read(&self) -> Option<Declared> {
        let mut declared = Declared::default();
        if self.tables.rows(ASSEMBLY) > 0 {
            self.tables.text(ASSEMBLY, 1, 7)?.clone_into(&mut declared.assembly);
        }
        let outer = self.outer_classes()?;
        let mut named: BTreeMap<usize, String> = BTreeMap::new();
        for row in 1..=self.tables.rows(CUSTOM_ATTRIBUTE) {
            let Some(attribute) = self.attribute(row, &outer)? else { continue };
            let class = (attribute.target.table == TYPE_DEF).then_some(attribute.target.row);
            match (attribute.name.as_str(), class) {
                ("Collection", Some(class)) => {
                    let name =
                        attribute.of.clone().or_else(|| attribute.arguments.fixed.first().and_then(text));
                    if let Some(name) = name {
                        named.insert(class, name);
                    }
                }
                ("CollectionDefinition", Some(class)) if is_true(&attribute, "DisableParallelization") => {
                    let name = attribute.arguments.fixed.first().and_then(text);
                    let name = name.or_else(|| self.full_name(class, &outer))?;
                    declared.serial.insert(name);
                }
                ("CollectionBehavior" | "Parallelization", None) => self.assembly(&attribute, &mut declared),
                (_, _) => {}
            }
        }
        for class in 1..=self.tables.rows(TYPE_DEF) {
            let name = self.full_name(class, &outer)?;
            if let Some(collection) = self.inherited(class, &named) {
                declared.collections.insert(name.clone(), collection.clone());
            }
            declared.classes.insert(name);
        }
        Some(declared)
    }

    /// The class that each nested class is in.
    fn outer_classes(&self) -> Option<BTreeMap<usize, usize>> {
        let rows = 1..=self.tables.rows(NESTED_CLASS);
        rows.map(|row| {
            Some((self.tables.cell(NESTED_CLASS, row, 0)?, self.tables.cell(NESTED_CLASS, row, 1)?))
        })
        .collect()
    }

    /// The collection of a class or of the nearest class above it that has one.
    fn inherited<'n>(&self, class: usize, named: &'n BTreeMap<usize, String>) -> Option<&'n String> {
        let mut class = class;
        for _ in 0..BASES {
            if let Some(name) = named.get(&class) {
                return Some(name);
            }
            let base = self.tables.token(TYPE_DEF, class, 3)?;
            // Classes of other assemblies cannot be followed.
            class = Some(base).filter(|base| base.table == TYPE_DEF && base.row > 0)?.row;
        }
        None
    }

    fn full_name(&self, class: usize, outer: &BTreeMap<usize, usize>) -> Option<String> {
        let mut name = self.tables.text(TYPE_DEF, class, 1)?.to_owned();
        let mut class = class;
        for _ in 0..BASES {
            let Some(above) = outer.get(&class) else { break };
            class = *above;
            name = format!("{}+{name}", self.tables.text(TYPE_DEF, class, 1)?);
        }
        Some(match self.tables.text(TYPE_DEF, class, 2)? {
            "" => name,
            namespace => format!("{namespace}.{name}"),
        })
    }

    /// An attribute of a class or of the assembly, if it is one of xUnit.net's. The outer option is about the file.
    fn attribute(&self, row: usize, outer: &BTreeMap<usize, usize>) -> Option<Option<Attribute>> {
        let Some(target) = self.tables.token(CUSTOM_ATTRIBUTE, row, 0) else { return Some(None) };
        if target.table != TYPE_DEF && target.table != ASSEMBLY {
            return Some(None);
        }
        let constructor = self.tables.token(CUSTOM_ATTRIBUTE, row, 1)?;
        let (class, signature) = match constructor.table {
            MEMBER_REF => (
                self.tables.token(MEMBER_REF, constructor.row, 0)?,
                self.tables.blob(MEMBER_REF, constructor.row, 2)?,
            ),
            // An attribute of the assembly's own, which is not xUnit.net's.
            _ => return Some(None),
        };
        let (namespace, name, of) = match class.table {
            TYPE_REF => {
                (self.tables.text(TYPE_REF, class.row, 2)?, self.tables.text(TYPE_REF, class.row, 1)?, None)
            }
            TYPE_SPEC => match self.generic(class.row, outer) {
                Some((generic, of)) => (
                    self.tables.text(TYPE_REF, generic, 2)?,
                    self.tables.text(TYPE_REF, generic, 1)?,
                    Some(of),
                ),
                None => return Some(None),
            },
            METHOD_DEF | TYPE_DEF => return Some(None),
            _ => return Some(None),
        };
        let name = name.split_once('`').map_or(name, |(name, _)| name);
        let known = ["Collection", "CollectionDefinition", "CollectionBehavior", "Parallelization"];
        let Some(name) = name.strip_suffix("Attribute").filter(|name| known.contains(name)) else {
            return Some(None);
        };
        if namespace != "Xunit" && namespace != "Xunit.v3" {
            return Some(None);
        }
        let blob = self.tables.blob(CUSTOM_ATTRIBUTE, row, 2)?;
        let arguments = arguments(signature, blob).unwrap_or_default();
        Some(Some(Attribute { target, name: name.to_owned(), of, arguments }))
    }

    /// The generic class of another assembly that a signature names, and the one type that it is made with.
    fn generic(&self, row: usize, outer: &BTreeMap<usize, usize>) -> Option<(usize, String)> {
        const GENERIC: u8 = 0x15;
        let signature = self.tables.blob(TYPE_SPEC, row, 0)?;
        let number = |at: usize| compressed(signature, at);
        if signature.u8(0)? != GENERIC {
            return None;
        }
        let (class, length) = number(2)?;
        let generic = type_in_signature(class).filter(|class| class.table == TYPE_REF)?.row;
        let (count, head) = number(2 + length)?;
        if count != 1 {
            return None;
        }
        let (of, _) = number(2 + length + head + 1)?;
        let of = type_in_signature(of)?;
        let name = match of.table {
            TYPE_DEF => self.full_name(of.row, outer)?,
            TYPE_REF => {
                match (self.tables.text(TYPE_REF, of.row, 2)?, self.tables.text(TYPE_REF, of.row, 1)?) {
                    ("", name) => name.to_owned(),
                    (namespace, name) => format!("{namespace}.{name}"),
                }
            }
            _ => return None,
        };
        Some((generic, name))
    }

    /// What `[assembly: CollectionBehavior]` and, from v3 4.0 on, `[assembly: Parallelization]` say.
    fn assembly(&self, attribute: &Attribute, declared: &mut Declared) {
        let settings = &mut declared.settings;
        if attribute.name == "CollectionBehavior" {
            match attribute.arguments.fixed.as_slice() {
                // CollectionPerAssembly; CollectionPerClass is 1.
                [Argument::Number(number)] => declared.per_assembly = *number == 0,
                [] => {}
                _ => declared.own_factory = true,
            }
            declared.own_factory |= attribute.of.is_some();
        }
        for (name, value) in &attribute.arguments.named {
            let by = || Origin {
                file: self.path.to_owned(),
                key: format!("[assembly: {}({name})]", attribute.name),
            };
            match (name.as_str(), value) {
                ("DisableTestParallelization", Argument::Bool(true)) => {
                    settings.mode = Some(Said { value: Mode::None, by: by() });
                }
                ("MaxParallelThreads" | "MaxThreads", Argument::Number(count)) => {
                    // Any negative number means no limit here.
                    let threads = match u32::try_from(*count) {
                        Ok(0) => Threads::Default,
                        Ok(count) => Threads::Count(count),
                        Err(_) => Threads::Unlimited,
                    };
                    settings.threads = Some(Said { value: threads, by: by() });
                }
                ("ParallelAlgorithm" | "Algorithm", Argument::Number(number)) => {
                    let algorithm =
                        if *number == 1 { Algorithm::Aggressive } else { Algorithm::Conservative };
                    settings.algorithm = Some(Said { value: algorithm, by: by() });
                }
                ("Mode", Argument::Number(number)) => {
                    let mode = match number {
                        0 => Mode::None,
                        2 => Mode::All,
                        _ => Mode::Collections,
                    };
                    settings.mode = Some(Said { value: mode, by: by() });
                }
                (_, _) => {}
            }
        }
    }
}

fn text(argument: &Argument) -> Option<String> {
    match argument {
        Argument::Text(text) | Argument::Type(text) => text.clone(),
        Argument::Bool(_) | Argument::Number(_) => None,
    }
}

fn is_true(attribute: &Attribute, name: &str) -> bool {
    attribute.arguments.named.get(name) == Some(&Argument::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &[u8] = include_bytes!("../../../tests/assemblies/Shop.Tests.dll");
    const OTHER: &[u8] = include_bytes!("../../../tests/assemblies/Other.Tests.dll");

    #[test]
    fn collections_are_those_that_the_source_declares() {
        let shop = declared("bin/Shop.Tests.dll", SHOP).expect("an assembly");
        let collections: Vec<(&str, &str)> =
            shop.collections.iter().map(|(class, name)| (class.as_str(), name.as_str())).collect();
        let wanted = [
            ("RootTests", "Database"),
            ("Shop.Tests.DatabaseTests", "Database"),
            ("Shop.Tests.InvoiceTests", "Billing sandbox"),
            ("Shop.Tests.LabelTests", "Shop.Tests.PrinterCollection"),
            ("Shop.Tests.OrderTests", "Database"),
            ("Shop.Tests.RefundTests", "Billing sandbox"),
            ("Shop.Tests.UserTests", "Database"),
            ("Shop.Tests.UserTests+Names", "Größe €"),
        ];
        assert_eq!(collections, wanted);
        let serial: Vec<&str> = shop.serial.iter().map(String::as_str).collect();
        assert_eq!(serial, ["Billing sandbox", "Shop.Tests.PrinterCollection"]);
        assert_eq!(
            (shop.assembly.as_str(), shop.per_assembly, shop.own_factory),
            ("Shop.Tests", false, false)
        );
    }

    #[test]
    fn assembly_attributes_are_settings() {
        let shop = declared("bin/Shop.Tests.dll", SHOP).expect("an assembly").settings;
        assert_eq!(shop.threads.as_ref().map(|said| said.value), Some(Threads::Count(3)));
        assert_eq!(shop.algorithm.map(|said| said.value), Some(Algorithm::Aggressive));
        assert_eq!(shop.mode, None);
        let by = shop.threads.map(|said| said.by.to_string());
        assert_eq!(
            by.as_deref(),
            Some("[assembly: CollectionBehavior(MaxParallelThreads)] (bin/Shop.Tests.dll)")
        );
        let other = declared("o.dll", OTHER).expect("an assembly");
        assert!(other.per_assembly);
        assert_eq!(other.settings.mode.map(|said| said.value), Some(Mode::None));
        assert_eq!((other.assembly.as_str(), other.collections.len()), ("Other.Tests", 0));
    }

    #[test]
    fn what_is_no_assembly_is_an_error_and_nothing_worse() {
        assert_eq!(declared("x", b""), Err(AssemblyError::NoAssembly));
        assert_eq!(declared("x", b"MZ and more"), Err(AssemblyError::NoAssembly));
        assert_eq!(declared("x", b"\x7fELF"), Err(AssemblyError::NoAssembly));
        for length in 0..SHOP.len() {
            let _may_be_either = declared("x", &SHOP[..length]);
        }
        // Every byte once with other bits: read or refused, never a panic.
        let mut file = SHOP.to_vec();
        for at in 0..file.len() {
            file[at] ^= 0xFF;
            let _may_be_either = declared("x", &file);
            file[at] ^= 0xFF;
        }
    }
}

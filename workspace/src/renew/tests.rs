//! Using a workspace again, whatever a spec did to it.

use super::*;
use crate::copy_tree;
use crate::lay::lay_out;
use crate::manifest::{Entry, Kind};
use std::os::unix::fs::{MetadataExt, symlink};

fn file(path: &str, content: &str) -> Entry {
    let kind =
        Kind::File { digest: Digest::of(content.as_bytes()), bytes: content.len() as u64, executable: false };
    Entry { path: path.to_owned(), kind }
}

fn other(path: &str, kind: Kind) -> Entry {
    Entry { path: path.to_owned(), kind }
}

struct Bench {
    place: tempfile::TempDir,
}

impl Bench {
    fn new(contents: &[&str]) -> Bench {
        let place = tempfile::tempdir().expect("a folder");
        for content in contents {
            let name = Digest::of(content.as_bytes()).to_string();
            fs::write(place.path().join(name), content).expect("a blob");
        }
        Bench { place }
    }

    fn store(&self) -> impl Fn(&Digest) -> PathBuf {
        let place = self.place.path().to_owned();
        move |digest| place.join(digest.to_string())
    }

    fn target(&self) -> PathBuf {
        self.place.path().join("target")
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.target().join(path)).expect("a file")
    }
}

fn base() -> Vec<Entry> {
    vec![
        other("a", Kind::Folder),
        file("a/same", "same"),
        file("a/written", "old"),
        file("hidden", "hide"),
        file("mode", "same"),
        other("link", Kind::Symlink { target: "a".to_owned() }),
        other("turned", Kind::Symlink { target: "a".to_owned() }),
        other("gone", Kind::Folder),
        file("swapped", "same"),
    ]
}

#[test]
fn nothing_that_an_earlier_run_changed_is_taken_over() {
    let bench = Bench::new(&["same", "old", "hide", "new"]);
    let manifest = Manifest::new(base()).expect("a manifest");
    let stamps = lay_out(&manifest, &bench.store(), &bench.target()).expect("laid out");
    let target = bench.target();
    let inode = |path: &str| fs::metadata(target.join(path)).expect("there").ino();
    let same = inode("a/same");

    fs::write(target.join("a/written"), "evil").expect("written");
    // Written in place, with size and modification time as they were.
    let hidden = fs::File::options().write(true).open(target.join("hidden")).expect("open");
    let before = hidden.metadata().expect("there").modified().expect("a time");
    std::io::Write::write_all(&mut &hidden, b"HIDE").expect("written");
    hidden.set_times(fs::FileTimes::new().set_modified(before)).expect("set back");
    fs::set_permissions(target.join("mode"), fs::Permissions::from_mode(0o755)).expect("mode");
    fs::remove_file(target.join("turned")).expect("removed");
    symlink("/etc", target.join("turned")).expect("a link");
    fs::remove_dir(target.join("gone")).expect("removed");
    fs::remove_file(target.join("swapped")).expect("removed");
    symlink("/etc/hostname", target.join("swapped")).expect("a link");
    fs::create_dir_all(target.join("junk/deep")).expect("folders");
    fs::write(target.join("junk/deep/file"), "").expect("a file");
    fs::set_permissions(target.join("junk/deep"), fs::Permissions::from_mode(0o500)).expect("closed");
    fs::create_dir_all(target.join("kept/modules")).expect("folders");
    fs::write(target.join("kept/modules/x"), "spared").expect("a file");
    fs::write(target.join("kept/y"), "").expect("a file");
    fs::set_permissions(target.join("a"), fs::Permissions::from_mode(0o500)).expect("closed");

    let mut next = base();
    next.retain(|entry| entry.path != "a/written");
    next.push(file("a/fresh", "new"));
    let next = Manifest::new(next).expect("a manifest");
    let spare = BTreeSet::from(["kept/modules".to_owned()]);
    let (stamps, result) = renew(&next, &bench.store(), &target, &stamps, &spare).expect("renewed");
    assert_eq!(result, Renewed { kept: 2, made: 6, removed: 7 });
    assert_eq!(stamps.len(), 5);
    assert_eq!(inode("a/same"), same, "what did not change was not made again");
    assert_eq!((bench.text("hidden").as_str(), bench.text("a/fresh").as_str()), ("hide", "new"));
    assert_eq!(fs::metadata(target.join("mode")).expect("there").mode() & 0o111, 0);
    assert_eq!(fs::read_link(target.join("turned")).expect("a link"), Path::new("a"));
    assert_eq!(bench.text("swapped"), "same");
    assert!(!target.join("swapped").is_symlink() && target.join("gone").is_dir());
    assert!(
        !target.join("junk").exists()
            && !target.join("a/written").exists()
            && !target.join("kept/y").exists()
    );
    assert_eq!(bench.text("kept/modules/x"), "spared");

    let again = renew(&next, &bench.store(), &target, &stamps, &spare).expect("renewed").1;
    assert_eq!(again, Renewed { kept: 7, made: 0, removed: 0 });
    let bare = renew(&next, &bench.store(), &target, &stamps, &BTreeSet::new()).expect("renewed").1;
    assert_eq!((bare.removed, target.join("kept").exists()), (1, false));
}

#[test]
fn a_copied_tree_is_mended_from_its_source() {
    let place = tempfile::tempdir().expect("a folder");
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    fs::create_dir_all(source.join("bin")).expect("folders");
    fs::write(source.join("bin/tool"), "#!/bin/sh\n").expect("a file");
    fs::set_permissions(source.join("bin/tool"), fs::Permissions::from_mode(0o755)).expect("mode");
    fs::write(source.join("module.js"), "module").expect("a file");
    symlink("/usr/bin/env", source.join("absolute")).expect("a link");
    let stamps = copy_tree(&source, &target).expect("copied");
    assert_eq!(fs::read_link(target.join("absolute")).expect("a link"), Path::new("/usr/bin/env"));
    assert_eq!(fs::metadata(target.join("bin/tool")).expect("there").mode() & 0o100, 0o100);
    fs::write(target.join("module.js"), "changed").expect("written");
    fs::create_dir(target.join(".cache")).expect("a folder");
    let (_, result) = renew_tree(&source, &target, &stamps).expect("mended");
    assert_eq!(
        result.removed, 3,
        "what was copied a moment ago is not trusted, and there is no digest to compare"
    );
    assert_eq!(fs::read_to_string(target.join("module.js")).expect("a file"), "module");
    assert_eq!(fs::read_to_string(source.join("module.js")).expect("a file"), "module");
}

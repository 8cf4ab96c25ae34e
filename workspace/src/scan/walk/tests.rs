//! What travels, and what is refused.

use super::*;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

/// A workspace with these files; a name that ends with `/` is a folder.
fn workspace(files: &[(&str, &str)]) -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a folder");
    for (path, content) in files {
        let file = place.path().join(path);
        if path.ends_with('/') {
            fs::create_dir_all(&file).expect("a folder");
        } else {
            fs::create_dir_all(file.parent().expect("a parent")).expect("folders");
            fs::write(&file, content).expect("a file");
        }
    }
    place
}

fn paths(place: &tempfile::TempDir, options: &Options) -> Vec<String> {
    let scan = scan(place.path(), options).expect("it may travel");
    scan.found.into_iter().map(|found| found.path).collect()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn what_git_does_not_ignore_travels_with_or_without_a_repository() {
    let place = workspace(&[
        (".gitignore", "*.log\nnode_modules/\n/dist\n"),
        (".partignore", "private/\n!keep.log\n"),
        (".git/config", ""),
        ("a.log", ""),
        ("keep.log", ""),
        ("src/.gitignore", "!special.log\nx\n"),
        ("src/special.log", ""),
        ("src/main.rs", "fn main() {}"),
        ("src/x", ""),
        ("x", ""),
        ("sub/.git", "gitdir: ../.git/modules/sub"),
        ("sub/file", ""),
        ("empty/", ""),
        ("node_modules/m/index.js", ""),
        ("dist/app.js", ""),
        ("private/key", ""),
        (".env", ""),
    ]);
    let expected = [
        ".env",
        ".gitignore",
        ".partignore",
        "empty",
        "keep.log",
        "src",
        "src/.gitignore",
        "src/main.rs",
        "src/special.log",
        "sub",
        "sub/file",
        "x",
    ];
    assert_eq!(paths(&place, &Options::default()), expected);
    fs::remove_dir_all(place.path().join(".git")).expect("removed");
    assert_eq!(paths(&place, &Options::default()), expected);
}

#[test]
fn part_toml_adds_and_takes_away() {
    let place = workspace(&[
        (".gitignore", "dist/\n*.bin\nout\n"),
        ("dist/deep/app.js", ""),
        ("dist/app.map", ""),
        ("data/a.bin", ""),
        ("data/b.txt", ""),
        ("out/inner/x", ""),
        ("out/.git/config", ""),
        ("pkg/dist/y", ""),
    ]);
    let options = Options {
        include: texts(&["dist/**", "**/*.bin", "out/inner", "gone/**"]),
        exclude: texts(&["**/*.map", "data/b.txt"]),
        also: BTreeSet::from([
            "pkg/dist/y".to_owned(),
            "pkg/gone".to_owned(),
            "../x".to_owned(),
            "pkg".to_owned(),
        ]),
        ..Options::default()
    };
    assert_eq!(
        paths(&place, &options),
        [
            ".gitignore",
            "data",
            "data/a.bin",
            "dist",
            "dist/deep",
            "dist/deep/app.js",
            "out",
            "out/inner",
            "out/inner/x",
            "pkg",
            "pkg/dist",
            "pkg/dist/y"
        ]
    );
    let error = scan(place.path(), &Options { exclude: texts(&["../x"]), ..Options::default() });
    assert!(error.expect_err("no glob").to_string().contains("\"../x\" is no glob of the workspace"));
}

#[test]
fn links_and_modes_are_kept_and_nothing_is_followed() {
    let place = workspace(&[("src/run.sh", "#!/bin/sh\n"), ("dist/x", ""), (".gitignore", "dist\n")]);
    fs::set_permissions(place.path().join("src/run.sh"), fs::Permissions::from_mode(0o755)).expect("mode");
    symlink("src", place.path().join("folder-link")).expect("a link");
    symlink("../src/run.sh", place.path().join("src/link")).expect("a link");
    symlink("dist", place.path().join("out")).expect("a link");
    let options = Options {
        include: texts(&["out/**"]),
        also: BTreeSet::from(["out/x".to_owned()]),
        ..Options::default()
    };
    let scan = scan(place.path(), &options).expect("it may travel");
    let kinds: Vec<_> = scan
        .found
        .iter()
        .map(|found| match &found.kind {
            FoundKind::File { executable, .. } => format!("{} {executable}", found.path),
            FoundKind::Link { target } => format!("{} -> {target}", found.path),
            FoundKind::Folder => format!("{}/", found.path),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ".gitignore false",
            "folder-link -> src",
            "out -> dist",
            "src/",
            "src/link -> ../src/run.sh",
            "src/run.sh true"
        ]
    );
}

#[test]
fn everything_that_cannot_travel_is_named_with_its_rule() {
    let place =
        workspace(&[("a:b", ""), ("Read.me", ""), ("read.ME", ""), ("dir/nul.txt", ""), ("new\nline", "")]);
    fs::write(place.path().join(OsStr::from_bytes(b"no \xff text")), "").expect("a file");
    symlink("/etc/passwd", place.path().join("absolute")).expect("a link");
    symlink("../../x", place.path().join("dir/out")).expect("a link");
    let _socket = std::os::unix::net::UnixListener::bind(place.path().join("socket")).expect("a socket");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.path().join("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("a FIFO");
    let error = scan(place.path(), &Options::default()).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "9 names cannot be shipped:\n  \
         \"a:b\": the name has a ':', which other systems do not take\n  \
         \"absolute\": it is a link to the absolute path \"/etc/passwd\"\n  \
         \"dir/nul.txt\": \"nul.txt\" is a device on other systems\n  \
         \"dir/out\": it is a link that leads out of the workspace, to \"../../x\"\n  \
         \"fifo\": it is a FIFO\n  \
         \"new\\nline\": the name has control characters\n  \
         \"no \u{fffd} text\": the name is not UTF-8\n  \
         \"read.ME\": other systems take it for \"Read.me\", which differs only by case or composition\n  \
         \"socket\": it is a socket"
    );
    // What does not travel need not obey.
    let exclude = texts(&["a:b", "absolute", "dir", "fifo", "*line", "no*", "read.ME", "socket"]);
    let error = scan(place.path(), &Options { exclude, ..Options::default() }).expect_err("still not text");
    assert_eq!(error.to_string(), "\"no \u{fffd} text\": the name is not UTF-8");
}

#[test]
fn too_much_is_refused_and_says_where_it_is() {
    let files: Vec<(String, String)> =
        (0..30).map(|number| (format!("assets/{number}"), "x".repeat(100))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let place = workspace(&files);
    let of = |limits: Limits| {
        scan(place.path(), &Options { limits, ..Options::default() }).expect_err("too much").to_string()
    };
    let fine = Limits::default();
    assert_eq!(
        of(Limits { files: 20, ..fine }),
        "the workspace has 31 files and folders, allowed are 20: most are in assets (31 files, 2.9 KiB)"
    );
    assert!(of(Limits { files: 2, ..fine }).starts_with("the workspace has more than 9 files"));
    assert_eq!(
        of(Limits { bytes: 2000, ..fine }),
        "the workspace has 2.9 KiB, allowed are 2.0 KiB: most are in assets (31 files, 2.9 KiB)"
    );
    assert!(of(Limits { file_bytes: 99, ..fine }).contains("30 names cannot be shipped:"));
    let gone = scan(&place.path().join("gone"), &Options::default()).expect_err("not there");
    assert!(gone.to_string().starts_with("cannot look at"));
}

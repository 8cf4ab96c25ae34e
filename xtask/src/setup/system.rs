//! Packages of the system: apt on Debian and Ubuntu, brew on macOS, elsewhere a sentence that says what is missing.

use xshell::{Shell, cmd};

use super::Purpose;
use crate::failure::Failure;
use crate::project::Project;
use crate::talk;

/// Something that only the system can provide.
struct Need {
    /// As people call it.
    name: &'static str,
    /// From which purpose on it is needed.
    from: Purpose,
    /// Whether it is there.
    present: fn(&Shell) -> bool,
    /// Packages of Debian and Ubuntu.
    apt: &'static [&'static str],
    /// Packages of Homebrew.
    brew: &'static [&'static str],
    /// What happens where there is no such package; `None` where nothing can go on without it.
    otherwise: Option<&'static str>,
}

/// The newest pytest wants Python 3.10.
const PYTHON_CHECK: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// What the client of etcd is built from imports these.
const WELL_KNOWN_TYPES: &str = "google/protobuf/timestamp.proto";

const NEEDS: &[Need] = &[
    Need {
        name: "protoc with its well-known types",
        from: Purpose::Demo,
        present: |sh| on_path(sh, "protoc") && has_well_known_types(sh),
        apt: &["protobuf-compiler", "libprotobuf-dev"],
        brew: &["protobuf"],
        otherwise: None,
    },
    Need {
        name: "Python 3.10 or newer with venv",
        from: Purpose::Demo,
        present: |sh| succeeds(sh, "python3", &["-c", PYTHON_CHECK]),
        apt: &["python3", "python3-venv"],
        brew: &["python"],
        otherwise: None,
    },
    Need {
        name: "a Chromium browser",
        from: Purpose::Demo,
        present: |sh| {
            on_path(sh, "chromium-headless-shell") || on_path(sh, "chromium") || on_path(sh, "google-chrome")
        },
        apt: &["chromium-headless-shell", "chromium-sandbox", "fonts-liberation"],
        brew: &[],
        otherwise: Some("Playwright fetches its own"),
    },
    Need {
        name: "Chromium with its WebDriver",
        from: Purpose::Test,
        present: |sh| on_path(sh, "chromium") && on_path(sh, "chromedriver"),
        apt: &["chromium", "chromium-driver"],
        brew: &[],
        otherwise: Some("WebdriverIO fetches its own"),
    },
    Need {
        name: "Go",
        from: Purpose::Test,
        present: |sh| succeeds(sh, "go", &["version"]),
        apt: &["golang-go"],
        brew: &["go"],
        otherwise: None,
    },
    Need {
        name: "etcd with etcdctl",
        from: Purpose::Test,
        present: |sh| on_path(sh, "etcd") && on_path(sh, "etcdctl"),
        apt: &["etcd-server", "etcd-client"],
        brew: &["etcd"],
        otherwise: None,
    },
    Need {
        name: "the PostgreSQL server",
        from: Purpose::Test,
        present: has_postgres,
        apt: &["postgresql"],
        brew: &["postgresql"],
        otherwise: None,
    },
    Need {
        name: "ip and nft, which put hosts into networks of their own",
        from: Purpose::Test,
        present: |sh| on_system_path(sh, "ip") && on_system_path(sh, "nft"),
        apt: &["iproute2", "nftables"],
        brew: &[],
        otherwise: Some("tests that cut network connections need Linux and are left out"),
    },
];

/// Installs what is missing for this purpose, in one go.
pub(super) fn install_missing(project: &Project, purpose: Purpose) -> Result<(), Failure> {
    let sh = project.shell();
    let missing: Vec<&Need> =
        NEEDS.iter().filter(|need| need.from <= purpose && !(need.present)(sh)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if on_path(sh, "apt-get") {
        return install_with_apt(sh, &missing);
    }
    if on_path(sh, "brew") {
        return install_with_brew(sh, &missing);
    }
    refuse_or_go_on(
        &missing,
        "there is neither apt nor brew on this machine; please install it by hand, then try again",
    )
}

fn install_with_apt(sh: &Shell, missing: &[&Need]) -> Result<(), Failure> {
    let names: Vec<&str> = missing.iter().map(|need| need.name).collect();
    let Some(sudo) = way_to_be_root(sh) else {
        let packages: Vec<&str> = missing.iter().flat_map(|need| need.apt).copied().collect();
        let remedy = format!(
            "As root, please run\n  apt-get update && apt-get install -y --no-install-recommends {}\nthen try again.",
            packages.join(" ")
        );
        return refuse_or_go_on(missing, &remedy);
    };
    talk::step(format!("installing with apt: {}", names.join(", ")));
    run_quietly(sh, sudo, &["apt-get", "-qq", "update"])?;
    let (known, unknown): (Vec<&Need>, Vec<&Need>) =
        missing.iter().copied().partition(|need| need.apt.iter().all(|package| has_candidate(sh, package)));
    refuse_or_go_on(
        &unknown,
        "this system's apt has no such package; please install it by hand, then try again",
    )?;
    if known.is_empty() {
        return Ok(());
    }
    let mut install = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "install", "-y"];
    install.push("--no-install-recommends");
    install.extend(known.iter().flat_map(|need| need.apt).copied());
    run_quietly(sh, sudo, &install)
}

fn install_with_brew(sh: &Shell, missing: &[&Need]) -> Result<(), Failure> {
    let (known, unknown): (Vec<&Need>, Vec<&Need>) =
        missing.iter().copied().partition(|need| !need.brew.is_empty());
    refuse_or_go_on(&unknown, "please install it by hand, then try again")?;
    let formulas: Vec<&str> = known.iter().flat_map(|need| need.brew).copied().collect();
    if formulas.is_empty() {
        return Ok(());
    }
    talk::step(format!("installing with brew: {}", formulas.join(", ")));
    let mut install = vec!["env", "HOMEBREW_NO_AUTO_UPDATE=1", "brew", "install", "--quiet"];
    install.extend(formulas);
    run_quietly(sh, &[], &install)
}

/// Goes on without what can be done without, and says so; refuses for the rest.
fn refuse_or_go_on(missing: &[&Need], remedy: &str) -> Result<(), Failure> {
    for need in missing {
        if let Some(otherwise) = need.otherwise {
            talk::note(format!("{} is not installed: {otherwise}", need.name));
        }
    }
    let names: Vec<&str> =
        missing.iter().filter(|need| need.otherwise.is_none()).map(|need| need.name).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(Failure::with_remedy(format!("missing: {}", names.join(", ")), remedy))
}

/// The words to put before a command that needs root: none for root itself, `sudo -n` where it asks for no password.
fn way_to_be_root(sh: &Shell) -> Option<&'static [&'static str]> {
    let is_root = cmd!(sh, "id -u").quiet().read().is_ok_and(|id| id.trim() == "0");
    if is_root {
        return Some(&[]);
    }
    succeeds(sh, "sudo", &["-n", "true"]).then_some(&["sudo", "-n"])
}

/// Virtual and merely mentioned packages have no candidate.
fn has_candidate(sh: &Shell, package: &str) -> bool {
    cmd!(sh, "apt-cache policy {package}").quiet().read().is_ok_and(|policy| {
        policy.lines().any(|line| line.trim().starts_with("Candidate:") && !line.contains("(none)"))
    })
}

fn succeeds(sh: &Shell, program: &str, arguments: &[&str]) -> bool {
    cmd!(sh, "{program} {arguments...}")
        .quiet()
        .ignore_status()
        .output()
        .is_ok_and(|output| output.status.success())
}

/// They lie beside protoc: `../include`, or where its package puts them.
fn has_well_known_types(sh: &Shell) -> bool {
    let beside = sh.var_os("PATH").into_iter().flat_map(|path| {
        let folders = std::env::split_paths(&path).filter(|folder| folder.join("protoc").is_file());
        folders
            .filter_map(|folder| Some(folder.canonicalize().ok()?.parent()?.join("include")))
            .collect::<Vec<_>>()
    });
    let given = sh.var_os("PROTOC_INCLUDE").map(std::path::PathBuf::from);
    beside.chain(given).any(|include| include.join(WELL_KNOWN_TYPES).is_file())
}

/// Debian keeps the server's programs in a folder of their version, off the path.
fn has_postgres(sh: &Shell) -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders = versions.map(|version| version.path().join("bin"));
    on_path(sh, "postgres") || folders.any(|folder| folder.join("postgres").is_file())
}

/// Programs for administrators are not on everybody's path.
fn on_system_path(sh: &Shell, program: &str) -> bool {
    let folders = ["/usr/sbin", "/sbin"];
    on_path(sh, program) || folders.iter().any(|folder| std::path::Path::new(folder).join(program).is_file())
}

fn on_path(sh: &Shell, program: &str) -> bool {
    sh.var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Shows the output only if the command fails: package managers talk a lot.
pub(super) fn run_quietly(sh: &Shell, before: &[&str], command: &[&str]) -> Result<(), Failure> {
    let words: Vec<&str> = before.iter().chain(command).copied().collect();
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let output = cmd!(sh, "{program} {arguments...}").quiet().ignore_status().output()?;
    if output.status.success() {
        return Ok(());
    }
    eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(Failure::new(format!("`{}` failed ({})", words.join(" "), output.status)))
}

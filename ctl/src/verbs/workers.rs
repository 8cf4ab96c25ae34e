//! `partctl workers`.

use crate::app::App;
use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::mesh::{Mesh, Place, Role};
use crate::out::Format;
use crate::render::json::{HostLine, Line, WorkerLine};
use crate::text::{Palette, clean, count, elapsed};
use crate::view::short_id;
use part_core::{Millis, Timestamp};
use part_proto::v1::{LinkState, ListWorkersRequest, StatusRequest, StatusResponse, WorkerInfo};

/// Lists workers. Without a daemon it shows what a local mesh would have: this machine.
pub(super) async fn run(app: &mut App) -> Result<Exit, CliError> {
    let place = app.global.place();
    let role = match &place {
        Place::Local { .. } => Role::Worker { slots: None, extra_slots: None },
        Place::Server { .. } => Role::Viewer,
    };
    let mesh = Mesh::open(&place, role).await?;
    let listed = mesh.clients().mesh().list_workers(ListWorkersRequest {}).await;
    let listed = listed.map_err(|status| mesh.clients().error("list workers", &status));
    let status = mesh.clients().mesh().status(StatusRequest {}).await;
    let status = status.map_err(|status| mesh.clients().error("ask for the mesh", &status));
    mesh.close(false).await;
    let workers = listed?.into_inner().workers;
    let status = status?.into_inner();
    match app.out.format() {
        Format::Json => {
            status.hosts.iter().for_each(|host| app.out.json(&Line::new("host", HostLine::from(host))));
            workers.iter().for_each(|worker| app.out.json(&Line::new("worker", WorkerLine::from(worker))));
        }
        Format::Human if workers.is_empty() => app.out.talk("There is no worker.\n"),
        Format::Human => {
            let now = clock::now();
            let palette = app.out.palette();
            let text: String = workers.iter().map(|worker| text(worker, now, palette)).collect();
            app.out.data(&(daemons(&status, palette) + &text));
        }
    }
    Ok(Exit::Passed)
}

/// The daemons, where there are several, and what is wrong with the picture.
fn daemons(status: &StatusResponse, palette: Palette) -> String {
    let clean = |text: &str| clean::line(text, palette.into());
    let mut text = String::new();
    if !status.degraded.is_empty() {
        text.push_str(&format!("{} {}\n", palette.warn("degraded:"), clean(&status.degraded)));
    }
    if status.hosts.len() > 1 {
        for host in &status.hosts {
            let role = if host.leader { palette.pass("leads") } else { palette.dim("follows") };
            let draining = if host.draining { "  shutting down" } else { "" };
            let (name, address) = (palette.name(&clean(&host.name)), clean(&host.address));
            text.push_str(&format!("daemon {name}  {role}  {address}  {}{draining}\n", clean(&host.version)));
        }
    }
    text
}

fn text(worker: &WorkerInfo, now: Timestamp, palette: Palette) -> String {
    let clean = |text: &str| clean::line(text, palette.into());
    let busy = worker.slots.iter().filter(|slot| !slot.run.is_empty()).count();
    let usual = (worker.slots.len() as u64).saturating_sub(u64::from(worker.extra_slots));
    let mut text = format!("{}  {}", palette.name(&clean(&worker.worker)), state(worker, palette));
    if worker.host != worker.worker {
        text.push_str(&format!("  on {}", clean(&worker.host)));
    }
    text.push_str(&format!("  {busy} of {} busy", count(usual, "slot")));
    if worker.extra_slots > 0 {
        text.push_str(&format!(", {} beyond", worker.extra_slots));
    }
    if worker.cpus > 0 {
        text.push_str(&format!(", {}", count(worker.cpus, "CPU")));
    }
    // Less is noise.
    if worker.slowness >= 1.1 {
        text.push_str(&format!("  specs take {:.1}x as long as usual", worker.slowness));
    }
    text.push('\n');
    if !worker.scarce.is_empty() {
        text.push_str(&format!("    extra slots rest: {}\n", clean(&worker.scarce)));
    }
    if !worker.idle_because.is_empty() {
        text.push_str(&format!("    idle: {}\n", clean(&worker.idle_because)));
    }
    for slot in worker.slots.iter().filter(|slot| !slot.run.is_empty()) {
        text.push_str(&format!(
            "    slot {}  {}  {}  {}  {}, try {}\n",
            slot.slot,
            elapsed(now.since(Timestamp(slot.since))),
            short_id(&slot.run),
            clean(&slot.group),
            clean(&slot.spec),
            slot.attempt,
        ));
    }
    let mut capabilities: Vec<String> = worker
        .capabilities
        .iter()
        .map(|(key, value)| if value.is_empty() { clean(key) } else { clean(&format!("{key}={value}")) })
        .collect();
    capabilities.sort();
    for capability in capabilities {
        text.push_str(&format!("    {}\n", palette.dim(&capability)));
    }
    text
}

fn state(worker: &WorkerInfo, palette: Palette) -> String {
    let silent = elapsed(Millis(worker.silent_ms));
    let held = worker.draining || !worker.drained_by.is_empty();
    let sick = !worker.problem.is_empty() || !worker.cordoned.is_empty();
    match (worker.link(), held) {
        (LinkState::Present, true) => palette.warn("draining"),
        (LinkState::Present, false) if sick => palette.warn("gets no work"),
        (LinkState::Present, false) => palette.pass("here"),
        (LinkState::Suspect, _) => palette.warn(&format!("silent for {silent}")),
        (LinkState::Absent, _) => palette.fail(&format!("gone for {silent}")),
        (LinkState::Unspecified, _) => palette.warn("in a state that this partctl does not know"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_proto::v1::SlotInfo;

    #[test]
    fn a_worker_is_shown_with_what_it_runs() {
        let worker = WorkerInfo {
            worker: "desk".into(),
            host: "desk.example".into(),
            link: LinkState::Present.into(),
            capabilities: [("os", "linux"), ("label.gpu", ""), ("browser.chromium", "120.0")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            slots: vec![
                SlotInfo {
                    slot: 0,
                    run: part_core::RunId(3 << 64 | 3).to_string(),
                    group: "package/admin".into(),
                    spec: "e2e/orders.spec.js".into(),
                    attempt: 2,
                    since: 95_000,
                },
                SlotInfo { slot: 1, ..SlotInfo::default() },
            ],
            idle_because: "it is draining".into(),
            draining: true,
            ..WorkerInfo::default()
        };
        insta::assert_snapshot!(text(&worker, Timestamp(100_000), Palette::PLAIN));
        let slow = WorkerInfo { extra_slots: 1, cpus: 8, slowness: 1.31, scarce: "memory".into(), ..worker };
        let shown = text(&slow, Timestamp(100_000), Palette::PLAIN);
        let head = "desk  draining  on desk.example  1 of 1 slot busy, 1 beyond, 8 CPUs  specs take 1.3x as long as usual";
        assert_eq!(shown.lines().take(2).collect::<Vec<_>>(), [head, "    extra slots rest: memory"]);
    }
}

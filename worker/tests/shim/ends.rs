//! How attempts end: by themselves, by signals, by limits, by order.

use std::path::Path;
use std::time::Duration;

use part_worker::shim::{
    Limits, MainEnd, Mode, Outcome, RunOrder, ShimHandle, StopCause, StopMode, read_record,
};

use crate::support::{
    Checked, Place, assert_clean, exe, in_time, long_sleep, marked, run_all, text, until_said,
};

#[tokio::test]
async fn exit_codes_and_signals_are_told_apart() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let cases = [
        ("exit 0", Outcome::Exited { code: 0 }),
        ("exit 7", Outcome::Exited { code: 7 }),
        ("exit 255", Outcome::Exited { code: 255 }),
        // A shell's word for "died of signal 15" is still an exit code.
        ("exit 143", Outcome::Exited { code: 143 }),
        // Neither blocked nor ignored signals are handed on.
        ("kill -TERM $$", Outcome::Signaled { signal: 15 }),
        ("kill -INT $$", Outcome::Signaled { signal: 2 }),
        ("kill -HUP $$", Outcome::Signaled { signal: 1 }),
        ("kill -QUIT $$", Outcome::Signaled { signal: 3 }),
        ("kill -PIPE $$", Outcome::Signaled { signal: 13 }),
        ("kill -KILL $$", Outcome::Signaled { signal: 9 }),
        ("kill -SEGV $$", Outcome::Signaled { signal: 11 }),
    ];
    for (script, outcome) in cases {
        let order = place.script(script);
        let dir = order.attempt_dir.clone();
        let record = in_time(shim.run(order)).await??;
        assert_eq!(record.outcome, outcome, "{script}");
        assert_eq!(read_record(&dir)?.as_ref(), Some(&*record), "{script}");
        assert!(record.wall_ms <= record.ended_at_ms - record.started_at_ms + 1000);
        assert!(record.usage.max_rss_bytes > 100_000);
    }
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn a_spec_starts_from_a_clean_slate() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let mut greeting =
        place.script("echo \"$GREETING in $PWD\"; cat; env | cut -d= -f1 | sort | tr '\\n' ' '");
    greeting.env.insert("GREETING".into(), "hello".into());
    let records =
        run_all(&shim, vec![greeting, place.command(["grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"])])
            .await?;
    let first = text(&records[0])?;
    let cwd = std::fs::canonicalize(place.path())?;
    assert!(
        first.starts_with(&format!("hello in {}", place.path().display()))
            || first.starts_with(&format!("hello in {}", cwd.display())),
        "{first}"
    );
    assert!(first.ends_with("GREETING PART_SHIM_TAG PATH PWD "), "standard input is empty: {first}");
    // The C library has every process that it spawns ignore its two internal signals, 32 and 33.
    let internal = 0b11 << 31;
    for line in text(&records[1])?.lines() {
        let (_, mask) = line.split_once(":\t").ok_or("odd status")?;
        assert_eq!(u64::from_str_radix(mask, 16)? & !internal, 0, "{line}");
    }
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn a_daemons_files_are_not_handed_on() -> Checked {
    let place = Place::new()?;
    let verb = ["-c", "exec \"$0\" shim \"$@\" 9</dev/null", exe()].map(Into::into);
    for (mode, handed_on) in [(Mode::Detached, false), (Mode::Tied, true)] {
        let shim = ShimHandle::launch(Path::new("/bin/sh"), &verb, &place.shim_dir(), mode).await?;
        let record = in_time(shim.run(place.command(["ls", "/proc/self/fd"]))).await??;
        let listed = text(&record)?;
        assert_eq!(listed.lines().any(|number| number == "9"), handed_on, "{mode:?}: {listed}");
        shim.exit().await?;
    }
    Ok(())
}

fn limited(mut order: RunOrder, limits: Limits) -> RunOrder {
    order.limits = limits;
    order
}

#[tokio::test]
async fn the_time_limit_ends_the_whole_tree() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let sleep = long_sleep();
    let limits = Limits { timeout_ms: Some(150), grace_ms: 20_000, ..Limits::default() };
    let order = limited(place.script(&format!("sleep {sleep} & sleep {sleep}")), limits);
    let record = in_time(shim.run(order)).await??;
    assert_eq!(record.outcome, Outcome::TimedOut { after_ms: 150 });
    assert_eq!(record.main_end, Some(MainEnd::Signaled { signal: 15 }));
    assert!(record.wall_ms >= 150 && record.wall_ms < 15_000, "{}", record.wall_ms);
    assert_eq!(marked(&sleep), []);
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn silence_ends_an_attempt_and_output_keeps_it_going() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let limits = Limits { idle_timeout_ms: Some(1000), ..Limits::default() };
    // Longer than the limit in all, and each stream for itself nearly so.
    let chatty = "for i in 1 2 3 4; do echo $i; sleep 0.15; echo $i >&2; sleep 0.15; done";
    let mut chatty = limited(place.script(chatty), limits);
    chatty.stdout_file = Some("report".into());
    let silent = limited(place.script("echo once; sleep 1000"), limits);
    let records = run_all(&shim, vec![chatty, silent]).await?;
    assert_clean(&records[0], 0);
    assert!(records[0].wall_ms > 1000);
    assert_eq!(records[1].outcome, Outcome::Idle { after_ms: 1000 });
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn a_graceful_stop_lets_a_spec_tidy_up() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    // Counted, because many programs take a second SIGTERM for "now!".
    let script = "n=0; trap 'n=$((n+1))' TERM; echo ready; sleep 1000 & \
                  while [ $n = 0 ]; do wait; done; sleep 0.2; echo \"tidy after $n\"; exit 5";
    let order = place.script(script);
    let attempt = order.attempt.clone();
    shim.start(order).await?;
    until_said(&shim, &attempt, "ready").await?;
    assert!(shim.stop(&attempt, StopMode::Graceful).await?);
    let record = in_time(shim.finished(&attempt)).await??;
    assert_eq!(text(&record)?, "ready\ntidy after 1\n");
    assert_eq!(record.main_end, Some(MainEnd::Exited { code: 5 }));
    let stopped = Outcome::Stopped { mode: StopMode::Graceful, cause: StopCause::Asked };
    assert_eq!(record.outcome, stopped);
    assert!(!shim.stop(&attempt, StopMode::Kill).await?, "there is nothing left to stop");
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn who_ignores_a_stop_is_killed() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let sleep = long_sleep();
    let stubborn = format!("trap '' TERM; echo ready; while :; do sleep {sleep}; done");
    let mut patient = place.script(&stubborn);
    patient.limits.grace_ms = 100;
    let first = patient.attempt.clone();
    shim.start(patient).await?;
    until_said(&shim, &first, "ready").await?;
    assert!(shim.stop(&first, StopMode::Graceful).await?);
    let record = in_time(shim.finished(&first)).await??;
    assert_eq!(record.main_end, Some(MainEnd::Signaled { signal: 9 }));
    let stopped = |mode| Outcome::Stopped { mode, cause: StopCause::Asked };
    assert_eq!(record.outcome, stopped(StopMode::Graceful));
    // Here the grace is far too long to wait for; a kill cuts it short.
    let order = place.script(&stubborn);
    let second = order.attempt.clone();
    shim.start(order).await?;
    until_said(&shim, &second, "ready").await?;
    assert!(shim.stop(&second, StopMode::Graceful).await?);
    let status = shim.status().await?;
    assert!(status.running.is_some_and(|running| running.ending && running.attempt == second));
    assert!(shim.stop(&second, StopMode::Kill).await?);
    let record = in_time(shim.finished(&second)).await??;
    assert_eq!(record.outcome, stopped(StopMode::Kill));
    assert!(Duration::from_millis(record.wall_ms) < Duration::from_secs(19));
    assert_eq!(marked(&sleep), []);
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn a_stopped_process_still_ends() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let order = place.script("echo ready; kill -STOP $$; sleep 1000");
    let attempt = order.attempt.clone();
    shim.start(order).await?;
    until_said(&shim, &attempt, "ready").await?;
    assert!(shim.stop(&attempt, StopMode::Graceful).await?);
    let record = in_time(shim.finished(&attempt)).await??;
    assert_eq!(record.main_end, Some(MainEnd::Signaled { signal: 15 }));
    Ok(shim.exit().await?)
}

//! Orders that cannot be followed, and what is said about it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use part_worker::shim::{MAX_LINE_BYTES, Mode, Outcome, RunOrder, ShimError, StopMode, read_record};

use crate::support::{Checked, Place, assert_clean, in_time};

#[tokio::test]
async fn a_program_that_cannot_start_is_a_record_with_a_reason() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let file = |name: &str, content: &str, mode: u32| {
        let path = place.path().join(name);
        fs::write(&path, content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        std::io::Result::Ok(path)
    };
    let plain = file("plain", "no program", 0o644)?;
    let headless = file("headless", "no first line\n", 0o755)?;
    let orphaned = file("orphaned", "#!/nonexistent/interpreter\n", 0o755)?;
    let in_dir = |cwd: &str| RunOrder { cwd: place.path().join(cwd), ..place.script("exit 0") };
    let cases = [
        (place.command(["no-such-program"]), "program no-such-program was not found in PATH (/"),
        (place.command(["/no/such/program"]), "program /no/such/program does not exist"),
        (place.command([&plain]), "Permission denied"),
        (place.command([place.path()]), "cannot be started"),
        (place.command([&headless]), "nor has a #! line"),
        (place.command([&orphaned]), "interpreter named in its first line does not exist"),
        (place.command([""]), "name of the program is empty"),
        (place.command([] as [&str; 0]), "command is empty"),
        (in_dir("missing"), "missing: No such file or directory"),
        (in_dir("plain"), "plain is not a folder"),
    ];
    for (order, part) in cases {
        let (attempt, dir, argv) = (order.attempt.clone(), order.attempt_dir.clone(), order.argv.clone());
        let started = shim.start(order).await?;
        assert_eq!(started.pid, None, "{argv:?}");
        let record = in_time(shim.finished(&attempt)).await??;
        let Outcome::SpawnFailed { message } = &record.outcome else {
            return Err(format!("{argv:?}: {record:?}").into());
        };
        assert!(message.contains(part), "{argv:?}: {message}");
        assert_eq!(read_record(&dir)?.as_ref(), Some(&*record));
    }
    assert_clean(&*in_time(shim.run(place.script("exit 0"))).await??, 0);
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn programs_are_found_as_a_shell_would() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    fs::create_dir_all(place.path().join("bin"))?;
    for (name, code) in [("bin/tool", 21), ("here", 22)] {
        let path = place.path().join(name);
        fs::write(&path, format!("#!/bin/sh\nexit {code}\n"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    let with_path = |program: &str, path: &str| {
        let mut order = place.command([program]);
        order.env.insert("PATH".into(), path.into());
        order
    };
    let absolute = place.path().join("bin");
    let absolute = absolute.to_string_lossy();
    let cases = [
        (with_path("tool", &format!("/nonexistent:{absolute}:/bin")), 21),
        (with_path("tool", "bin"), 21),
        (with_path("./here", "/nonexistent"), 22),
        (with_path("bin/tool", ""), 21),
    ];
    for (order, code) in cases {
        assert_clean(&*in_time(shim.run(order)).await??, code);
    }
    let mut no_path = place.command(["sh", "-c", "exit 23"]);
    no_path.env.clear();
    assert_clean(&*in_time(shim.run(no_path)).await??, 23);
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn impossible_orders_are_refused() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let reason = async |order: RunOrder| match shim.start(order).await {
        Err(ShimError::Refused { reason, .. }) => reason,
        other => format!("{other:?}"),
    };
    let good = place.script("exit 0");
    assert_clean(&*in_time(shim.run(good.clone())).await??, 0);
    assert!(reason(good.clone()).await.contains("File exists"), "an attempt's folder is used once");
    let order = RunOrder { attempt: String::new(), ..place.script("exit 0") };
    assert!(reason(order).await.contains("no name"));
    let order = RunOrder { cwd: "relative".into(), ..place.script("exit 0") };
    assert!(reason(order).await.contains("working folder relative is not absolute"));
    let order = RunOrder { attempt_dir: "relative".into(), ..place.script("exit 0") };
    assert!(reason(order).await.contains("attempt folder relative is not absolute"));
    let mut large = place.script("exit 0");
    large.env.insert("LARGE".into(), "x".repeat(MAX_LINE_BYTES).into());
    assert!(matches!(shim.start(large).await, Err(ShimError::OrderTooLarge { .. })));
    let running = place.script("sleep 1000");
    let attempt = running.attempt.clone();
    shim.start(running).await?;
    assert_eq!(reason(place.script("exit 0")).await, format!("attempt {attempt} is running"));
    assert!(!shim.stop("another", StopMode::Kill).await?);
    assert!(shim.stop(&attempt, StopMode::Kill).await?);
    in_time(shim.finished(&attempt)).await??;
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn a_large_order_that_fits_is_taken() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let mut order = place.script("exit ${#LARGE}");
    for number in 0..10 {
        order.env.insert(format!("FILLER{number}").into(), "x".repeat(80_000).into());
    }
    order.env.insert("LARGE".into(), "seven!!".into());
    assert_clean(&*in_time(shim.run(order)).await??, 7);
    Ok(shim.exit().await?)
}

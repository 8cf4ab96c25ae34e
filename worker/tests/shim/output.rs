//! What becomes of output.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;

use part_worker::shim::{Limits, Mode, read_record};

use crate::support::{Checked, Place, assert_clean, in_time, output, run_all, text, until_said};

#[tokio::test]
async fn both_streams_keep_their_order() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let script = "i=0; while [ $i -lt 200 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done";
    let record = in_time(shim.run(place.script(script))).await??;
    assert_clean(&record, 0);
    let expected: String = (0..200).map(|i| format!("out{i}\nerr{i}\n")).collect();
    assert_eq!(text(&record)?, expected);
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn bytes_that_are_no_text_survive_everywhere() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let odd = OsString::from_vec(b"a\xff\xfe b\x80".to_vec());
    let mut order = place.script("printf '%s|%s|' \"$1\" \"$ODD\"; pwd; printf '\\377\\000\\200'");
    order.argv.extend(["sh".into(), odd.clone()]);
    order.env.insert("ODD".into(), odd.clone());
    order.cwd = place.path().join(&odd);
    order.attempt_dir = order.cwd.join("attempt");
    order.stdout_file = Some(odd.clone().into());
    fs::create_dir(&order.cwd)?;
    let (cwd, dir) = (order.cwd.clone(), order.attempt_dir.clone());
    let record = in_time(shim.run(order)).await??;
    assert_clean(&record, 0);
    let mut expected = [odd.as_encoded_bytes(), b"|", odd.as_encoded_bytes(), b"|"].concat();
    expected.extend_from_slice(cwd.as_os_str().as_encoded_bytes());
    expected.extend_from_slice(b"\n\xff\x00\x80");
    assert_eq!(output(&record)?, expected);
    assert_eq!(fs::read(dir.join(&odd))?, expected);
    assert_eq!(read_record(&dir)?.as_ref(), Some(&*record));
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn a_flood_keeps_head_and_tail() -> Checked {
    const TOTAL: u64 = 64 << 20;
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let mut order =
        place.script(&format!("echo first; yes 0123456789abcde | head -c {}; echo last", TOTAL - 11));
    order.limits = Limits { output_head_bytes: 100_000, output_tail_bytes: 50_000, ..Limits::default() };
    let dir = order.attempt_dir.clone();
    let record = in_time(shim.run(order)).await??;
    assert_clean(&record, 0);
    assert_eq!(record.output.total_bytes, TOTAL);
    assert_eq!((record.output.kept_head, record.output.kept_tail), (100_000, 50_000));
    assert_eq!(record.output.dropped_bytes, TOTAL - 150_000);
    let text = text(&record)?;
    let marker = format!("\n[part: {} bytes of output dropped here]\n", TOTAL - 150_000);
    assert!(text.starts_with("first\n0123456789abcde\n") && text.ends_with("last\n"));
    assert_eq!(text.find(&marker), Some(100_000));
    assert_eq!(text.len(), 150_000 + marker.len());
    let mut names: Vec<_> = fs::read_dir(dir)?.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, ["exit.json", "output"]);
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn standard_output_can_be_kept_apart() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let mut whole = place.script("echo noise >&2; echo '{\"report\":1}'");
    whole.stdout_file = Some("reports/out.json".into());
    let mut cut = place.script("echo noise >&2; yes | head -c 1000000");
    cut.stdout_file = Some("out".into());
    cut.limits.stdout_file_bytes = 1000;
    let records = run_all(&shim, vec![whole, cut]).await?;
    let whole = records[0].stdout.as_ref().ok_or("no stdout record")?;
    assert_eq!(fs::read_to_string(&whole.file)?, "{\"report\":1}\n");
    assert!(!whole.truncated && whole.file.ends_with("reports/out.json"));
    let both = text(&records[0])?;
    assert!(both.contains("noise\n") && both.contains("{\"report\":1}\n"), "{both}");
    let cut = records[1].stdout.as_ref().ok_or("no stdout record")?;
    assert_eq!((cut.total_bytes, cut.kept_bytes, cut.truncated), (1_000_000, 1000, true));
    assert_eq!(fs::metadata(&cut.file)?.len(), 1000);
    assert_eq!(records[1].output.total_bytes, 1_000_006);
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn running_output_can_be_followed() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let go = place.path().join("go");
    let mut order = place.script(&format!(
        "echo one; until [ -e {0} ]; do sleep 0.01; done; yes two | head -c 100000; echo three; sleep 1000",
        go.display()
    ));
    order.limits.output_head_bytes = 10;
    order.limits.output_tail_bytes = 20;
    let attempt = order.attempt.clone();
    shim.start(order).await?;
    until_said(&shim, &attempt, "one\n").await?;
    let nothing_yet = shim.tail(&attempt, 4, 100).await?;
    assert_eq!((nothing_yet.offset, nothing_yet.data.len(), nothing_yet.total_bytes), (4, 0, 4));
    fs::write(go, "")?;
    let (mut from, mut gap, mut seen) = (4, 0, Vec::new());
    while !seen.ends_with(b"three\n") {
        let chunk = in_time(shim.tail(&attempt, from, 7)).await??;
        gap += chunk.offset - from;
        from = chunk.offset + chunk.data.len() as u64;
        seen.extend_from_slice(&chunk.data);
    }
    assert_eq!(from, 4 + 100_000 + 6);
    assert!(gap > 0, "the head is far too small to hold it");
    assert_eq!(seen.len() as u64 + gap, from - 4);
    shim.stop(&attempt, part_worker::shim::StopMode::Kill).await?;
    in_time(shim.finished(&attempt)).await??;
    assert!(shim.tail(&attempt, 0, 1).await.is_err(), "an ended attempt has a file");
    Ok(shim.exit().await?)
}

//! A slot's shim is used again and again, and costs little.

use std::time::Instant;

use part_worker::shim::Mode;

use crate::support::{Checked, Place, assert_clean, in_time};

#[tokio::test]
async fn two_hundred_attempts_on_one_slot() -> Checked {
    const ATTEMPTS: u32 = 200;
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let open_files =
        || Ok::<_, std::io::Error>(std::fs::read_dir(format!("/proc/{}/fd", shim.info().pid))?.count());
    in_time(shim.run(place.command(["true"]))).await??;
    let before = open_files()?;
    let began = Instant::now();
    for _ in 0..ATTEMPTS {
        let record = in_time(shim.run(place.command(["true"]))).await??;
        assert_clean(&record, 0);
    }
    let each = began.elapsed() / ATTEMPTS;
    eprintln!("{each:?} for an attempt that runs `true`");
    assert_eq!(open_files()?, before, "nothing piles up");
    Ok(shim.exit().await?)
}

//! What every test here begins with.

use part_e2e::{Base, Net, Programs, Trouble, is_skipping};

/// Plays a test with a folder and a wire of its own, unless this machine cannot.
#[track_caller]
pub(crate) fn play(test: impl FnOnce(&Programs, &Base, &mut Net) -> Result<(), Trouble>) {
    let programs = match Programs::find() {
        Ok(programs) => programs,
        Err(missing) if is_skipping() => return eprintln!("passed over: {missing}"),
        Err(missing) => panic!("{missing}"),
    };
    let played = || {
        let base = Base::new(&programs.agent)?;
        let mut net = Net::new(&programs, &base)?;
        test(&programs, &base, &mut net)
    };
    if let Err(trouble) = played() {
        panic!("{trouble}");
    }
}

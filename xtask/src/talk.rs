//! What the program says about its own doing: on standard error, one line for each step.

/// Announces a step that takes a while or changes something.
pub(crate) fn step(text: impl AsRef<str>) {
    eprintln!("==> {}", text.as_ref());
}

/// Says something that the reader may want to know but need not act on.
pub(crate) fn note(text: impl AsRef<str>) {
    eprintln!("    {}", text.as_ref());
}

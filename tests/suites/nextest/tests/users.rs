//! One more binary.

#[test]
fn create() {}

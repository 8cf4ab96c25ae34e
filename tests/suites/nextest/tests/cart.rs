//! Can be emptied.
#![cfg(not(suite_empty))]

#[test]
fn starts_empty() {
    assert_eq!(Vec::<u8>::new().len(), 0);
}

#[test]
#[should_panic(expected = "no goods")]
fn panics_without_goods() {
    panic!("no goods");
}

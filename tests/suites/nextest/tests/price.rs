//! Many tests from one macro, and one that fails on demand.

macro_rules! rates {
    ($($country:ident = $percent:literal),*) => {
        mod rates {
            $(#[test] fn $country() { assert!(suite_nextest::gross(100, $percent) > 100); })*
        }
    };
}

rates!(de = 19, fr = 20, lu = 17);

#[test]
fn the_switch() {
    println!("the switch is {:?}", std::env::var_os("SUITE_FAIL"));
    assert!(std::env::var_os("SUITE_FAIL").is_none(), "SUITE_FAIL is set");
}

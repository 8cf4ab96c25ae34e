//! Lets `SUITE_EMPTY=1` build a test binary without tests.

fn main() {
    println!("cargo:rerun-if-env-changed=SUITE_EMPTY");
    if std::env::var_os("SUITE_EMPTY").is_some() {
        println!("cargo:rustc-cfg=suite_empty");
    }
}

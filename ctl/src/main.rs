//! Entry point.

fn main() -> std::process::ExitCode {
    partctl::main()
}

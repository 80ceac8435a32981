//! The `fickgate` binary: argv in, exit code out.

use std::panic;
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = fickgate::cli::Cli::parse_from(fickgate::cli::ordered(std::env::args_os()));
    // A panic in one file is caught there and reported with the file's name.
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        panic::set_hook(Box::new(|_| {}));
    }
    fickgate::run(&cli).into()
}

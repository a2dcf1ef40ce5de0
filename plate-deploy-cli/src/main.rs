//! The `plate-deploy` command: parses arguments, calls the library, renders what comes back.

mod args;
mod codes;
mod command_error;
mod commands;
mod language;
mod output;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    output::init(&cli.global);
    match commands::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => error.print(),
    }
}

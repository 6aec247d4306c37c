//! The program: `millpond serve` and its tools.

mod cli;
mod credentials;
mod data;
mod demo;
mod lab;
mod logs;
mod matrix;
mod pond;
mod serve;
mod services;
mod settings;
mod zones;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("millpond: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve(flags) => serve::serve(flags),
        Command::Demo(flags) => demo::demo(flags),
        Command::Credentials(folder) => credentials::print(&folder),
        Command::Clock { command, folder } => lab::clock(command, &folder),
        Command::Reset(folder) => lab::reset(&folder),
        Command::Services { format } => {
            print!("{}", matrix::render(format));
            Ok(())
        }
    }
}

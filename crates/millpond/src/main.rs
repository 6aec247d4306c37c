//! The program: `millpond serve` and its tools.

mod admin;
mod cli;
mod client;
mod credentials;
mod data;
mod demo;
mod lab;
mod logs;
mod matrix;
mod pond;
mod root_key;
mod serve;
mod services;
mod settings;
mod tls;
mod tools;
mod zones;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("millpond: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whatever is answered without an error is a success, but for a question whose answer is no.
fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(flags) => serve::serve(flags)?,
        Command::Demo(flags) => demo::demo(flags)?,
        Command::Account { command, folder } => tools::account::account(command, &folder)?,
        Command::Can { question, folder } => {
            let allowed = tools::can::can(&question, &folder)?;
            return Ok(if allowed { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Credentials(folder) => credentials::print(&folder)?,
        Command::Clock { command, folder } => lab::clock(command, &folder)?,
        Command::Keys { command, folder } => tools::keys::keys(command, &folder)?,
        Command::Reset(folder) => lab::reset(&folder)?,
        Command::Services { format } => print!("{}", matrix::render(format)),
        Command::Whoami(folder) => tools::whoami::whoami(&folder)?,
    }
    Ok(ExitCode::SUCCESS)
}

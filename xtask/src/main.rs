//! Developer tasks, run as `cargo xtask TASK`.

mod api;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tasks of Millpond")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes the services' wire types (`src/api/`) from AWS's published models and each service's `api.toml`
    Api(api::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Api(arguments) => api::run(&arguments),
    }
}

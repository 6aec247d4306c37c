//! The command line, as typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use millpond_core::AccountId;

use crate::demo::DemoFlags;

/// AWS data and ML services that really work, in one program.
#[derive(Debug, Parser)]
#[command(name = "millpond", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve AWS's APIs on one port
    Serve(ServeFlags),
    /// See the main job done: a live stream becomes a lake that answers SQL, on real data
    Demo(DemoFlags),
    /// Print the root user's access key as `export` lines
    Credentials(Folder),
    /// Make and list the accounts of a running pond
    Account {
        #[command(subcommand)]
        command: AccountCommand,
        #[command(flatten)]
        folder: Folder,
    },
    /// Say whether somebody may do something, and which policy decides; the exit status is 0 for yes and 1 for no
    Can {
        #[command(flatten)]
        question: Question,
        #[command(flatten)]
        folder: Folder,
    },
    /// Make access keys for users of a running pond
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
        #[command(flatten)]
        folder: Folder,
    },
    /// Say whose the credentials in the environment are
    Whoami(Folder),
    /// Show or turn the clock of a running lab
    Clock {
        #[command(subcommand)]
        command: ClockCommand,
        #[command(flatten)]
        folder: Folder,
    },
    /// Empty a running lab; its credentials stay
    Reset(Folder),
    /// List what is implemented
    Services {
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

/// Every flag is also a setting, in the environment as MILLPOND_NAME and in millpond.toml.
#[derive(Debug, Default, Args)]
pub struct ServeFlags {
    /// Settings file; without this flag, millpond.toml in the current folder, where there is one
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:4566]
    #[arg(long)]
    pub listen: Option<String>,
    /// Folder that holds everything [default: ./millpond-data]
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// The account that a new data folder is made for [default: 000000000000]
    #[arg(long)]
    pub account: Option<String>,
    /// The file with the encryption key, kept elsewhere than in the data folder
    #[arg(long, value_name = "FILE")]
    pub root_key_file: Option<PathBuf>,
    /// A command, for `sh -c`, that prints the encryption key
    #[arg(long, value_name = "COMMAND")]
    pub root_key_command: Option<String>,
    /// Speak TLS with the certificate (and those that vouch for it) in this file
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Speak TLS with a certificate that the pond makes for this machine, in its data folder
    #[arg(long)]
    pub tls_self_signed: bool,
    /// Take any credentials, on loopback only
    #[arg(long)]
    pub open: bool,
    /// Let the clock be turned and the pond be emptied, from this machine
    #[arg(long)]
    pub lab: bool,
    /// How log lines look [default: text]
    #[arg(long, value_enum)]
    pub log_format: Option<LogFormat>,
    /// What is logged, as in `info` or `warn,millpond=debug` [default: info]
    #[arg(long)]
    pub log: Option<String>,
}

#[derive(Debug, Args)]
pub struct Folder {
    /// The pond's data folder [default: MILLPOND_DATA, else ./millpond-data]
    #[arg(long, global = true)]
    pub data: Option<PathBuf>,
}

impl Folder {
    pub fn path(&self) -> PathBuf {
        let named = self.data.clone().or_else(|| std::env::var_os("MILLPOND_DATA").map(PathBuf::from));
        named.unwrap_or_else(|| PathBuf::from(crate::settings::DEFAULT_DATA))
    }
}

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Make an account with a root user, and print its access key as `export` lines
    Create {
        /// Twelve digits [default: a free number]
        #[arg(long)]
        account: Option<AccountId>,
        /// What it is called in lists
        #[arg(long)]
        name: Option<String>,
    },
    /// List the accounts, the pond's own first
    List,
}

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make an access key for a user, and print it as `export` lines
    Create { user: String },
}

#[derive(Debug, Args)]
pub struct Question {
    /// An ARN, user/NAME or role/NAME
    pub principal: String,
    /// As s3:GetObject
    pub action: String,
    /// An ARN, or *
    pub resource: String,
}

#[derive(Debug, Subcommand)]
pub enum ClockCommand {
    /// Print the lab's time
    Show,
    /// Turn the clock forward by a span such as 90s, 12h, 60d or "1d 6h"
    Advance { span: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl LogFormat {
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

//! `cargo xtask api`: AWS's published models, as botocore ships them, become checked-in Rust.
//!
//! A service's `api.toml` says which operations it implements and which members it does not act on ([`Wanted`]).
//! [`plan`] gathers what those operations reach, [`render`] writes it. No prose of AWS's goes into the files.

mod model;
mod names;
mod pattern;
mod plan;
mod render;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use model::Model;

#[derive(clap::Args)]
pub struct Arguments {
    /// The services to write, as their folders are called; all of them by default
    services: Vec<String>,
    /// The folder of the Python package botocore; found through Python by default
    #[arg(long)]
    botocore: Option<PathBuf>,
    /// The Python that has botocore; by default the tests' own (`MILLPOND_VENV`, `target/venv`), else `python3`
    #[arg(long, conflicts_with = "botocore")]
    python: Option<PathBuf>,
    /// Writes nothing, and fails when a checked-in file is not what would be written
    #[arg(long)]
    check: bool,
}

/// A service's `api.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The service's name in botocore.
    service: String,
    /// The version of its API.
    version: String,
    operations: BTreeMap<String, Operation>,
    /// Members of structures, by the model's names: refused in requests, absent from answers.
    #[serde(default)]
    leave_out: BTreeMap<String, Vec<String>>,
    /// Patterns that are not checked, since they have no counterpart in the `regex` crate.
    #[serde(default)]
    unchecked_patterns: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    /// Members of the input, as `Member` or `Nested.Member`: a request that sends one is refused by name. A nested one
    /// is refused in its structure, wherever that stands.
    #[serde(default)]
    refuse: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace holds xtask")?;
    let botocore = match &arguments.botocore {
        Some(folder) => folder.clone(),
        None => find_botocore(&arguments.python.clone().unwrap_or_else(|| tests_python(root)))?,
    };
    check_version(&botocore, root)?;
    let mut stale = Vec::new();
    for (name, folder) in services(root, &arguments.services)? {
        let files = generate(&folder, &botocore, root).with_context(|| format!("generating {name}"))?;
        for (file, text) in files {
            let path = folder.join("src/api").join(file);
            if fs::read_to_string(&path).is_ok_and(|current| current == text) {
                continue;
            }
            if arguments.check {
                stale.push(path.strip_prefix(root).unwrap_or(&path).display().to_string());
            } else {
                fs::create_dir_all(folder.join("src/api"))?;
                fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
                println!("wrote {}", path.strip_prefix(root).unwrap_or(&path).display());
            }
        }
    }
    ensure!(stale.is_empty(), "stale, run `cargo xtask api`: {}", stale.join(", "));
    Ok(())
}

/// The services that have an `api.toml`, or those of them that were asked for.
fn services(root: &Path, asked: &[String]) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join("crates/services")).context("reading crates/services")? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if folder.join("api.toml").exists() && (asked.is_empty() || asked.contains(&name)) {
            found.push((name, folder));
        }
    }
    for name in asked {
        ensure!(
            found.iter().any(|(found, _)| found == name),
            "crates/services/{name}/api.toml does not exist"
        );
    }
    found.sort();
    Ok(found)
}

fn generate(folder: &Path, botocore: &Path, root: &Path) -> Result<Vec<(&'static str, String)>> {
    let wanted = fs::read_to_string(folder.join("api.toml")).context("reading api.toml")?;
    let wanted: Wanted = toml::from_str(&wanted).context("api.toml")?;
    let model = Model::load(botocore, &wanted.service, &wanted.version)?;
    let plan = plan::plan(&model, &wanted)?;
    let files = render::render(&model, &wanted, &plan)?;
    files.into_iter().map(|(name, text)| Ok((name, format(&text, root)?))).collect()
}

/// The Python that the black-box tests run with.
fn tests_python(root: &Path) -> PathBuf {
    let folder = std::env::var_os("MILLPOND_VENV").map_or_else(|| root.join("target/venv"), PathBuf::from);
    let python = folder.join("bin/python");
    if python.exists() { python } else { PathBuf::from("python3") }
}

/// The files come from one version of the models, the one that the tests hold the answers against.
fn check_version(botocore: &Path, root: &Path) -> Result<()> {
    let requirements =
        fs::read_to_string(root.join("tests/requirements.txt")).context("the tests' packages")?;
    let pinned = requirements.lines().find_map(|line| line.strip_prefix("botocore=="));
    let pinned = pinned.context("tests/requirements.txt pins botocore")?.trim();
    let init = fs::read_to_string(botocore.join("__init__.py"))
        .with_context(|| format!("{} is no botocore", botocore.display()))?;
    let has = init.lines().find_map(|line| line.strip_prefix("__version__ = "));
    let has = has.context("botocore names its version")?.trim().trim_matches(['\'', '"']);
    ensure!(
        has == pinned,
        "{} is botocore {has}, and tests/requirements.txt pins {pinned}: \
         give --python PATH or --botocore DIR with that version",
        botocore.display()
    );
    Ok(())
}

fn find_botocore(python: &Path) -> Result<PathBuf> {
    let script = "import botocore, os; print(os.path.dirname(botocore.__file__))";
    let shown = python.display();
    let output =
        Command::new(python).args(["-c", script]).output().with_context(|| format!("running {shown}"))?;
    if !output.status.success() {
        bail!("{shown} has no botocore: install it (`pip install botocore`) or give --botocore DIR");
    }
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// Formats as `cargo fmt` does, so that a check of the formatting finds nothing to say.
fn format(text: &str, root: &Path) -> Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root.join("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting rustfmt")?;
    let mut stdin = rustfmt.stdin.take().context("rustfmt has an input")?;
    let text = text.to_owned();
    // Written beside the reading: neither pipe can fill up and stop both.
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = rustfmt.wait_with_output().context("running rustfmt")?;
    writer.join().map_err(|_| anyhow::anyhow!("writing to rustfmt panicked"))??;
    ensure!(output.status.success(), "rustfmt did not take the generated text");
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests;

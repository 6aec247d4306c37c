//! `millpond keys`: access keys of users, made as the account's root.

use anyhow::Context as _;
use millpond_core::Region;
use millpond_gateway::Secret;
use serde::Deserialize;

use crate::cli::{Folder, KeysCommand};
use crate::client::IAM;
use crate::credentials::RootCredentials;
use crate::tools::{as_root, endpoint, runtime};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    create_access_key_result: KeyResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyResult {
    access_key: AccessKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKey {
    access_key_id: String,
    secret_access_key: String,
}

pub fn keys(command: KeysCommand, folder: &Folder) -> anyhow::Result<()> {
    let KeysCommand::Create { user } = command;
    let name = user.strip_prefix("user/").unwrap_or(&user);
    let client = as_root(folder)?;
    let answer = runtime()?.block_on(client.query(IAM, "CreateAccessKey", &[("UserName", name)]))?;
    let answer: Answer = quick_xml::de::from_reader(&answer[..]).context("reading the answer")?;
    let AccessKey { access_key_id, secret_access_key } = answer.create_access_key_result.access_key;
    let keys = RootCredentials { access_key_id, secret: Secret::new(secret_access_key) };
    print!("{}", keys.exports(Region::us_east_1().as_str(), Some(&endpoint(folder)?)));
    Ok(())
}

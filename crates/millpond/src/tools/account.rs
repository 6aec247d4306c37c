//! `millpond account`: the accounts of a running pond.

use comfy_table::presets::NOTHING;
use http::Method;
use millpond_core::AccountId;
use millpond_gateway::Secret;
use serde::{Deserialize, Serialize};

use crate::cli::{AccountCommand, Folder};
use crate::credentials::RootCredentials;
use crate::tools::{as_root, endpoint, runtime};

/// What the route `accounts` is asked for, by POST.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// An account, as it is listed.
#[derive(Debug, Serialize, Deserialize)]
pub struct AccountEntry {
    pub account: AccountId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// ISO 8601; the pond's own account has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
}

/// A new account's root user. Never printed but as the `export` lines.
#[derive(Serialize, Deserialize)]
pub struct AccountCreated {
    pub account: AccountId,
    pub access_key_id: String,
    pub secret_access_key: String,
}

/// What GET answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct AccountList {
    pub accounts: Vec<AccountEntry>,
}

pub fn account(command: AccountCommand, folder: &Folder) -> anyhow::Result<()> {
    let client = as_root(folder)?;
    let runtime = runtime()?;
    match command {
        AccountCommand::Create { account, name } => {
            let body = serde_json::to_vec(&AccountRequest { account, name })?;
            let created: AccountCreated = runtime.block_on(client.admin(Method::POST, "accounts", body))?;
            let AccountCreated { account, access_key_id, secret_access_key } = created;
            let keys = RootCredentials { access_key_id, secret: Secret::new(secret_access_key) };
            println!("# The root user of account {account}. Its key is not shown again.");
            print!("{}", keys.exports(millpond_core::Region::us_east_1().as_str(), Some(&endpoint(folder)?)));
        }
        AccountCommand::List => {
            let list: AccountList = runtime.block_on(client.admin(Method::GET, "accounts", Vec::new()))?;
            let mut table = comfy_table::Table::new();
            table.load_preset(NOTHING).set_header(["account", "name", "created"]);
            for AccountEntry { account, name, created } in list.accounts {
                table.add_row([account.to_string(), name.unwrap_or_default(), created.unwrap_or_default()]);
            }
            println!("{}", table.trim_fmt());
        }
    }
    Ok(())
}

//! `millpond whoami`: GetCallerIdentity with the credentials of the environment.

use anyhow::{Context as _, bail};
use aws_credential_types::Credentials;
use millpond_core::Region;
use serde::Deserialize;

use crate::cli::Folder;
use crate::client::{Client, STS};
use crate::data::{self, Endpoint};
use crate::tools::{clock, endpoint, runtime};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    get_caller_identity_result: Identity,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    arn: String,
    account: String,
    user_id: String,
}

pub fn whoami(folder: &Folder) -> anyhow::Result<()> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (Some(id), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) else {
        bail!(
            "the environment has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; the root user's are put there by: \
             eval \"$(millpond credentials)\""
        );
    };
    let token = variable("AWS_SESSION_TOKEN");
    let endpoint = match variable("AWS_ENDPOINT_URL") {
        // The folder's own server, or another one, which the bundle vouches for.
        Some(url) => Endpoint {
            url: url.trim_end_matches('/').to_owned(),
            certificate: data::read_endpoint(&folder.path())?.and_then(|own| own.certificate),
            bundle: variable("AWS_CA_BUNDLE").map(Into::into),
        },
        None => endpoint(folder)?,
    };
    let region = variable("AWS_DEFAULT_REGION").unwrap_or_else(|| Region::us_east_1().as_str().to_owned());
    let credentials = Credentials::new(id, secret, token, None, "environment");
    let client = Client::with(&endpoint, &region, credentials, clock())?;
    let answer = runtime()?.block_on(client.query(STS, "GetCallerIdentity", &[]))?;
    let answer: Answer = quick_xml::de::from_reader(&answer[..]).context("reading the answer")?;
    let Identity { arn, account, user_id } = answer.get_caller_identity_result;
    println!("{arn}\naccount {account}\nuser id {user_id}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_read() {
        let xml = "<GetCallerIdentityResponse xmlns=\"x\"><GetCallerIdentityResult><UserId>u</UserId><Account>1</Account>\
                   <Arn>a</Arn></GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>\
                   </GetCallerIdentityResponse>";
        let answer: Answer = quick_xml::de::from_str(xml).unwrap();
        assert_eq!(answer.get_caller_identity_result.arn, "a");
    }
}

//! The entries for fuzzers of `aws-chunked` bodies, of lifecycle rules, and of the tokens of directory buckets' sessions; the tests
//! below run them for a bounded while.

use aws_lc_rs::hmac;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use millpond_core::key::KEY_LEN;
use millpond_core::{RootKey, Timestamp};
use s3s::dto::BucketLifecycleConfiguration;
use s3s::xml::{Deserialize as _, Deserializer, Serialize as _, Serializer};

use crate::chunked::{ChunkSigner, Dechunked, Trailers};
use crate::class::StorageClass;
use crate::error::S3Error;
use crate::express::Sessions;
use crate::lifecycle::{Lifecycle, Smallest, State, Version};
use crate::ops::lifecycle as rules;
use crate::tags::Tags;

/// A body in chunks: the first bytes say how it is split on its way, which length it declares, and whether chunks must
/// be signed. However it comes, it gives the same answer; it is as long as declared; nobody without the key is believed.
/// The same bytes as content come back from chunks that hold them.
pub fn chunked(bytes: &[u8]) {
    let Some((&[step, declared, signed], text)) = bytes.split_first_chunk::<3>() else { return };
    let (step, declared) = (usize::from(step) + 1, u64::from(declared));
    let whole = decode(text, text.len().max(1), declared, signed % 2 == 1);
    let split = decode(text, step, declared, signed % 2 == 1);
    assert_eq!(format!("{whole:?}"), format!("{split:?}"), "the way does not change the answer");
    if let Ok((body, _)) = whole {
        assert_eq!(body.len() as u64, declared);
        assert!(body.len() <= text.len(), "a body cannot grow");
        assert!(signed % 2 == 0, "nobody could have signed this");
    }
    let mut chunks: Vec<u8> =
        text.chunks(step).flat_map(|chunk| [&line(chunk.len()), chunk, b"\r\n"].concat()).collect();
    chunks.extend_from_slice(b"0\r\nX-Amz-Checksum-CRC32: AAAAAA==\r\n\r\n");
    let (body, trailers) = decode(&chunks, step, text.len() as u64, false).expect("well-formed chunks");
    assert_eq!(body, text);
    assert_eq!(trailers.get("x-amz-checksum-crc32").as_deref(), Some("AAAAAA=="));
}

/// Bytes as an access key id, a line break, and the token of a session. Nothing of theirs may open.
pub fn session_token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (id, token) = text.split_once('\n').unwrap_or(("ASIAQA3DOWT7SFIXTURE", text));
    let opened = Sessions::new(&RootKey::from_bytes([1; KEY_LEN])).open(id, token);
    assert!(opened.is_none(), "a token that nobody made");
}

fn line(size: usize) -> Vec<u8> {
    format!("{size:X};chunk-signature=unread\r\n").into_bytes()
}

fn decode(text: &[u8], step: usize, declared: u64, signed: bool) -> Result<(Vec<u8>, Trailers), S3Error> {
    let signer = || {
        Box::new(ChunkSigner {
            key: hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]),
            date: "20261121T095029Z".to_owned(),
            scope: "20261121/us-east-1/s3/aws4_request".to_owned(),
            previous: "00".repeat(32),
        })
    };
    let pieces = text.chunks(step).map(|piece| Ok::<_, S3Error>(Bytes::copy_from_slice(piece)));
    let trailers = Trailers::default();
    let mut body = Dechunked::new(stream::iter(pieces), declared, signed.then(signer), trailers.clone());
    let mut whole = Vec::new();
    futures::executor::block_on(async {
        while let Some(bytes) = body.next().await {
            whole.extend_from_slice(&bytes?);
        }
        Ok((whole, trailers))
    })
}

/// A document of lifecycle rules: what is taken is shown as it was taken, and says of any object what is due.
pub fn lifecycle(bytes: &[u8]) {
    let Some(lifecycle) = read_rules(bytes) else { return };
    let mut shown = Vec::new();
    BucketLifecycleConfiguration { rules: rules::show(&lifecycle) }
        .serialize(&mut Serializer::new(&mut shown))
        .expect("rules can be written");
    assert_eq!(read_rules(&shown), Some(lifecycle.clone()), "{}", String::from_utf8_lossy(&shown));
    let (tags, class) = (Tags::default(), StorageClass::Standard);
    let (early, late) = (Timestamp::EPOCH, Timestamp::EPOCH.plus(std::time::Duration::from_secs(1 << 33)));
    for modified in [early, late] {
        for state in [State::Current { modified, class }, State::Marker { modified, alone: true }] {
            let version = Version { key: "logs/2026/a", size: 1 << 20, tags: &tags, state };
            // Whatever the rules are, nothing expires before it was there.
            assert!(lifecycle.expiration(&version).is_none_or(|(at, _)| at >= modified));
            lifecycle.due(&version, late);
        }
        assert!(lifecycle.abort("logs/2026/a", modified).is_none_or(|(at, _)| at >= modified));
    }
}

fn read_rules(bytes: &[u8]) -> Option<Lifecycle> {
    let mut xml = Deserializer::new(bytes);
    let document = BucketLifecycleConfiguration::deserialize(&mut xml).ok()?;
    xml.expect_eof().ok()?;
    rules::read(document.rules, Smallest::default()).ok()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use millpond_core::key::KEY_LEN;
    use millpond_core::{RootKey, Timestamp};
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use crate::express::{Holder, Session, Sessions};

    /// A session's token, behind its key's id.
    fn token() -> Vec<u8> {
        let session = Session {
            bucket: "lake--use1-az1--x-s3".into(),
            owner: "123456789012".parse().unwrap(),
            mode: None,
            expires: Timestamp::EPOCH,
            holder: Holder { access_key_id: "AKIAHOLDER".into(), token: None },
        };
        let issued =
            Sessions::new(&RootKey::from_bytes([1; KEY_LEN])).issue(&session.owner.clone(), session).unwrap();
        format!("{}\n{}", issued.access_key_id, issued.token).into_bytes()
    }

    // Seeded and bounded; `fuzz/` runs the same entry without end.
    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 1_000,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(7),
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            super::chunked(&bytes);
            super::session_token(&bytes);
            super::session_token(URL_SAFE_NO_PAD.encode(&bytes).as_bytes());
        }

        #[test]
        fn nearly_a_token(changes in prop::collection::vec((any::<prop::sample::Index>(), "[A-Za-z0-9_-]"), 1..4)) {
            let before = token();
            let mut bent = before.clone();
            for (at, letter) in changes {
                let at = at.index(bent.len());
                bent[at] = letter.as_bytes()[0];
            }
            prop_assume!(bent != before);
            super::session_token(&bent);
        }

        #[test]
        fn nearly_chunks(
            step in any::<u8>(),
            declared in 0..12_u8,
            signed in any::<bool>(),
            parts in prop::collection::vec(
                prop::sample::select(&["5\r\nhello\r\n", "1\r\nx\r\n", "0\r\n", "\r\n", "a:b\r\n", ";chunk-signature=00",
                    "x-amz-trailer-signature:00\r\n", "5", "f", "\r", "é", "\u{0}"][..]),
                0..8,
            ),
        ) {
            super::chunked(&[&[step, declared, signed.into()], parts.concat().as_bytes()].concat());
        }

        #[test]
        fn nearly_rules(
            parts in prop::collection::vec(
                prop::sample::select(&["<ID>a</ID>", "<ID>b &amp; c</ID>", "<Prefix>logs/</Prefix>", "<Prefix/>", "<Filter/>",
                    "<Filter><Prefix>logs/</Prefix></Filter>", "<Filter><Tag><Key>k</Key><Value> v\r\n</Value></Tag></Filter>",
                    "<Filter><And><Prefix></Prefix><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>",
                    "<Status>Enabled</Status>", "<Status>Enabled</Status>", "<Status>on</Status>",
                    "<Expiration><Days>1</Days></Expiration>", "<Expiration><Days>2147483647</Days></Expiration>",
                    "<Expiration><Date>2038-01-01T00:00:00Z</Date></Expiration>",
                    "<Expiration><Date>9999-12-31T00:00:00.5Z</Date></Expiration>",
                    "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
                    "<Transition><Days>0</Days><StorageClass>GLACIER</StorageClass></Transition>",
                    "<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>",
                    "<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays></NoncurrentVersionExpiration>",
                    "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
                    "</Rule><Rule>", "<!-- x -->", "<x>", "&x;", "\u{0}"][..]),
                0..9,
            ),
        ) {
            let text = format!("<LifecycleConfiguration><Rule>{}</Rule></LifecycleConfiguration>", parts.concat());
            super::lifecycle(text.as_bytes());
        }
    }

    /// The entry does read rules.
    #[test]
    fn rules_are_read() {
        let text = "<LifecycleConfiguration><Rule><ID>a</ID><Filter/><Status>Enabled</Status>\
                    <Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>";
        assert!(super::read_rules(text.as_bytes()).is_some());
    }
}

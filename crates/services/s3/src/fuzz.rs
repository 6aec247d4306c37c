//! The entry for a fuzzer of `aws-chunked` bodies; the test below runs it for a bounded while.

use aws_lc_rs::hmac;
use bytes::Bytes;
use futures::{StreamExt as _, stream};

use crate::chunked::{ChunkSigner, Dechunked, Trailers};
use crate::error::S3Error;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

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
    }
}

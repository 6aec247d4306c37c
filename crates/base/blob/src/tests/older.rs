//! Bodies and placements of each older shape still read. The bytes were written by the version that is named.

use super::*;

/// Before zones, callers' keys, compression and checksums: the file is in the folder itself.
const INLINE_1: &str = "83a473697a650cab777261707065645f6b6579c428a3b3410c8cbee8493dd9ed05ecb096df3d1a7cea3a51e7947acff690937a6a2a749b3b\
                        405b34233fa4626f647981a6496e6c696e65c41c08c6f37205e838ccbc7a9ce2ad0b0b139ce8a2853b7d1856820b24ae";
const FILE_1: &str = "83a473697a651dab777261707065645f6b6579c4281511a623f81558dd59d24045e683cdf47d9424c5ff0df3466de43af7e7958d0bd3538d\
                      17a8cdc63ba4626f647981a446696c65c410c25d9ea8fd8c43d5b141e09bb9229253";
const FILE_1_PATH: &str = "53/c25d9ea8fd8c43d5b141e09bb9229253";
const FILE_1_BYTES: &str = "4d50424c4f4200010100000000000000c25d9ea8fd8c43d5b141e09bb922925387088461381ba377e484599d1754eedb6304379fd32b\
                            54854886332fd4b28ab09be3502d42ea21c305d42c52c7";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A folder as the first version left it.
fn first_version() -> (TempDir, Placement) {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("tmp")).unwrap();
    std::fs::create_dir(dir.path().join("53")).unwrap();
    std::fs::write(dir.path().join(FILE_1_PATH), bytes(FILE_1_BYTES)).unwrap();
    (dir, rmp_serde::from_slice(&bytes(FILE_1)).unwrap())
}

#[tokio::test]
async fn what_the_first_version_wrote_reads_and_is_checked() {
    let (dir, file) = first_version();
    let blobs = open(&dir);
    assert_eq!(whole(&blobs, &file).await.unwrap(), b"a body that is kept in a file");
    let inline: Placement = rmp_serde::from_slice(&bytes(INLINE_1)).unwrap();
    assert_eq!(whole(&blobs, &inline).await.unwrap(), b"a small body");
    assert_eq!(blobs.check(&file).await.unwrap().good, Zones::default());
    let repaired = blobs.repair(&file).await.unwrap();
    assert!(repaired.made.is_empty() && repaired.placement.crc.is_some(), "the checksum is added");

    // A record that needs nothing new is written as before, byte for byte.
    assert_eq!(rmp_serde::to_vec_named(&file).unwrap(), bytes(FILE_1));
    assert_eq!(rmp_serde::to_vec_named(&inline).unwrap(), bytes(INLINE_1));

    std::fs::write(dir.path().join(FILE_1_PATH), {
        let mut rotten = bytes(FILE_1_BYTES);
        rotten[40] ^= 1;
        rotten
    })
    .unwrap();
    assert_eq!(blobs.check(&file).await.unwrap().rotten, Zones::default());
    assert_eq!(blobs.check(&repaired.placement).await.unwrap().rotten, Zones::default());
}

#[tokio::test]
async fn a_pond_of_the_first_version_grows_zones() {
    let (dir, file) = first_version();
    let more = TempDir::new().unwrap();
    let with = |zones: Vec<PathBuf>| {
        let options = BlobOptions { zones, ..BlobOptions::default() };
        Blobs::open(dir.path(), &root(), clock(), options)
    };
    let elsewhere = with(vec![more.path().join("a"), more.path().join("b")]);
    assert!(matches!(elsewhere.err().unwrap(), BlobError::Zone { .. }), "its folder is its first zone");
    let blobs = with(vec![dir.path().to_owned(), more.path().join("b")]).unwrap();
    assert_eq!(whole(&blobs, &file).await.unwrap(), b"a body that is kept in a file");
    let repaired = blobs.repair(&file).await.unwrap();
    assert_eq!((repaired.made.iter().collect::<Vec<_>>(), repaired.placement.zones().len()), (vec![1], 2));
    std::fs::remove_file(dir.path().join(FILE_1_PATH)).unwrap();
    assert_eq!(whole(&blobs, &repaired.placement).await.unwrap(), b"a body that is kept in a file");
}

/// A placement of today with every field, and its file.
#[test]
fn a_placement_with_every_field_decodes() {
    let placement = Placement {
        size: 5,
        wrapped_key: vec![1; 40],
        body: placement::Body::File(Uuid::from_u128(7)),
        holder: key::Holder::Caller,
        outer_key: Some(vec![2; 40]),
        packed: Some(4),
        zones: [0, 2].into_iter().collect(),
        spread: Spread::OneZone,
        crc: Some(u64::MAX),
    };
    let record = rmp_serde::to_vec_named(&placement).unwrap();
    let printed: String = record.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(printed, FULL_2);
    assert_eq!(rmp_serde::from_slice::<Placement>(&bytes(FULL_2)).unwrap(), placement);
}

const FULL_2: &str = "89a473697a6505ab777261707065645f6b6579c4280101010101010101010101010101010101010101010101010101010101\
                      0101010101010101010101a4626f647981a446696c65c41000000000000000000000000000000007a6686f6c646572a64361\
                      6c6c6572a96f757465725f6b6579c42802020202020202020202020202020202020202020202020202020202020202020202\
                      020202020202a67061636b656404a57a6f6e657305a6737072656164a74f6e655a6f6e65a3637263cfffffffffffffffff";

//! Who can open a body, and bodies that are compressed.

use super::*;

fn key(byte: u8) -> Key {
    Key::from_bytes([byte; 32])
}

async fn write_as(blobs: &Blobs, body: &[u8], options: WriteOptions<'_>) -> Placement {
    let pieces: Vec<_> =
        body.chunks(100_000).map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))).collect();
    blobs.write_with(stream::iter(pieces), options).await.unwrap()
}

async fn read_as(
    blobs: &Blobs,
    placement: &Placement,
    range: Range<u64>,
    key: Option<&Key>,
) -> Result<Vec<u8>, BlobError> {
    let pieces: Vec<Bytes> = blobs.read_with(placement, range, key).try_collect().await?;
    Ok(pieces.concat())
}

#[tokio::test]
async fn a_body_opens_with_its_key_alone() {
    let dir = TempDir::new().unwrap();
    let blobs = open(&dir);
    for wrap in [None, Some(BodyWrap::Single(key(1))), Some(BodyWrap::Double(key(1)))] {
        for pack in [Pack::Plain, Pack::Compressed] {
            for size in SIZES {
                let body = body(size);
                let options = WriteOptions { pack, key: wrap.as_ref(), ..WriteOptions::default() };
                let placement = write_as(&blobs, &body, options).await;
                let (all, right) = (0..size as u64, wrap.as_ref().map(|_| key(1)));
                let what = format!("{wrap:?} {pack:?} {size}");
                assert_eq!(placement.size(), size as u64, "{what}");
                assert_eq!(placement.needs_key(), wrap.is_some(), "{what}");
                let read = read_as(&blobs, &placement, all.clone(), right.as_ref()).await.unwrap();
                assert!(read == body, "{what}");
                let middle = size as u64 / 3..size as u64 / 2;
                let read = read_as(&blobs, &placement, middle.clone(), right.as_ref()).await.unwrap();
                assert!(read == body[middle.start as usize..middle.end as usize], "{what} {middle:?}");
                for wrong in [Some(key(2)), wrap.as_ref().map_or(Some(key(1)), |_| None)] {
                    let refused = read_as(&blobs, &placement, all.clone(), wrong.as_ref()).await;
                    assert!(matches!(refused, Err(BlobError::WrongKey)), "{what} with {wrong:?}");
                }
                assert!(blobs.check(&placement).await.unwrap().is_whole(), "{what}");
                blobs.remove(&placement).await.unwrap();
            }
        }
    }
    assert!(files(&dir).is_empty());
}

#[tokio::test]
async fn rewrapping_changes_the_key_and_no_byte() {
    let dir = TempDir::new().unwrap();
    let blobs = open(&dir);
    for (size, wrap) in [(10, None), (200_000, None), (200_000, Some(BodyWrap::Double(key(1))))] {
        let body = body(size);
        let options = WriteOptions { key: wrap.as_ref(), ..WriteOptions::default() };
        let first = write_as(&blobs, &body, options).await;
        let stored: Vec<_> = files(&dir).iter().map(|path| std::fs::read(path).unwrap()).collect();
        let from = wrap.is_some().then(|| key(1));
        let second = blobs.rewrap(&first, from.as_ref(), Some(&key(2))).unwrap();
        assert!(matches!(blobs.rewrap(&second, from.as_ref(), None), Err(BlobError::WrongKey)));
        let third = blobs.rewrap(&second, Some(&key(2)), None).unwrap();
        let all = 0..size as u64;
        for (placement, right) in [(&first, from), (&second, Some(key(2))), (&third, None)] {
            assert_eq!(read_as(&blobs, placement, all.clone(), right.as_ref()).await.unwrap(), body);
            assert_eq!(placement.file(), first.file());
            let wrong = read_as(&blobs, placement, all.clone(), Some(&key(9))).await;
            assert!(matches!(wrong, Err(BlobError::WrongKey)));
        }
        assert_eq!(stored, files(&dir).iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn any_flipped_byte_of_two_layers_is_found() {
    let dir = TempDir::new().unwrap();
    let blobs = open(&dir);
    let wrap = BodyWrap::Double(key(1));
    let options = WriteOptions { key: Some(&wrap), ..WriteOptions::default() };
    let placement = write_as(&blobs, &body(130_000), options).await;
    let path = files(&dir).remove(0);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let sealed = std::fs::read(&path).unwrap();
    assert_eq!(sealed.len() as u64, placement.file_len());
    for at in (frames::HEADER..sealed.len()).step_by(997).chain(sealed.len() - 33..sealed.len()) {
        file.write_all_at(&[sealed[at] ^ 1], at as u64).unwrap();
        let read = read_as(&blobs, &placement, 0..130_000, Some(&key(1))).await;
        assert!(matches!(read, Err(BlobError::Corrupt { .. })), "byte {at}");
        file.write_all_at(&sealed[at..=at], at as u64).unwrap();
    }
    // A body of two layers is no body of one layer or another kind.
    for changed in [
        Placement { outer_key: None, ..placement.clone() },
        Placement { packed: Some(130_000), ..placement.clone() },
        Placement { outer_key: Some(placement.wrapped_key.clone()), ..placement.clone() },
    ] {
        assert!(read_as(&blobs, &changed, 0..130_000, Some(&key(1))).await.is_err(), "{changed:?}");
    }
}

#[tokio::test]
async fn compression_makes_files_smaller_and_ranges_whole() {
    let dir = TempDir::new().unwrap();
    let blobs = open(&dir);
    let text = b"a line that repeats itself, more or less\n".repeat(200_000);
    let options = WriteOptions { pack: Pack::Compressed, ..WriteOptions::default() };
    let placement = write_as(&blobs, &text, options).await;
    assert!(placement.stored_bytes() < text.len() as u64 / 50, "{}", placement.stored_bytes());
    for range in
        [0..10, 8_000_000..8_000_100, 1_048_570..1_048_580, 5_000_000..8_200_000, 8_199_999..8_200_000]
    {
        let read = read_as(&blobs, &placement, range.clone(), None).await.unwrap();
        assert!(read == text[range.start as usize..range.end as usize], "{range:?}");
    }
    let refused = read_as(&blobs, &placement, 0..8_200_001, None).await;
    assert!(matches!(refused, Err(BlobError::Range { .. })));
    // A size that is not the stream's.
    let longer = Placement { size: placement.size + 1, ..placement.clone() };
    let cut = read_as(&blobs, &longer, 0..longer.size, None).await;
    assert!(matches!(cut, Err(BlobError::Corrupt { .. })));
    std::fs::remove_file(&files(&dir)[0]).unwrap();
    assert!(matches!(read_as(&blobs, &placement, 0..10, None).await, Err(BlobError::Lost)));
}

#[tokio::test]
async fn a_callers_key_and_body_are_nowhere_on_the_disk() {
    let dir = TempDir::new().unwrap();
    let blobs = open(&dir);
    let planted = b"the planted secret ".repeat(10_000);
    let secret = Key::from_bytes(*b"thirty-two bytes of a caller key");
    for wrap in [BodyWrap::Single(secret.clone()), BodyWrap::Double(secret)] {
        for pack in [Pack::Plain, Pack::Compressed] {
            let options = WriteOptions { pack, key: Some(&wrap), ..WriteOptions::default() };
            let large = write_as(&blobs, &planted, options.clone()).await;
            let small = write_as(&blobs, b"the planted secret", options).await;
            let records = [large, small].map(|placement| rmp_serde::to_vec_named(&placement).unwrap());
            for bytes in files(&dir).into_iter().map(|path| std::fs::read(path).unwrap()).chain(records) {
                assert!(!bytes.windows(7).any(|window| window == b"planted" || window == b"caller "));
            }
        }
    }
}

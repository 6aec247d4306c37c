//! The payload of a journal record: consecutive records of one shard.
//!
//! `version u8, stream 16 bytes, shard u32, first index u64, count u32`, then for each record `key length u16, data length
//! u32, key, data`; big-endian. This is the format on disk.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use uuid::Uuid;

use crate::model::sequence::Index;

const VERSION: u8 = 1;
const HEADER: usize = 1 + 16 + 4 + 8 + 4;
const RECORD_HEADER: usize = 2 + 4;

/// A frame is closed at this size, so that a read of few records reads little beside them.
pub const FRAME_BYTES: usize = 256 << 10;

/// A record to be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    pub partition_key: String,
    pub data: Bytes,
}

impl NewRecord {
    /// What counts against limits: data and partition key.
    pub fn size(&self) -> usize {
        self.partition_key.len() + self.data.len()
    }
}

/// A record as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub index: Index,
    pub partition_key: String,
    pub data: Bytes,
}

/// A frame's place in the stream's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub stream: Uuid,
    pub shard: u32,
    pub first: Index,
    pub count: u32,
}

/// The payload is no frame: it was written by a newer version, or by something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stream record of the journal cannot be read")]
pub struct Malformed;

/// Builds a frame record by record.
#[derive(Debug)]
pub struct Builder {
    head: Head,
    payload: BytesMut,
}

impl Builder {
    pub fn new(stream: Uuid, shard: u32, first: Index) -> Self {
        let mut payload = BytesMut::with_capacity(4 << 10);
        payload.put_u8(VERSION);
        payload.put_slice(stream.as_bytes());
        payload.put_u32(shard);
        payload.put_u64(first.as_u64());
        payload.put_u32(0);
        Self { head: Head { stream, shard, first, count: 0 }, payload }
    }

    pub fn push(&mut self, record: &NewRecord) {
        let key = record.partition_key.as_bytes();
        self.payload.reserve(RECORD_HEADER + key.len() + record.data.len());
        self.payload.put_u16(u16::try_from(key.len()).expect("the model limits keys to 256 characters"));
        self.payload.put_u32(u32::try_from(record.data.len()).expect("the model limits data to 10 MiB"));
        self.payload.put_slice(key);
        self.payload.put_slice(&record.data);
        self.head.count += 1;
    }

    pub fn head(&self) -> Head {
        self.head
    }

    pub fn is_full(&self) -> bool {
        self.payload.len() >= FRAME_BYTES
    }

    pub fn finish(mut self) -> (Head, Bytes) {
        self.payload[HEADER - 4..HEADER].copy_from_slice(&self.head.count.to_be_bytes());
        (self.head, self.payload.freeze())
    }
}

pub fn head(mut payload: &[u8]) -> Result<Head, Malformed> {
    if payload.len() < HEADER || payload.get_u8() != VERSION {
        return Err(Malformed);
    }
    let mut stream = [0; 16];
    payload.copy_to_slice(&mut stream);
    let shard = payload.get_u32();
    let first = Index::from_u64(payload.get_u64());
    let count = payload.get_u32();
    Ok(Head { stream: Uuid::from_bytes(stream), shard, first, count })
}

/// The frame's records; their data shares the payload's memory. It ends after the first malformed one.
pub fn records(payload: Bytes) -> Result<impl Iterator<Item = Result<Record, Malformed>>, Malformed> {
    let head = head(&payload)?;
    let mut rest = payload.slice(HEADER..);
    let mut next = 0;
    Ok(std::iter::from_fn(move || {
        if next == head.count {
            return None;
        }
        let record = take_record(&mut rest, head.first.plus(u64::from(next)));
        next = if record.is_ok() { next + 1 } else { head.count };
        Some(record)
    }))
}

fn take_record(rest: &mut Bytes, index: Index) -> Result<Record, Malformed> {
    if rest.len() < RECORD_HEADER {
        return Err(Malformed);
    }
    let key = usize::from(rest.get_u16());
    let data = rest.get_u32() as usize;
    if rest.len() < key + data {
        return Err(Malformed);
    }
    let partition_key = std::str::from_utf8(&rest.split_to(key)).map_err(|_| Malformed)?.to_owned();
    Ok(Record { index, partition_key, data: rest.split_to(data) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn built(records: &[NewRecord]) -> (Head, Bytes) {
        let mut builder = Builder::new(Uuid::from_u128(7), 3, Index::from_u64(100));
        records.iter().for_each(|record| builder.push(record));
        builder.finish()
    }

    fn new_record() -> impl Strategy<Value = NewRecord> {
        let data = prop::collection::vec(any::<u8>(), 0..50).prop_map(Bytes::from);
        (".{1,8}", data).prop_map(|(partition_key, data)| NewRecord { partition_key, data })
    }

    proptest! {
        #[test]
        fn a_frame_reads_back(new in prop::collection::vec(new_record(), 0..20)) {
            let (head, payload) = built(&new);
            prop_assert_eq!(super::head(&payload), Ok(head));
            let read: Vec<Record> = records(payload).unwrap().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), new.len());
            for ((record, new), at) in read.iter().zip(&new).zip(100..) {
                prop_assert_eq!(record.index, Index::from_u64(at));
                prop_assert_eq!((&record.partition_key, &record.data), (&new.partition_key, &new.data));
            }
        }

        #[test]
        fn foreign_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..120), version: bool) {
            if let (true, Some(first)) = (version, bytes.first_mut()) {
                *first = VERSION;
            }
            if let Ok(records) = records(bytes.into()) {
                records.for_each(drop);
            }
        }
    }

    #[test]
    fn the_frame_stays_as_it_is_on_disk() {
        let (_, payload) =
            built(&[NewRecord { partition_key: "k".into(), data: Bytes::from_static(b"data") }]);
        let expected: &[u8] = b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\x03\0\0\0\0\0\0\0\x64\0\0\0\x01\0\x01\0\0\0\x04kdata";
        assert_eq!(payload, expected);
    }

    #[test]
    fn a_frame_cut_short_is_refused() {
        let (_, payload) =
            built(&[NewRecord { partition_key: "k".into(), data: Bytes::from_static(b"data") }]);
        assert_eq!(head(&payload[..HEADER - 1]), Err(Malformed));
        let cut = payload.slice(..payload.len() - 1);
        assert_eq!(records(cut).unwrap().collect::<Vec<_>>(), [Err(Malformed)]);
    }
}

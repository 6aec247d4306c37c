//! A sidecar that the owner of a journal may keep beside a closed segment, so that the next start need not read the
//! segment: any bytes, sealed as the segment is. It is a cache: lost or damaged, the owner reads the segment again.

use std::io;

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use aws_lc_rs::rand;

use crate::format::index_key;
use crate::volume::Volume;
use crate::{JournalError, SegmentId};

pub(crate) fn write(volume: &Volume, id: SegmentId, index: &[u8]) -> Result<(), JournalError> {
    let header = volume.header(id)?;
    let key = index_key(&volume.key, &header.salt, id)?;
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| JournalError::Crypto)?;
    let mut bytes = index.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes)
        .map_err(|_| JournalError::Crypto)?;
    bytes.splice(..0, nonce);
    let (path, beside) = (volume.index_path(id), volume.dir.join(format!("{id:016x}.index-new")));
    let disk = &volume.options.disk;
    let _one_at_a_time = volume.index_writers.lock();
    // What a crash may have left.
    let _none = std::fs::remove_file(&beside);
    let written = disk.create(&beside).and_then(|file| {
        disk.write_at(&file, &bytes, 0)?;
        disk.sync(&file)?;
        disk.rename(&beside, &path)?;
        disk.sync_dir(&volume.dir)
    });
    written.map_err(|error| {
        // The error of the write is the one to tell.
        let _none = std::fs::remove_file(&beside);
        JournalError::io(format!("writing the index of segment {id}"))(error)
    })
}

pub(crate) fn read(volume: &Volume, id: SegmentId) -> Result<Option<Vec<u8>>, JournalError> {
    let header = volume.header(id)?;
    let mut bytes = match std::fs::read(volume.index_path(id)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(JournalError::io(format!("reading the index of segment {id}"))(error)),
    };
    let damaged = || JournalError::Corrupt { segment: id, offset: 0, what: "its index" };
    let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN).ok_or_else(damaged)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
    let key = index_key(&volume.key, &header.salt, id)?;
    let index = key.open_in_place(nonce, Aad::empty(), sealed).map_err(|_| damaged())?;
    Ok(Some(index.to_vec()))
}

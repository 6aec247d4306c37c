//! Writing a body: small ones are sealed into their placement, larger ones go to a file in each zone.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use serde::{Deserialize, Serialize};

use crate::frames::BodyKeys;
use crate::key::Holder;
use crate::pack::Packer;
use crate::placement::{Body, Zones};
use crate::upload::Upload;
use crate::{BlobError, Blobs, BodyWrap, Inner, Placement, WriteError};

/// How a body is to be kept.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions<'a> {
    pub spread: Spread,
    pub pack: Pack,
    /// Who can open it; `None` is the pond itself.
    pub key: Option<&'a BodyWrap>,
    /// With [`Spread::OneZone`]: the zone that is to have the copy, and no other.
    pub zone: Option<u8>,
}

/// Which zones get a copy. A body that is small enough to be sealed in its placement is in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Spread {
    #[default]
    EveryZone,
    /// One zone: the one that was wished for, or else the one that the body's id says.
    OneZone,
}

impl Spread {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether the bytes are made smaller before they are sealed. Bodies inside placements never are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pack {
    #[default]
    Plain,
    /// Zstandard, as one stream: a range is read by unpacking all before it.
    Compressed,
}

impl Blobs {
    /// Writes a body into every zone, for the pond to open. See [`Blobs::write_with`].
    pub async fn write<S, E>(&self, body: S) -> Result<Placement, WriteError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        self.write_with(body, WriteOptions::default()).await
    }

    /// Writes a body; when this returns it is durable in each of its zones. On an error, and when the future is dropped,
    /// nothing is kept.
    ///
    /// A zone that fails fails the write. Only a zone that is lost, its marker gone, is left out: the body is then
    /// durable in the others, in one at least, and the placement says in which ([`Blobs::repair`] fills up). A body whose one
    /// zone is lost is not written at all (`NoZone`).
    ///
    /// Memory: two steps of a mebibyte, whatever the length of the body and the number of zones.
    pub async fn write_with<S, E>(
        &self,
        body: S,
        options: WriteOptions<'_>,
    ) -> Result<Placement, WriteError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let mut body = pin!(body);
        let inner = &self.0;
        let mut head = BytesMut::new();
        let first_beyond = loop {
            match body.next().await.transpose().map_err(WriteError::Body)? {
                Some(chunk) if head.len() + chunk.len() <= inner.inline_limit => {
                    head.extend_from_slice(&chunk)
                }
                more_or_end => break more_or_end,
            }
        };
        let (keys, mut placement) = inner.new_placement(options.key)?;
        let Some(beyond) = first_beyond else {
            placement.size = head.len() as u64;
            placement.body = Body::Inline(keys.seal_inline(head.into())?);
            return Ok(placement);
        };
        let packed = options.pack == Pack::Compressed;
        let mut upload = Upload::new(inner.clone(), keys, (options.spread, options.zone), packed)?;
        let mut packer = packed.then(Packer::new);
        let mut push = async |chunk: &[u8]| {
            placement.size += chunk.len() as u64;
            match &mut packer {
                Some(packer) => packer.push(chunk, &mut upload).await,
                None => upload.push(chunk).await,
            }
        };
        push(&head).await?;
        drop(head);
        push(&beyond).await?;
        drop(beyond);
        while let Some(chunk) = body.next().await.transpose().map_err(WriteError::Body)? {
            push(&chunk).await?;
        }
        if let Some(packer) = packer {
            packer.finish(&mut upload).await?;
        }
        let uploaded = upload.finish().await?;
        Ok(Placement {
            body: Body::File(uploaded.id),
            packed: packed.then_some(uploaded.len),
            zones: uploaded.zones,
            spread: options.spread,
            crc: Some(uploaded.crc),
            ..placement
        })
    }
}

impl Inner {
    /// Fresh keys, and a placement of nothing yet that holds them wrapped.
    fn new_placement(&self, wrap: Option<&BodyWrap>) -> Result<(BodyKeys, Placement), BlobError> {
        let (holder, (inner, wrapped_key)) = match wrap {
            None => (Holder::Pond, self.wrapping_key.generate()?),
            Some(wrap) => (Holder::Caller, wrap.key().wrapping().generate()?),
        };
        let (outer, outer_key) = match wrap {
            Some(BodyWrap::Double(_)) => {
                let (key, wrapped) = self.wrapping_key.generate()?;
                (Some(key), Some(wrapped))
            }
            None | Some(BodyWrap::Single(_)) => (None, None),
        };
        let placement = Placement {
            size: 0,
            wrapped_key,
            body: Body::Inline(Vec::new()),
            holder,
            outer_key,
            packed: None,
            zones: Zones::default(),
            spread: Spread::default(),
            crc: None,
        };
        Ok((BodyKeys::new(&inner, outer.as_ref())?, placement))
    }
}

//! Bytes of objects: placement, framing, encryption at rest, the sweep.

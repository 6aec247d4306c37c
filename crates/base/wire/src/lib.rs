//! AWS's protocols: shapes, decoding, constraint checks, encoding, error bodies.

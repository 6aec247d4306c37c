//! Amazon S3, on the wire format of s3s.

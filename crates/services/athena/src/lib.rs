//! Amazon Athena.

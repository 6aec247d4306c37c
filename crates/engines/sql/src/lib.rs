//! The SQL engine: DataFusion over a catalog, the Athena dialect, memory limits.

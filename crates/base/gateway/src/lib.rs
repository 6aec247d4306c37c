//! The HTTP server: which service, SigV4, limits, authorization, rendering, metrics, access log.

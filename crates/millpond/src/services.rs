//! The list of services: the one place that names them all.

use std::sync::Arc;

use millpond_gateway::{ServiceTable, Services};
use millpond_sts::Sts;

use crate::pond::Foundation;

/// Opens every service over its part of the pond.
pub fn open(foundation: &Foundation) -> anyhow::Result<Services> {
    let services = Services::new().tasks(foundation.tasks.clone());
    Ok(services.service(millpond_sts::operations(), Arc::new(Sts)))
}

/// Every service's table, without a pond to serve from.
pub fn tables() -> Vec<ServiceTable> {
    vec![millpond_sts::operations().table()]
}

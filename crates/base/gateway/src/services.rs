//! The services of a pond, erased to what the gateway needs.

use std::sync::Arc;

use futures::future::BoxFuture;
use millpond_wire::ApiError;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use crate::authorization::Messages;
use crate::caller::{Call, Caller};
use crate::operation::{Answer, Message, OperationInfo, Operations, ServiceInfo, ServiceTable};
use crate::record::Recorder;
use crate::service::HttpService;

/// A service behind a table of operations.
pub(crate) trait Api: Send + Sync {
    fn info(&self) -> &ServiceInfo;
    fn table(&self) -> ServiceTable;
    /// The operation as the table has it.
    fn find(&self, operation: &str) -> Option<OperationInfo>;
    /// Whether a request that nobody signed may be for this service.
    fn takes_unsigned(&self) -> bool;
    /// `operation` is in the table.
    fn run(
        &self,
        operation: &str,
        caller: Caller,
        message: Message,
    ) -> BoxFuture<'static, Result<Answer, ApiError>>;
}

struct Bound<S> {
    operations: Operations<S>,
    svc: Arc<S>,
}

impl<S: Send + Sync + 'static> Api for Bound<S> {
    fn info(&self) -> &ServiceInfo {
        self.operations.info()
    }

    fn table(&self) -> ServiceTable {
        self.operations.table()
    }

    fn find(&self, operation: &str) -> Option<OperationInfo> {
        self.operations.table.get(operation).map(|operation| operation.info)
    }

    fn takes_unsigned(&self) -> bool {
        self.operations.takes_unsigned()
    }

    fn run(
        &self,
        operation: &str,
        caller: Caller,
        message: Message,
    ) -> BoxFuture<'static, Result<Answer, ApiError>> {
        let call = Call { svc: Arc::clone(&self.svc), caller };
        match self.operations.table.get(operation) {
            Some(operation) => (operation.run)(call, message),
            None => Box::pin(std::future::ready(Err(ApiError::unknown_operation()))),
        }
    }
}

/// The services that a gateway serves.
#[derive(Default)]
pub struct Services {
    pub(crate) apis: Vec<Arc<dyn Api>>,
    pub(crate) raw: Option<Arc<dyn HttpService>>,
    pub(crate) tasks: Vec<millpond_work::Tasks>,
    pub(crate) registry: Registry,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
    pub(crate) messages: Option<Arc<Messages>>,
}

impl Services {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn service<S: Send + Sync + 'static>(mut self, operations: Operations<S>, svc: Arc<S>) -> Self {
        self.apis.push(Arc::new(Bound { operations, svc }));
        self
    }

    /// The service that takes the raw request, and every request that no other service claims.
    #[must_use]
    pub fn http_service(mut self, service: Arc<dyn HttpService>) -> Self {
        self.raw = Some(service);
        self
    }

    /// Whose workers `/_millpond/health` shows.
    #[must_use]
    pub fn tasks(mut self, tasks: millpond_work::Tasks) -> Self {
        self.tasks.push(tasks);
        self
    }

    /// What a service counts, shown by `/_millpond/metrics` under `millpond_NAME`.
    #[must_use]
    pub fn counter(mut self, name: &str, help: &str, counter: Counter) -> Self {
        self.registry.sub_registry_with_prefix("millpond").register(name, help, counter);
        self
    }

    /// Who keeps a record of all requests.
    #[must_use]
    pub fn recorder(mut self, recorder: Arc<dyn Recorder>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// By whom those who are denied something are told why.
    #[must_use]
    pub fn messages(mut self, messages: Arc<Messages>) -> Self {
        self.messages = Some(messages);
        self
    }

    pub fn tables(&self) -> Vec<ServiceTable> {
        let apis = self.apis.iter().map(|api| api.table());
        let raw = self
            .raw
            .iter()
            .map(|raw| ServiceTable { info: raw.info().clone(), operations: raw.operations() });
        apis.chain(raw).collect()
    }
}

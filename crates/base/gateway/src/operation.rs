//! The table of operations: one line per operation, from which routing, authorization, metrics and the service matrix
//! are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use millpond_core::{Arn, ByteSize, RequestId};
pub(crate) use millpond_wire::Answer;
use millpond_wire::{ApiError, Encoding, Protocol, Shaped, Value, decode_seen, encode_seen};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::caller::{Call, Caller};
use crate::record::Note;

/// An IAM action, as `Action("kinesis:CreateStream")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action(pub &'static str);

/// What the gateway must know of a service.
#[derive(Debug, Clone)]
pub struct ServiceInfo {
    /// As the endpoint's host names it, and as logs, metrics and the matrix show it.
    pub name: &'static str,
    /// As credential scopes name it.
    pub signing_name: &'static str,
    pub protocol: Protocol,
    /// The code for broken constraints, as `ValidationException`.
    pub validation_code: &'static str,
    /// The largest body that a request may have; larger ones are refused before they are read.
    pub largest_body: ByteSize,
    /// Every operation that AWS's model of the service knows: what is not in the table is "not implemented", what is
    /// not here either is "unknown".
    pub known_operations: &'static [&'static str],
}

/// One line of the table, without its handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationInfo {
    pub name: &'static str,
    pub authorization: Authorization,
}

impl OperationInfo {
    pub(crate) fn is_unsigned(&self) -> bool {
        matches!(self.authorization, Authorization::Unsigned(_))
    }
}

/// Who asks the policy, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorization {
    /// The gateway, about resources that the input names.
    FromInput(Action),
    /// The handler, since only the stored state says which resource it is. A handler that answers without having
    /// asked is a bug, and its answer is withheld.
    InHandler(Action),
    /// Nobody: every caller with a valid signature may.
    Everyone,
    /// The handler, of callers who sign nothing: what they show instead is in the input.
    Unsigned(Action),
}

/// A service and its table, for the matrix in `docs/` and the coverage tests.
#[derive(Debug, Clone)]
pub struct ServiceTable {
    pub info: ServiceInfo,
    pub operations: Vec<OperationInfo>,
}

/// The resources that an operation is about. All of them must be allowed.
pub trait Resources {
    fn resources(self) -> Result<Vec<Arn>, ApiError>;
}

impl Resources for Arn {
    fn resources(self) -> Result<Vec<Arn>, ApiError> {
        Ok(vec![self])
    }
}

impl Resources for Vec<Arn> {
    fn resources(self) -> Result<Vec<Arn>, ApiError> {
        Ok(self)
    }
}

impl<const N: usize> Resources for [Arn; N] {
    fn resources(self) -> Result<Vec<Arn>, ApiError> {
        Ok(self.into())
    }
}

impl<R: Resources, E: Into<ApiError>> Resources for Result<R, E> {
    fn resources(self) -> Result<Vec<Arn>, ApiError> {
        self.map_err(Into::into)?.resources()
    }
}

type Run<S> = Box<dyn Fn(Call<S>, Message) -> BoxFuture<'static, Result<Answer, ApiError>> + Send + Sync>;

/// A request's body, and how it is written.
pub(crate) struct Message {
    pub(crate) encoding: Encoding,
    pub(crate) body: Bytes,
    pub(crate) request_id: RequestId,
    /// Where what is asked and answered is noted, when an event is wanted.
    pub(crate) note: Option<Arc<Note>>,
}

pub(crate) struct Operation<S> {
    pub(crate) info: OperationInfo,
    pub(crate) run: Run<S>,
}

/// A service's table of operations, in the order of their names.
pub struct Operations<S> {
    info: ServiceInfo,
    pub(crate) table: BTreeMap<&'static str, Operation<S>>,
}

impl<S: Send + Sync + 'static> Operations<S> {
    pub fn new(info: ServiceInfo) -> Self {
        Self { info, table: BTreeMap::new() }
    }

    pub fn info(&self) -> &ServiceInfo {
        &self.info
    }

    pub fn table(&self) -> ServiceTable {
        let operations = self.table.values().map(|operation| operation.info).collect();
        ServiceTable { info: self.info.clone(), operations }
    }

    /// The caller must be allowed `action` on every resource that `resources` names; it may refuse an input that names
    /// none properly.
    #[must_use]
    pub fn op<I, O, E, R, H, F>(
        self,
        name: &'static str,
        action: Action,
        resources: impl Fn(&Caller, &I) -> R + Send + Sync + 'static,
        handler: H,
    ) -> Self
    where
        I: Shaped + DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
        E: Into<ApiError> + 'static,
        R: Resources,
        H: Fn(Call<S>, I) -> F + Send + Sync + 'static,
        F: Future<Output = Result<O, E>> + Send + 'static,
    {
        let authorize = move |caller: &Caller, input: &I| {
            let resources = resources(caller, input).resources()?;
            resources.iter().try_for_each(|resource| caller.authorize(action.0, resource))
        };
        self.add(name, Authorization::FromInput(action), authorize, handler)
    }

    /// The handler asks [`Caller::authorize`] itself, since only what is stored says which resource it is about.
    #[must_use]
    pub fn op_authorized_in_handler<I, O, E, H, F>(
        self,
        name: &'static str,
        action: Action,
        handler: H,
    ) -> Self
    where
        I: Shaped + DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
        E: Into<ApiError> + 'static,
        H: Fn(Call<S>, I) -> F + Send + Sync + 'static,
        F: Future<Output = Result<O, E>> + Send + 'static,
    {
        self.add(name, Authorization::InHandler(action), |_, _| Ok(()), handler)
    }

    /// Whoever has a valid signature may.
    #[must_use]
    pub fn op_for_everyone<I, O, E, H, F>(self, name: &'static str, handler: H) -> Self
    where
        I: Shaped + DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
        E: Into<ApiError> + 'static,
        H: Fn(Call<S>, I) -> F + Send + Sync + 'static,
        F: Future<Output = Result<O, E>> + Send + 'static,
    {
        self.add(name, Authorization::Everyone, |_, _| Ok(()), handler)
    }

    /// Nobody signs it: the input itself says who asks, and the handler has that checked and asks [`Caller::authorize`].
    #[must_use]
    pub fn op_unsigned<I, O, E, H, F>(self, name: &'static str, action: Action, handler: H) -> Self
    where
        I: Shaped + DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
        E: Into<ApiError> + 'static,
        H: Fn(Call<S>, I) -> F + Send + Sync + 'static,
        F: Future<Output = Result<O, E>> + Send + 'static,
    {
        self.add(name, Authorization::Unsigned(action), |_, _| Ok(()), handler)
    }

    /// Whether a request that nobody signed may be for this service.
    pub(crate) fn takes_unsigned(&self) -> bool {
        self.table.values().any(|operation| operation.info.is_unsigned())
    }

    fn add<I, O, E, H, F>(
        mut self,
        name: &'static str,
        authorization: Authorization,
        authorize: impl Fn(&Caller, &I) -> Result<(), ApiError> + Send + Sync + 'static,
        handler: H,
    ) -> Self
    where
        I: Shaped + DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
        E: Into<ApiError> + 'static,
        H: Fn(Call<S>, I) -> F + Send + Sync + 'static,
        F: Future<Output = Result<O, E>> + Send + 'static,
    {
        let validation_code = self.info.validation_code;
        let run = move |call: Call<S>, message: Message| -> BoxFuture<'static, Result<Answer, ApiError>> {
            let Message { encoding, body, request_id, note } = message;
            let caller = call.caller.clone();
            // Decoded and authorized before anything waits, so that the future holds only the handler's own.
            let seen = |input: &Value| {
                if let Some(note) = &note {
                    note.asked(input, I::SECRETS);
                }
            };
            let started = decode_seen::<I>(&encoding, &body, validation_code, seen).and_then(|input| {
                authorize(&caller, &input)?;
                Ok(handler(call, input))
            });
            Box::pin(async move {
                let output = started?.await.map_err(Into::into)?;
                let by_handler =
                    matches!(authorization, Authorization::InHandler(_) | Authorization::Unsigned(_));
                if by_handler && !caller.was_authorized() {
                    return Err(ApiError::internal(format!("the handler of {name} asked for no permission")));
                }
                encode_seen(&encoding, name, &output, request_id, |output| {
                    if let Some(note) = &note {
                        note.answered(output, I::SECRETS);
                    }
                })
            })
        };
        let info = OperationInfo { name, authorization };
        let before = self.table.insert(name, Operation { info, run: Box::new(run) });
        assert!(before.is_none(), "the operation {name} stands twice in the table");
        self
    }
}

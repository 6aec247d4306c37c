//! The roles of a stream: what its deliveries may do is what the roles may do that the stream was given.

use millpond_core::{Arn, Scope};
use millpond_gateway::{Caller, Errand, RoleError};
use millpond_glue::GlueError;

use crate::Firehose;
use crate::error::FirehoseError;
use crate::model::{self, Destination, Source, Stream};
use crate::source::kinesis;

const SERVICE: &str = "firehose.amazonaws.com";
const SESSION: &str = "AWSFirehoseToS3";

/// As the service for a stream. Trust policies may ask for the account as `sts:ExternalId`, as AWS's guide has them do.
pub fn errand<'a>(stream: &'a Arn, scope: &'a Scope) -> Errand<'a> {
    Errand {
        service: SERVICE,
        resource: stream,
        scope,
        session: SESSION,
        external_id: Some(scope.account.as_str()),
    }
}

impl Firehose {
    /// Sees that the caller may hand over all roles of a new stream, and that they can do what AWS looks for at once: see the
    /// source, and the table that the records are to become.
    ///
    /// Errors: AccessDeniedException, InvalidArgumentException.
    pub(crate) fn pass_all(&self, caller: &Caller, stream: &Stream) -> Result<(), FirehoseError> {
        let destination = &stream.destination;
        self.pass(caller, &stream.name, &destination.role)?;
        if let Source::Kinesis { stream: source, role, .. } = &stream.source {
            let reader = self.pass(caller, &stream.name, role)?;
            kinesis::check(&self.context.kinesis, &reader, source)?;
        }
        self.pass_schema(caller, &stream.name, destination)
    }

    /// The part of it that concerns the table of a conversion.
    pub(crate) fn pass_schema(
        &self,
        caller: &Caller,
        name: &str,
        destination: &Destination,
    ) -> Result<(), FirehoseError> {
        let Some(conversion) = &destination.conversion else { return Ok(()) };
        let Some(schema) = &conversion.schema else { return Ok(()) };
        let reader = self.pass(caller, name, schema.role.as_ref().unwrap_or(&destination.role))?;
        if !conversion.enabled {
            return Ok(());
        }
        match self.context.glue.table(&reader, &schema.database, &schema.table) {
            Err(GlueError::Api(error)) if !error.is_server_fault() => {
                Err(FirehoseError::InvalidArgument(
                    "Access was denied when calling Glue. Please ensure that the role specified in the data format \
                     conversion configuration has the necessary permissions."
                        .to_owned(),
                ))
            }
            // Whether there is such a table is asked at each delivery.
            _ => Ok(()),
        }
    }

    pub(crate) fn pass(&self, caller: &Caller, name: &str, role: &str) -> Result<Caller, FirehoseError> {
        let arn = model::arn(&caller.scope, name);
        let passed = self.context.roles.pass(caller, role, &errand(&arn, &caller.scope));
        passed.map_err(|error| match error {
            RoleError::Denied(error) => FirehoseError::Api(error),
            RoleError::Refused { role, .. } => FirehoseError::InvalidArgument(format!(
                "Firehose is unable to assume role {role}. Please check the role provided."
            )),
            RoleError::Failed(source) => FirehoseError::Role(source),
        })
    }
}

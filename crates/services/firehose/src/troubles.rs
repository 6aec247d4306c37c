//! What keeps streams from delivering: why the last attempt failed, as DescribeDeliveryStream shows it until one succeeds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use millpond_gateway::RoleError;
use millpond_wire::ApiError;
use millpond_work::WorkError;
use uuid::Uuid;

/// By the stream's id. Cheap to clone; in memory alone, since the next attempt finds the trouble again.
#[derive(Debug, Clone, Default)]
pub struct Troubles(Arc<Mutex<HashMap<Uuid, String>>>);

impl Troubles {
    pub fn of(&self, stream: Uuid) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&stream).cloned()
    }

    /// Notes how an attempt ended.
    pub fn note(&self, stream: Uuid, failure: Option<&WorkError>) {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            Some(failure) => troubles.insert(stream, told(failure)),
            None => troubles.remove(&stream),
        };
    }
}

/// What the stream's owner may read: answers of other services and the role's. What broke inside is for the log.
fn told(failure: &WorkError) -> String {
    let answer = failure.downcast_ref::<ApiError>().filter(|error| !error.is_server_fault());
    let role = failure.downcast_ref::<RoleError>().filter(|error| matches!(error, RoleError::Refused { .. }));
    match (answer, role) {
        (Some(answer), _) => answer.message.clone(),
        (None, Some(refused)) => refused.to_string(),
        (None, None) => "An internal error occurred.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_reads_answers_and_nothing_of_the_inside() {
        let (troubles, stream) = (Troubles::default(), Uuid::from_u128(1));
        let refused = RoleError::Refused { service: "firehose.amazonaws.com", role: "arn:r".to_owned() };
        let failures: [(WorkError, &str); 3] = [
            (ApiError::access_denied("User: r may not").into(), "User: r may not"),
            (
                refused.into(),
                "firehose.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: arn:r",
            ),
            ("/secret/path: no space left".into(), "An internal error occurred."),
        ];
        for (failure, expected) in failures {
            troubles.note(stream, Some(&failure));
            assert_eq!(troubles.of(stream).as_deref(), Some(expected));
        }
        assert_eq!(troubles.of(Uuid::from_u128(2)), None);
        troubles.note(stream, None);
        assert_eq!(troubles.of(stream), None);
    }
}

"""Every operation that the program lists is known to its model, refuses who is not signed, and was called by a test.

The file's name puts it last: by then the other modules have called what they call.
"""

import pytest

import conformance
from operations import listed
from raw import TARGETS, Request, json_request

# Operations that no black-box test calls yet. The list only shrinks.
NOT_YET_CALLED = set()

# Nobody signs these: what they show instead is in the input, and there is none.
NEVER_SIGNED = {("sts", "AssumeRoleWithWebIdentity")}


def test_the_matrix_lists_every_service():
    assert {service for service, _ in listed()} == {"athena", "cloudtrail", "firehose", "glue", "iam", "kinesis", "kms", "s3", "sts"}


@pytest.mark.parametrize("service", sorted({service for service, _ in listed()}))
def test_nothing_is_answered_without_a_signature(pond, service):
    client = pond.client(service)
    known = set(client.meta.service_model.operation_names)
    for _, operation in (entry for entry in listed() if entry[0] == service):
        assert operation in known, f"botocore knows no {service}:{operation}"
        if service in TARGETS:
            answer = json_request(pond, service, operation).send(pond)
            assert (answer.status, answer.code) == (400, "MissingAuthenticationTokenException"), operation
        elif client.meta.service_model.resolved_protocol == "query":
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            form = f"Action={operation}&Version={client.meta.service_model.api_version}".encode()
            answer = Request("POST", f"{pond.endpoint}/", headers, form).send(pond)
            if (service, operation) in NEVER_SIGNED:
                assert (answer.status, answer.code) == (400, "ValidationError"), operation
                continue
            assert (answer.status, answer.code) == (403, "MissingAuthenticationToken"), operation


@pytest.mark.parametrize("method, path", [
    ("GET", "/"), ("PUT", "/a-bucket"), ("HEAD", "/a-bucket"), ("GET", "/a-bucket"), ("DELETE", "/a-bucket"),
    ("GET", "/a-bucket?location"), ("GET", "/a-bucket?list-type=2"), ("GET", "/a-bucket?uploads"), ("PUT", "/a-bucket/k"),
    ("GET", "/a-bucket/k"), ("HEAD", "/a-bucket/k"), ("DELETE", "/a-bucket/k"), ("POST", "/a-bucket/k?uploads"),
    ("PUT", "/a-bucket/k?partNumber=1&uploadId=u"), ("GET", "/a-bucket/k?uploadId=u"), ("DELETE", "/a-bucket/k?uploadId=u"),
])
def test_an_anonymous_caller_may_do_nothing_in_s3(pond, method, path):
    answer = Request(method, pond.endpoint + path).send(pond)
    assert answer.status == 403, (answer.status, answer.body)
    assert method == "HEAD" or answer.code == "AccessDenied"


def test_every_operation_was_called(request):
    if request.session.testscollected < 200:
        return  # A part of the suite calls a part of the operations.
    called = conformance.EXERCISED | {("s3", "PostObject")}
    missing = {entry for entry in listed() if entry not in called} - NOT_YET_CALLED
    assert not missing, f"no black-box test calls {sorted(missing)}"
    assert not NOT_YET_CALLED & called, "the list of exceptions can shrink"

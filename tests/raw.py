"""Raw HTTP requests, signed by botocore's own signer, that a test can bend before they are sent."""

import http.client
import json
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from unittest import mock

import botocore.auth
import botocore.compat
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

TARGETS = {
    "kinesis": "Kinesis_20131202", "firehose": "Firehose_20150804", "glue": "AWSGlue", "athena": "AmazonAthena",
    "kms": "TrentService", "cloudtrail": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
}


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def code(self):
        """The error's code, whichever way the service's protocol carries it."""
        if self.body.lstrip().startswith(b"<"):
            root = ET.fromstring(self.body)
            found = [e.text for e in root.iter() if e.tag.rsplit("}", 1)[-1] == "Code"]
            return found[0] if found else None
        try:
            return json.loads(self.body).get("__type", "").rsplit("#", 1)[-1] or None
        except ValueError:
            return None

    @property
    def message(self):
        if self.body.lstrip().startswith(b"<"):
            root = ET.fromstring(self.body)
            found = [e.text for e in root.iter() if e.tag.rsplit("}", 1)[-1] == "Message"]
            return found[0] if found else None
        parsed = json.loads(self.body)
        return parsed.get("message") or parsed.get("Message")


@dataclass
class Request:
    """One request. `sign` signs it as it stands; what is changed afterwards is tampering."""

    method: str
    url: str
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    def sign(self, keys, service, region="us-east-1", late=timedelta(0), presign=False, expires=300, signer=None):
        credentials = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])
        # A presigned URL says nothing of a body; botocore would read one as parameters.
        body = b"" if presign else self.body
        request = AWSRequest(method=self.method, url=self.url, data=body, headers=self.headers)
        if presign:
            cls = botocore.auth.S3SigV4QueryAuth if service == "s3" else botocore.auth.SigV4QueryAuth
            auth = cls(credentials, service, region, expires=expires)
        else:
            cls = signer or (botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth)
            auth = cls(credentials, service, region)
        with _shifted(late):
            auth.add_auth(request)
        prepared = request.prepare()
        self.url = prepared.url
        self.headers = {
            k: v.decode() if isinstance(v, bytes) else str(v) for k, v in prepared.headers.items()
        }
        if presign:
            self.headers.pop("Content-Length", None)
        return self

    def send(self, pond, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", pond.port, timeout=timeout)
        path = self.url.split("/", 3)
        try:
            connection.request(self.method, "/" + (path[3] if len(path) > 3 else ""), self.body, self.headers)
        except BrokenPipeError:
            # Refused before the body was read: the answer is there, as urllib3 (and with it boto3) knows.
            pass
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return answer


@contextmanager
def _shifted(by):
    """botocore's idea of now, moved by `by`."""
    real = botocore.compat.get_current_datetime

    def moved(*args, **kwargs):
        return real(*args, **kwargs) - by

    with mock.patch("botocore.auth.get_current_datetime", moved):
        yield


def json_request(pond, service, operation, body=b"{}", content_type="application/x-amz-json-1.1"):
    """An awsJson request that is not signed yet."""
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    headers = {"Content-Type": content_type, "X-Amz-Target": f"{TARGETS[service]}.{operation}"}
    return Request("POST", f"{pond.endpoint}/", headers, body)

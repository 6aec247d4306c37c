"""Holds every answer against botocore's model: unknown, missing or mistyped members fail the test.

botocore itself drops what it does not know, so the raw body is read here: JSON for the JSON protocols, XML for
query and rest-xml. Every operation that was called successfully is noted, for the coverage test.
"""

import json
import xml.etree.ElementTree as ET

EXERCISED = set()

# Errors that any operation may answer, whatever its own list says.
COMMON_ERRORS = {
    "AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "IncompleteSignatureException",
    "InternalFailure", "InternalServerError", "InvalidAction", "InvalidClientTokenId", "InvalidParameterValue", "InvalidSignatureException",
    "MissingAuthenticationToken", "MissingAuthenticationTokenException", "NotImplemented", "OptInRequired",
    "RequestExpired", "SerializationException", "ServiceUnavailable", "SignatureDoesNotMatch", "ThrottlingException",
    "UnknownOperationException", "UnrecognizedClientException", "ValidationError", "ValidationException",
    "MalformedQueryString", "RequestEntityTooLargeException",
}

# How S3 says that a bucket has no such configuration: the answer that these operations have as long as none can be made.
ABSENT_CONFIGURATIONS = {
    "NoSuchBucketPolicy", "NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration", "NoSuchTagSet",
    "NoSuchWebsiteConfiguration", "ObjectLockConfigurationNotFoundError", "ReplicationConfigurationNotFoundError",
}

JSON_TYPES = {
    "string": str, "character": str, "blob": str, "boolean": bool,
    "integer": int, "long": int, "float": (int, float), "double": (int, float), "timestamp": (int, float),
    "list": list, "map": dict, "structure": dict,
}


# Values that AWS answers although its model's enumeration lacks them.
BEYOND_THE_MODEL = {
    "ListObjectVersions.Version.StorageClass": [
        "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE", "REDUCED_REDUNDANCY",
    ],
}


def watch(client):
    """Checks every answer that `client` gets from now on."""
    client.meta.events.register("after-call", _after_call)
    return client


def _after_call(http_response, parsed, model, **_):
    status = http_response.status_code
    if status >= 300:
        _check_error(status, parsed, model)
        return
    EXERCISED.add((model.service_model.service_name, model.name))
    output = model.output_shape
    if output is None or model.has_streaming_output:
        return
    payload = output.serialization.get("payload")
    if payload and output.members[payload].type_name in ("string", "blob"):
        return  # The body is the value itself, as a bucket's policy is.
    body = http_response.content
    protocol = model.service_model.resolved_protocol
    where = model.name
    if protocol == "json":
        _check_json(json.loads(body or b"{}"), output, where)
    elif protocol in ("query", "rest-xml"):
        if body:
            _check_xml(ET.fromstring(body), output, where, protocol)
    else:
        raise AssertionError(f"no check for protocol {protocol}")


def _check_error(status, parsed, model):
    error = parsed.get("Error", {})
    code = error.get("Code", "")
    assert code, f"{model.name} answered {status} without an error code: {parsed}"
    if model.service_model.service_name == "s3":
        if code in ABSENT_CONFIGURATIONS:
            EXERCISED.add(("s3", model.name))
        return  # S3's model lists hardly any of its errors; the tests name the code that they expect.
    known = {shape.metadata.get("error", {}).get("code", shape.name) for shape in model.error_shapes}
    assert code in known | COMMON_ERRORS, f"{model.name} answered {code}, which its model does not list"
    if status != 304:
        assert error.get("Message"), f"{model.name} answered {code} without a message"


def _check_json(value, shape, where):
    kind = shape.type_name
    expected = JSON_TYPES[kind]
    assert isinstance(value, expected) and not (isinstance(value, bool) and kind != "boolean"), (
        f"{where}: {value!r} is no {kind}"
    )
    if kind == "structure":
        unknown = set(value) - set(shape.members)
        assert not unknown, f"{where} has members that the model does not know: {sorted(unknown)}"
        missing = {name for name in shape.required_members if value.get(name) is None}
        assert not missing, f"{where} lacks required members: {sorted(missing)}"
        for name, inner in value.items():
            _check_json(inner, shape.members[name], f"{where}.{name}")
    elif kind == "list":
        for index, inner in enumerate(value):
            _check_json(inner, shape.member, f"{where}[{index}]")
    elif kind == "map":
        for key, inner in value.items():
            _check_json(inner, shape.value, f"{where}[{key!r}]")
    elif kind == "string" and getattr(shape, "enum", None):
        assert value in shape.enum, f"{where}: {value!r} is not one of {shape.enum}"


def _local(tag):
    return tag.rsplit("}", 1)[-1]


def _check_xml(root, shape, where, protocol):
    if protocol == "query":
        results = [child for child in root if _local(child.tag).endswith("Result")]
        assert len(results) == 1 and any(_local(c.tag) == "ResponseMetadata" for c in root), f"{where}: {root.tag}"
        _check_xml_structure(results[0], shape, where)
        return
    payload = shape.serialization.get("payload")
    if payload:
        shape = shape.members[payload]
    if shape.type_name == "structure":
        _check_xml_structure(root, shape, where)


def _check_xml_structure(element, shape, where):
    names = {}
    for name, member in shape.members.items():
        if member.serialization.get("location"):
            continue
        wire_name = member.serialization.get("name", name)
        if member.type_name == "list" and member.serialization.get("flattened"):
            wire_name = member.member.serialization.get("name", wire_name)
        names[wire_name] = member
    for child in element:
        name = _local(child.tag)
        assert name in names, f"{where} has an element that the model does not know: {name}"
        _check_xml_member(child, names[name], f"{where}.{name}")


def _check_xml_member(element, shape, where):
    kind = shape.type_name
    if kind == "structure":
        _check_xml_structure(element, shape, where)
    elif kind == "list":
        if shape.serialization.get("flattened"):
            _check_xml_member(element, shape.member, where)
        else:
            for child in element:
                _check_xml_member(child, shape.member, where)
    elif kind == "map":
        for entry in element:
            parts = {_local(part.tag): part for part in entry}
            assert _local(entry.tag) == "entry" and set(parts) == {"key", "value"}, f"{where}: {ET.tostring(entry)}"
            _check_xml_member(parts["key"], shape.key, where)
            _check_xml_member(parts["value"], shape.value, where)
    elif kind in ("integer", "long"):
        int(element.text)
    elif kind == "boolean":
        assert element.text in ("true", "false"), f"{where}: {element.text!r} is no boolean"
    elif kind == "string" and getattr(shape, "enum", None):
        allowed = [*shape.enum, *BEYOND_THE_MODEL.get(where, []), ""]
        assert (element.text or "") in allowed, f"{where}: {element.text!r} is not one of {shape.enum}"

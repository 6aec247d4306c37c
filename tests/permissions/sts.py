"""STS."""

from permissions.world import TAGS, Ask, arn


def _assumed(w, *actions, **more):
    needs = [(f"sts:{action}", w.tagged_role) for action in ("AssumeRole", *actions)]
    return Ask({"RoleArn": w.tagged_role, "RoleSessionName": "session", **more}, needs)


def _federated(*actions, **more):
    target = arn("sts", "federated-user/guest", region="")
    needs = [(f"sts:{action}", target) for action in ("GetFederationToken", *actions)]
    return Ask({"Name": "guest", **more}, needs)


STS = {
    "AssumeRole": _assumed,
    "AssumeRole with a source identity": lambda w: _assumed(w, "SetSourceIdentity", SourceIdentity="me"),
    "AssumeRole with tags": lambda w: _assumed(w, "TagSession", Tags=TAGS),
    "DecodeAuthorizationMessage": lambda w: Ask({"EncodedMessage": w.denial}, [("sts:DecodeAuthorizationMessage", "*")]),
    "GetAccessKeyInfo": lambda w: Ask({"AccessKeyId": w.people[1]["key"]}, [("sts:GetAccessKeyInfo", "*")]),
    "GetCallerIdentity": lambda w: Ask({}, []),
    "GetFederationToken": lambda w: _federated(),
    "GetFederationToken with tags": lambda w: _federated("TagSession", Tags=TAGS),
    "GetSessionToken": lambda w: Ask({}, []),
}

"""CloudTrail."""

from permissions.world import TAGS, Ask, arn


def _trail(target, action, member="Name", **arguments):
    return Ask({member: target, **arguments}, [(f"cloudtrail:{action}", target)])


def _created_trail(w, *actions, **more):
    name = w.name()
    target = arn("cloudtrail", f"trail/{name}")
    w.drop_trail(target)
    needs = [(f"cloudtrail:{action}", target) for action in ("CreateTrail", *actions)]
    return Ask({"Name": name, "S3BucketName": w.log(), **more}, needs)


SELECTORS = [{"ReadWriteType": "All", "IncludeManagementEvents": True}]
CLOUDTRAIL = {
    "AddTags": lambda w: _trail(w.trail, "AddTags", "ResourceId", TagsList=TAGS),
    "CreateTrail": _created_trail,
    "CreateTrail with tags": lambda w: _created_trail(w, "AddTags", TagsList=TAGS),
    "DeleteTrail": lambda w: _trail(w.new_trail(), "DeleteTrail"),
    "DescribeTrails": lambda w: Ask({}, [("cloudtrail:DescribeTrails", "*")]),
    "GetEventSelectors": lambda w: _trail(w.trail, "GetEventSelectors", "TrailName"),
    "GetTrail": lambda w: _trail(w.trail, "GetTrail"),
    "GetTrailStatus": lambda w: _trail(w.trail, "GetTrailStatus"),
    "ListTags": lambda w: Ask({"ResourceIdList": [w.trail]}, [("cloudtrail:ListTags", w.trail)]),
    "ListTrails": lambda w: Ask({}, [("cloudtrail:ListTrails", "*")]),
    "LookupEvents": lambda w: Ask({"MaxResults": 1}, [("cloudtrail:LookupEvents", "*")]),
    "PutEventSelectors": lambda w: _trail(w.trail, "PutEventSelectors", "TrailName", EventSelectors=SELECTORS),
    "RemoveTags": lambda w: _trail(w.trail, "RemoveTags", "ResourceId", TagsList=[{"Key": "a"}]),
    "StartLogging": lambda w: _trail(w.trail, "StartLogging"),
    "StopLogging": lambda w: _trail(w.trail, "StopLogging"),
    "UpdateTrail": lambda w: _trail(w.trail, "UpdateTrail", S3KeyPrefix="p"),
}

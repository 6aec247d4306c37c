"""What kinds of things have in common, and how answers are compared with what was asked for."""

TAGS, OTHER_TAGS = {"env": "test", "team": "lake"}, {"env": "live"}
# Given by the service, and different each time.
GIVEN = {
    "ResponseMetadata", "CreateTime", "UpdateTime", "CreationTime", "CreateDate", "CreationDate", "CreateTimestamp",
    "LastUpdateTimestamp", "StreamCreationTimestamp", "LastUpdated", "LastModified", "UpdateDate", "RoleLastUsed",
}


def plain(value, *more):
    """An answer without what is given."""
    if isinstance(value, dict):
        return {k: plain(v, *more) for k, v in value.items() if k not in GIVEN and k not in more}
    return [plain(one, *more) for one in value] if isinstance(value, list) else value


def pairs(tags, key="Key", value="Value"):
    return [{key: k, value: v} for k, v in tags.items()]


def tags_of(found, key="Key", value="Value"):
    return {one[key]: one[value] for one in found}


class Cycle:
    """One kind of thing. `make` and `change` say to the service what `asked` and `changed` say to the reader."""

    service = ""
    asked = {}
    changed = {}
    # What AWS adds to what was asked for.
    added = {}
    # What reading answers when the thing is gone.
    gone = ""

    def __init__(self, pond, name):
        self.pond, self.name = pond, name
        self.client = pond.client(self.service)
        self.prepare()

    def prepare(self):
        """What the thing stands on."""

    def make(self):
        raise NotImplementedError

    def read(self):
        raise NotImplementedError

    def change(self):
        raise NotImplementedError

    def drop(self):
        raise NotImplementedError

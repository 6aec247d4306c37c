"""What infrastructure tools do: make a thing, read all of it back, find no difference from what was asked for, change it, read
again, drop it, be told that it is gone, and make it again under its name. The kinds are in `cycles`;
what AWS adds of its own stands there under `added`.
"""

import pytest
from botocore.exceptions import ClientError

from cycles import KINDS
from cycles.s3 import OfBucket


def without_nothing(value):
    """None stands for a member that is not there any more."""
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_cycle_leaves_no_difference(pond, name, kind):
    thing = kind(pond, name)
    replaces = issubclass(kind, OfBucket)
    for _ in range(2):
        thing.make()
        asked = {**thing.added, **thing.asked}
        assert without_nothing(thing.read()) == without_nothing(asked)
        thing.change()
        changed = {**thing.added, **thing.changed} if replaces else {**asked, **thing.changed}
        assert without_nothing(thing.read()) == without_nothing(changed)
        thing.drop()
        if isinstance(thing.gone, str):
            with pytest.raises(ClientError) as raised:
                thing.read()
            assert raised.value.response["Error"]["Code"] == thing.gone
        else:
            assert without_nothing(thing.read()) == without_nothing(thing.gone)

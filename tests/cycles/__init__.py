"""Every kind of resource, as an infrastructure tool drives it."""

from cycles.catalog import Classifier, Crawler, Database, Group, Partition, Table
from cycles.identity import ManagedPolicy, Profile, Provider, Role, User, UserGroup
from cycles.keys import Alias, Key, KeyGrant
from cycles.s3 import (
    AccessBlock, Bucket, Cors, Encryption, Lifecycle, Lists, Lock, Logging, Ownership, Payment,
    Policy, Tiering, Website,
)
from cycles.streams import Delivery, Stream
from cycles.trail import Trail

KINDS = [
    Bucket, Cors, Encryption, Lifecycle, Policy, Website, Ownership, AccessBlock, Tiering, Payment, Logging, Lists, Lock, Stream, Delivery,
    Database, Table, Partition, Crawler, Classifier, Group, User, UserGroup, Role, ManagedPolicy, Profile, Provider, Key, Alias, KeyGrant,
    Trail,
]

"""Firehose."""

from permissions.world import TAGS, Ask, arn, named

_firehose = named("firehose", "deliverystream", "DeliveryStreamName")


def _delivery(w, *actions, **more):
    name = w.name()
    needs = [(f"firehose:{action}", arn("firehose", f"deliverystream/{name}")) for action in actions]
    needs.append(("iam:PassRole", w.role))
    return _firehose(
        name, "CreateDeliveryStream", needs, ExtendedS3DestinationConfiguration=w.destination(), **more)


FIREHOSE = {
    "CreateDeliveryStream": _delivery,
    "CreateDeliveryStream with tags": lambda w: _delivery(w, "TagDeliveryStream", Tags=TAGS),
    "DeleteDeliveryStream": lambda w: _firehose(w.new_delivery(), "DeleteDeliveryStream"),
    "DescribeDeliveryStream": lambda w: _firehose(w.delivery, "DescribeDeliveryStream"),
    "ListDeliveryStreams": lambda w: Ask({}, [("firehose:ListDeliveryStreams", "*")]),
    "ListTagsForDeliveryStream": lambda w: _firehose(w.delivery, "ListTagsForDeliveryStream"),
    "PutRecord": lambda w: _firehose(w.delivery, "PutRecord", Record={"Data": b"x"}),
    "PutRecordBatch": lambda w: _firehose(w.delivery, "PutRecordBatch", Records=[{"Data": b"x"}]),
    "TagDeliveryStream": lambda w: _firehose(w.delivery, "TagDeliveryStream", Tags=TAGS),
    "UntagDeliveryStream": lambda w: _firehose(w.delivery, "UntagDeliveryStream", TagKeys=["a"]),
    "UpdateDestination": lambda w: _firehose(
        w.new_delivery(), "UpdateDestination", CurrentDeliveryStreamVersionId="1", DestinationId="destinationId-000000000001",
        ExtendedS3DestinationUpdate={"Prefix": "p/"}),
    "UpdateDestination with a role": lambda w: _firehose(
        w.new_delivery(), "UpdateDestination", [("iam:PassRole", w.role)], CurrentDeliveryStreamVersionId="1",
        DestinationId="destinationId-000000000001", ExtendedS3DestinationUpdate={"RoleARN": w.role}),
}

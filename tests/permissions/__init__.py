"""What a caller must be allowed for each operation: the actions and the resources that AWS documents, beside a call that can
work. Source: AWS's Service Authorization Reference, "Actions, resources, and condition keys" of each service; for S3 "Required
permissions for Amazon S3 API operations"; for Glue "Specifying AWS Glue resource ARNs".

A table's keys are operations, or an operation with what more is asked of it ("CreateBucket with an ACL"). Its entries make what
the call needs, as the root, and give an `Ask`. Where AWS knows no resource for an action, `*` stands for it.
"""

from permissions.athena import ATHENA
from permissions.cloudtrail import CLOUDTRAIL
from permissions.firehose import FIREHOSE
from permissions.glue import GLUE
from permissions.iam import IAM
from permissions.kinesis import KINESIS
from permissions.kms import KMS
from permissions.s3 import S3
from permissions.sts import STS

TABLES = {
    "athena": ATHENA, "cloudtrail": CLOUDTRAIL, "firehose": FIREHOSE, "glue": GLUE, "iam": IAM, "kinesis": KINESIS, "kms": KMS,
    "s3": S3, "sts": STS,
}

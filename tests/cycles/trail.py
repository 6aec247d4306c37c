"""CloudTrail."""

from cycles.base import OTHER_TAGS, TAGS, Cycle, pairs, plain, tags_of
from iam_world import text as policy_text
from operations import ACCOUNT


class Trail(Cycle):
    service, gone = "cloudtrail", "TrailNotFoundException"
    events = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [
        {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::lake/"]}], "ExcludeManagementEventSources": []}]
    writes = [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True, "DataResources": [], "ExcludeManagementEventSources": []}]
    changed = {"S3KeyPrefix": "b", "IncludeGlobalServiceEvents": False, "IsMultiRegionTrail": False, "tags": OTHER_TAGS, "logs": False,
               "selectors": writes, "HasCustomEventSelectors": True}
    added = {"LogFileValidationEnabled": False, "IsOrganizationTrail": False, "HasInsightSelectors": False, "HomeRegion": "us-east-1"}

    def prepare(self):
        s3, service = self.pond.client("s3"), {"Service": "cloudtrail.amazonaws.com"}
        s3.create_bucket(Bucket=self.name)
        s3.put_bucket_policy(Bucket=self.name, Policy=policy_text(
            {"Principal": service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{self.name}"},
            {"Principal": service, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{self.name}/*"}))
        self.asked = {
            "S3BucketName": self.name, "S3KeyPrefix": "a", "IncludeGlobalServiceEvents": True, "IsMultiRegionTrail": True, "tags": TAGS,
            "logs": True, "selectors": self.events, "HasCustomEventSelectors": True,
        }
        self.arn = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/{self.name}"

    def make(self):
        self.client.create_trail(Name=self.name, S3BucketName=self.name, S3KeyPrefix="a", IsMultiRegionTrail=True, TagsList=pairs(TAGS))
        self.client.put_event_selectors(TrailName=self.name, EventSelectors=self.events)
        self.client.start_logging(Name=self.name)

    def read(self):
        found = plain(self.client.get_trail(Name=self.name)["Trail"], "Name", "TrailARN")
        [tagged] = self.client.list_tags(ResourceIdList=[self.arn])["ResourceTagList"]
        return {
            **found, "tags": tags_of(tagged["TagsList"]), "logs": self.client.get_trail_status(Name=self.name)["IsLogging"],
            "selectors": self.client.get_event_selectors(TrailName=self.name)["EventSelectors"],
        }

    def change(self):
        self.client.update_trail(Name=self.name, S3KeyPrefix="b", IncludeGlobalServiceEvents=False, IsMultiRegionTrail=False)
        self.client.put_event_selectors(TrailName=self.name, EventSelectors=self.writes)
        self.client.remove_tags(ResourceId=self.arn, TagsList=pairs(TAGS))
        self.client.add_tags(ResourceId=self.arn, TagsList=pairs(OTHER_TAGS))
        self.client.stop_logging(Name=self.name)

    def drop(self):
        self.client.delete_trail(Name=self.name)

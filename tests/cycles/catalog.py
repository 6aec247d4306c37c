"""Glue and Athena."""

import json

from cycles.base import Cycle, plain
from iam_world import TRUST
from operations import ACCOUNT


class Database(Cycle):
    service, gone = "glue", "EntityNotFoundException"
    asked = {"Description": "d", "LocationUri": "s3://lake/", "Parameters": {"a": "b"}}
    changed = {"Description": "e", "Parameters": {"c": "d"}, "LocationUri": None}
    added = {"CatalogId": ACCOUNT}

    def make(self):
        self.client.create_database(DatabaseInput={"Name": self.name, **self.asked})

    def read(self):
        found = plain(self.client.get_database(Name=self.name)["Database"], "CreateTableDefaultPermissions")
        assert found.pop("Name") == self.name
        return found

    def change(self):
        self.client.update_database(Name=self.name, DatabaseInput={"Name": self.name, "Description": "e", "Parameters": {"c": "d"}})

    def drop(self):
        self.client.delete_database(Name=self.name)


STORED = {
    "Columns": [{"Name": "id", "Type": "bigint", "Comment": "which"}, {"Name": "at", "Type": "array<struct<a:int>>"}],
    "Location": "s3://lake/t/", "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat", "Compressed": False, "NumberOfBuckets": -1,
    "SerdeInfo": {"Name": "s", "SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde", "Parameters": {"separatorChar": ","}},
    "BucketColumns": [], "SortColumns": [{"Column": "id", "SortOrder": 1}], "Parameters": {"x": "y"}, "StoredAsSubDirectories": False,
}


class InDatabase(Cycle):
    service, gone = "glue", "EntityNotFoundException"

    def prepare(self):
        self.client.create_database(DatabaseInput={"Name": self.name})


class Table(InDatabase):
    asked = {
        "Description": "d", "Owner": "me", "Retention": 3, "StorageDescriptor": STORED, "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": "day", "Type": "date", "Comment": "when"}], "Parameters": {"classification": "csv"},
    }
    changed = {"Description": "e", "Parameters": {"classification": "csv", "more": "1"}, "Retention": 0, "Owner": None}

    def make(self):
        self.client.create_table(DatabaseName=self.name, TableInput={"Name": "t", **self.asked})

    def read(self):
        found = plain(self.client.get_table(DatabaseName=self.name, Name="t")["Table"])
        given = ("Name", "DatabaseName", "CatalogId", "VersionId", "IsRegisteredWithLakeFormation", "IsMultiDialectView", "CreatedBy")
        return {k: v for k, v in found.items() if k not in given}

    def change(self):
        wanted = {k: v for k, v in {**self.asked, **self.changed}.items() if v is not None}
        self.client.update_table(DatabaseName=self.name, TableInput={"Name": "t", **wanted})

    def drop(self):
        self.client.delete_table(DatabaseName=self.name, Name="t")


class Partition(InDatabase):
    asked = {"Values": ["2026", "x y/z"], "StorageDescriptor": STORED, "Parameters": {"a": "b"}}
    changed = {"Parameters": {"a": "c"}}

    def prepare(self):
        super().prepare()
        keys = [{"Name": "year", "Type": "int"}, {"Name": "what", "Type": "string"}]
        self.client.create_table(DatabaseName=self.name, TableInput={"Name": "t", "StorageDescriptor": STORED, "PartitionKeys": keys})
        self.of = {"DatabaseName": self.name, "TableName": "t"}

    def make(self):
        self.client.create_partition(**self.of, PartitionInput=self.asked)

    def read(self):
        found = self.client.get_partition(**self.of, PartitionValues=self.asked["Values"])["Partition"]
        return plain(found, "DatabaseName", "TableName", "CatalogId")

    def change(self):
        wanted = {**self.asked, **self.changed}
        self.client.update_partition(**self.of, PartitionValueList=self.asked["Values"], PartitionInput=wanted)

    def drop(self):
        self.client.delete_partition(**self.of, PartitionValues=self.asked["Values"])


class Crawler(Cycle):
    service, gone = "glue", "EntityNotFoundException"
    changed = {"Description": "e", "TablePrefix": "q_", "Version": 2}
    added = {
        "State": "READY", "Version": 1, "CrawlElapsedTime": 0, "Classifiers": [], "Configuration": '{"Version": 1.0}',
        "SchemaChangePolicy": {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"},
        "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
    }

    def prepare(self):
        self.pond.client("s3").create_bucket(Bucket=self.name)
        trust = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "glue.amazonaws.com"}}]}
        self.pond.client("iam").create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(trust))
        self.asked = {
            "Description": "d", "Role": self.name, "DatabaseName": "d", "TablePrefix": "p_", "Configuration": '{"Version": 1.0}',
            "Targets": {"S3Targets": [{"Path": f"s3://{self.name}/a", "Exclusions": ["*.tmp"], "SampleSize": 5}]},
            "SchemaChangePolicy": {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"},
        }

    def make(self):
        self.client.create_crawler(Name=self.name, **self.asked)

    def read(self):
        found = plain(self.client.get_crawler(Name=self.name)["Crawler"], "Name")
        # Kinds of targets that it has none of.
        found["Targets"] = {kind: targets for kind, targets in found["Targets"].items() if targets}
        return found

    def change(self):
        self.client.update_crawler(Name=self.name, Description="e", TablePrefix="q_")

    def drop(self):
        self.client.delete_crawler(Name=self.name)


class Classifier(Cycle):
    service, gone = "glue", "EntityNotFoundException"
    asked = {"Delimiter": ";", "QuoteSymbol": "'", "ContainsHeader": "PRESENT", "Header": ["a", "b"]}
    changed = {"Delimiter": "|", "ContainsHeader": "ABSENT", "Version": 2}
    added = {"Version": 1, "AllowSingleColumn": False}

    def make(self):
        self.client.create_classifier(CsvClassifier={"Name": self.name, **self.asked})

    def read(self):
        return plain(self.client.get_classifier(Name=self.name)["Classifier"]["CsvClassifier"], "Name")

    def change(self):
        self.client.update_classifier(CsvClassifier={"Name": self.name, "Delimiter": "|", "ContainsHeader": "ABSENT"})

    def drop(self):
        self.client.delete_classifier(Name=self.name)


class Group(Cycle):
    service, gone = "athena", "InvalidRequestException"
    asked = {
        "Description": "d", "EnforceWorkGroupConfiguration": False, "BytesScannedCutoffPerQuery": 10_000_000,
        "ResultConfiguration": {"OutputLocation": "s3://results/a/"},
    }
    changed = {
        "Description": "e", "EnforceWorkGroupConfiguration": True, "BytesScannedCutoffPerQuery": 20_000_000, "State": "DISABLED",
        "ResultConfiguration": {"OutputLocation": "s3://results/b/"},
    }
    added = {
        "State": "ENABLED", "PublishCloudWatchMetricsEnabled": False, "RequesterPaysEnabled": False,
        "EngineVersion": {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"},
    }

    def configuration(self, wanted):
        return {k: v for k, v in wanted.items() if k not in ("Description", "State", "ResultConfiguration")}

    def make(self):
        configuration = {**self.configuration(self.asked), "ResultConfiguration": self.asked["ResultConfiguration"]}
        self.client.create_work_group(Name=self.name, Description="d", Configuration=configuration)

    def read(self):
        found = plain(self.client.get_work_group(WorkGroup=self.name)["WorkGroup"], "Name")
        return {**found.pop("Configuration"), **found}

    def change(self):
        updates = {**self.configuration(self.changed), "ResultConfigurationUpdates": self.changed["ResultConfiguration"]}
        self.client.update_work_group(WorkGroup=self.name, Description="e", State="DISABLED", ConfigurationUpdates=updates)

    def drop(self):
        self.client.delete_work_group(WorkGroup=self.name)

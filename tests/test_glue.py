"""The Glue Data Catalog and crawlers by boto3 and awswrangler."""

import gzip
import io
from concurrent.futures import ThreadPoolExecutor

import awswrangler as wr
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from pond import wait_for
from raw import json_request

LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


@pytest.fixture(scope="module", autouse=True)
def roles(pond):
    """What crawls of the module's pond work as."""
    pond.service_role("r")
    pond.service_role("Crawl", Path="/service-role/")


@pytest.fixture
def glue(pond):
    return pond.client("glue")


@pytest.fixture
def database(glue, name):
    glue.create_database(DatabaseInput={"Name": name})
    return name


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def descriptor(location="s3://nowhere/t/", **more):
    return {
        "Columns": [{"Name": "Id", "Type": "bigint"}, {"Name": "name", "Type": "string", "Comment": "who"}],
        "Location": location,
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {"SerializationLibrary": LAZY, "Parameters": {"field.delim": ","}},
        **more,
    }


def table_input(name="t", keys=(), **more):
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": descriptor(),
        "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in keys],
        "Parameters": {"classification": "csv"},
        **more,
    }


@pytest.fixture
def table(glue, database):
    """A table partitioned by year (string) and month (int)."""
    glue.create_table(DatabaseName=database, TableInput=table_input(keys=[("year", "string"), ("month", "int")]))
    return {"DatabaseName": database, "TableName": "t"}


def pages(call, member, **arguments):
    """The items of every page, and how many pages there were."""
    items, count = [], 0
    while True:
        page = call(**arguments)
        items += page[member]
        count += 1
        if not page.get("NextToken"):
            return items, count
        arguments["NextToken"] = page["NextToken"]


def values(partitions):
    return ["/".join(partition["Values"]) for partition in partitions]


# Databases


def test_a_database_is_made_changed_and_dropped(glue, name):
    glue.create_database(DatabaseInput={"Name": name.upper(), "Description": "d", "Parameters": {"a": "b"}})
    made = glue.get_database(Name=name)["Database"]
    assert (made["Name"], made["Description"], made["Parameters"]) == (name, "d", {"a": "b"})
    assert made["CatalogId"] == "000000000000" and made["CreateTime"]
    again = refused(glue.create_database, DatabaseInput={"Name": name})
    assert again == ("AlreadyExistsException", "Database already exists.")
    glue.update_database(Name=name, DatabaseInput={"Name": name, "LocationUri": "s3://x/"})
    changed = glue.get_database(Name=name)["Database"]
    assert changed["LocationUri"] == "s3://x/" and "Description" not in changed
    glue.delete_database(Name=name)
    gone = ("EntityNotFoundException", f"Database {name} not found.")
    for call in (glue.get_database, glue.delete_database):
        assert refused(call, Name=name) == gone
    assert refused(glue.get_tables, DatabaseName=name) == gone


def test_databases_are_listed_in_pages(glue, name):
    names = sorted(f"{name}-{n}" for n in range(5))
    for each in names:
        glue.create_database(DatabaseInput={"Name": each})
    listed, count = pages(glue.get_databases, "DatabaseList", MaxResults=2)
    assert count > 2
    assert [each["Name"] for each in listed if each["Name"].startswith(name)] == names
    assert refused(glue.get_databases, NextToken="no token")[0] == "InvalidInputException"


# Tables


def test_a_table_keeps_what_it_was_made_of(glue, database):
    wanted = table_input("Flights", keys=[("Year", "string")], Owner="me", Retention=3, Description="all")
    wanted["StorageDescriptor"] |= {
        "BucketColumns": ["id"], "NumberOfBuckets": 4, "SortColumns": [{"Column": "id", "SortOrder": 1}],
        "SkewedInfo": {"SkewedColumnNames": ["id"], "SkewedColumnValues": ["1"], "SkewedColumnValueLocationMaps": {"1": "s3://x/"}},
    }
    glue.create_table(DatabaseName=database, TableInput=wanted)
    made = glue.get_table(DatabaseName=database, Name="FLIGHTS")["Table"]
    assert (made["Name"], made["Owner"], made["Retention"], made["Description"]) == ("flights", "me", 3, "all")
    assert made["VersionId"] == "0" and made["CreatedBy"] == "arn:aws:iam::000000000000:root"
    assert made["PartitionKeys"] == [{"Name": "year", "Type": "string"}]
    kept = made["StorageDescriptor"]
    assert [column["Name"] for column in kept["Columns"]] == ["id", "name"]
    for member in ("BucketColumns", "NumberOfBuckets", "SortColumns", "SkewedInfo", "SerdeInfo", "Location"):
        assert kept[member] == wanted["StorageDescriptor"][member], member
    again = refused(glue.create_table, DatabaseName=database, TableInput={"Name": "flights"})
    assert again == ("AlreadyExistsException", "Table already exists.")
    assert refused(glue.get_table, DatabaseName=database, Name="nope") == (
        "EntityNotFoundException", "Table nope not found.")
    assert glue.get_partition_indexes(DatabaseName=database, TableName="flights")["PartitionIndexDescriptorList"] == []


def test_tables_are_listed_by_pattern_and_dropped_in_batches(glue, database):
    for n in range(5):
        glue.create_table(DatabaseName=database, TableInput={"Name": f"a{n}"})
    glue.create_table(DatabaseName=database, TableInput={"Name": "b"})
    listed, count = pages(glue.get_tables, "TableList", DatabaseName=database, MaxResults=4)
    assert ([each["Name"] for each in listed], count) == (["a0", "a1", "a2", "a3", "a4", "b"], 2)
    listed, _ = pages(glue.get_tables, "TableList", DatabaseName=database, Expression="a[0-2]|b")
    assert [each["Name"] for each in listed] == ["a0", "a1", "a2", "b"]
    assert refused(glue.get_tables, DatabaseName=database, Expression="(")[0] == "InvalidInputException"
    errors = glue.batch_delete_table(DatabaseName=database, TablesToDelete=["A0", "nope"])["Errors"]
    assert [(each["TableName"], each["ErrorDetail"]["ErrorCode"]) for each in errors] == [
        ("nope", "EntityNotFoundException")]
    glue.delete_table(DatabaseName=database, Name="b")
    listed, _ = pages(glue.get_tables, "TableList", DatabaseName=database)
    assert [each["Name"] for each in listed] == ["a1", "a2", "a3", "a4"]


def test_updates_keep_versions(glue, database):
    glue.create_table(DatabaseName=database, TableInput=table_input(Description="0"))
    for n in range(1, 4):
        glue.update_table(DatabaseName=database, TableInput=table_input(Description=str(n)), SkipArchive=n == 3)
    of = {"DatabaseName": database, "TableName": "t"}
    versions, _ = pages(glue.get_table_versions, "TableVersions", MaxResults=2, **of)
    assert [(each["VersionId"], each["Table"]["Description"]) for each in versions] == [("3", "3"), ("1", "1"), ("0", "0")]
    assert glue.get_table_version(VersionId="1", **of)["TableVersion"]["Table"]["Description"] == "1"
    stale = refused(glue.update_table, DatabaseName=database, TableInput=table_input(), VersionId="2")
    assert stale == ("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
    glue.delete_table_version(VersionId="0", **of)
    assert refused(glue.get_table_version, VersionId="0", **of)[0] == "EntityNotFoundException"
    errors = glue.batch_delete_table_version(VersionIds=["1", "9", "x"], **of)["Errors"]
    assert [(each["VersionId"], each["ErrorDetail"]["ErrorCode"]) for each in errors] == [
        ("9", "EntityNotFoundException"), ("x", "InvalidInputException")]


def test_broken_input_is_refused_by_name(glue, database, pond):
    code, message = refused(glue.create_table, DatabaseName=database, TableInput={
        "Name": "t", "StorageDescriptor": {"Columns": [{"Name": "c", "Type": "x" * 131_073}]}})
    assert code == "InvalidInputException"
    assert "tableInput.storageDescriptor.columns.1.member.type" in message and "131072" in message
    code, message = refused(glue.create_table, DatabaseName=database, TableInput={"Name": "t"}, PartitionIndexes=[
        {"Keys": ["a"], "IndexName": "i"}])
    assert code == "InvalidInputException" and "partitionIndexes" in message
    assert refused(glue.get_databases, CatalogId="111111111111")[0] == "AccessDeniedException"
    assert refused(glue.get_databases, CatalogId="elsewhere")[0] == "EntityNotFoundException"
    answer = json_request(pond, "glue", "CreateDatabase", {"DatabaseInput": {"Name": 5}}).sign(pond.credentials, "glue").send(pond)
    assert (answer.status, answer.code) == (400, "SerializationException")


# Partitions


def test_one_partition_is_made_moved_and_dropped(glue, table):
    sd = descriptor("s3://nowhere/t/2013/1/")
    glue.create_partition(PartitionInput={"Values": ["2013", "1"], "StorageDescriptor": sd, "Parameters": {"a": "b"}}, **table)
    made = glue.get_partition(PartitionValues=["2013", "1"], **table)["Partition"]
    assert (made["Values"], made["TableName"], made["Parameters"]) == (["2013", "1"], "t", {"a": "b"})
    assert made["StorageDescriptor"]["Location"] == sd["Location"]
    again = refused(glue.create_partition, PartitionInput={"Values": ["2013", "1"]}, **table)
    assert again == ("AlreadyExistsException", "Partition already exists.")
    few = refused(glue.create_partition, PartitionInput={"Values": ["2013"]}, **table)
    assert few == ("InvalidInputException", "The number of partition keys do not match the number of partition values")
    glue.update_partition(PartitionValueList=["2013", "1"], PartitionInput={"Values": ["2014", "1"]}, **table)
    gone = ("EntityNotFoundException", "Cannot find partition.")
    assert refused(glue.get_partition, PartitionValues=["2013", "1"], **table) == gone
    glue.delete_partition(PartitionValues=["2014", "1"], **table)
    assert refused(glue.delete_partition, PartitionValues=["2014", "1"], **table) == gone


def test_partitions_in_batches_fail_one_by_one(glue, table):
    made = glue.batch_create_partition(PartitionInputList=[{"Values": ["2013", str(n)]} for n in (1, 2, 3, 1)], **table)
    assert [(each["PartitionValues"], each["ErrorDetail"]["ErrorCode"]) for each in made["Errors"]] == [
        (["2013", "1"], "AlreadyExistsException")]
    got = glue.batch_get_partition(PartitionsToGet=[{"Values": ["2013", "3"]}, {"Values": ["1", "1"]}], **table)
    assert values(got["Partitions"]) == ["2013/3"] and got["UnprocessedKeys"] == []
    changed = glue.batch_update_partition(Entries=[
        {"PartitionValueList": ["2013", "2"], "PartitionInput": {"Values": ["2013", "2"], "Parameters": {"x": "y"}}},
        {"PartitionValueList": ["9", "9"], "PartitionInput": {"Values": ["9", "9"]}}], **table)
    assert [each["PartitionValueList"] for each in changed["Errors"]] == [["9", "9"]]
    gone = glue.batch_delete_partition(PartitionsToDelete=[{"Values": ["2013", "1"]}, {"Values": ["9", "9"]}], **table)
    assert [each["PartitionValues"] for each in gone["Errors"]] == [["9", "9"]]
    listed, _ = pages(glue.get_partitions, "Partitions", **table)
    assert values(listed) == ["2013/2", "2013/3"] and listed[0]["Parameters"] == {"x": "y"}


def test_partitions_are_found_by_expression(glue, table):
    for year in ("2012", "2013"):
        glue.batch_create_partition(PartitionInputList=[
            {"Values": [year, f"{month:02}"], "StorageDescriptor": descriptor()} for month in range(1, 13)], **table)
    for expression, wanted in [
        ("year = '2013' AND month = 2", ["2013/02"]),
        ("year='2012' and month between 11 and 12", ["2012/11", "2012/12"]),
        ("month in (1) or (year = '2013' and not month < 12)", ["2012/01", "2013/01", "2013/12"]),
        ("year like '%3' and month >= 11 and month <> 12", ["2013/11"]),
        ("year > '2013'", []),
        ("year is null", []),
    ]:
        listed, _ = pages(glue.get_partitions, "Partitions", Expression=expression, **table)
        assert values(listed) == wanted, expression
    listed, count = pages(glue.get_partitions, "Partitions", MaxResults=10, **table)
    assert (len(listed), count) == (24, 3)
    shares = [pages(glue.get_partitions, "Partitions", Segment={"SegmentNumber": n, "TotalSegments": 3}, **table)[0] for n in range(3)]
    assert sorted(values(sum(shares, []))) == values(listed)
    bare = glue.get_partitions(ExcludeColumnSchema=True, MaxResults=1, **table)["Partitions"][0]
    assert not bare["StorageDescriptor"].get("Columns")
    for expression, said in [
        ("nope = 1", "Unknown column 'nope'"),
        ("month = 'x'", '"x" is not an integer.'),
        ("month like '1%'", "Integral data type doesn't support operation 'LIKE'"),
        ("year = ", "Unsupported expression 'year = '"),
        ("lower(year) = 'x'", "Unsupported expression 'lower(year) = 'x''"),
    ]:
        assert refused(glue.get_partitions, Expression=expression, **table) == ("InvalidInputException", said)
    assert refused(glue.get_partitions, Segment={"SegmentNumber": 3, "TotalSegments": 3}, **table)[0] == "InvalidInputException"


def test_many_partitions_page_and_prune(glue, database):
    of = {"DatabaseName": database, "TableName": "t"}
    glue.create_table(DatabaseName=database, TableInput=table_input(keys=[("day", "string"), ("hour", "string")]))
    batches = [[{"Values": [f"d{n:04}", f"{h:03}"]} for h in range(100)] for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda batch: glue.batch_create_partition(PartitionInputList=batch, **of), batches):
            assert answer["Errors"] == []
    listed, count = pages(glue.get_partitions, "Partitions", **of)
    assert (len(listed), count) == (20_000, 20)
    listed, count = pages(glue.get_partitions, "Partitions", Expression="day = 'd0150' and hour >= '090'", **of)
    assert (len(listed), count) == (10, 1), "equality on the leading key seeks"
    listed, count = pages(glue.get_partitions, "Partitions", Expression="hour = '099'", **of)
    assert len(listed) == 200


# Crawlers


def crawl(glue, name):
    glue.start_crawler(Name=name)
    wait_for(f"{name} is READY", lambda: glue.get_crawler(Name=name)["Crawler"]["State"] == "READY")
    last = glue.get_crawler(Name=name)["Crawler"]["LastCrawl"]
    assert last["Status"] == "SUCCEEDED", last


def parquet(**columns):
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


@pytest.fixture
def lake(pond, bucket):
    s3 = pond.client("s3")
    objects = {
        "lake/planes/planes.csv": b"tailnum,year,seats\nN1,2004,55\nN2,1998,182\n",
        "lake/airlines/airlines.csv": b"carrier,name\n9E,Endeavor Air Inc.\nAA,American Airlines Inc.\n",
        "lake/quoted/q.csv": b'a;b\n"x; y";1\n"say ""hi""";2\n',
        "lake/events/2013/01/05/e.json.gz": gzip.compress(b'{"id": 1, "who": {"name": "a", "tags": ["x"]}}\n{"id": 5000000000, "ok": true}\n'),
        "lake/flights/year=2013/month=1/f.parquet": parquet(n=[1, 2], s=["a", "b"]),
        "lake/flights/year=2013/month=2/f.parquet": parquet(n=[3], s=["c"]),
        "lake/flights/year=2013/month=2/broken.parquet": parquet(n=[3], s=["c"])[:50],
        "lake/flights/_SUCCESS": b"",
    }
    for key, body in objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    return bucket


def columns(table):
    return [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]


def test_a_crawler_finds_tables_partitions_and_what_is_new(pond, glue, lake, name):
    database = f"{name}-db"
    glue.create_crawler(
        Name=name, Role="arn:aws:iam::000000000000:role/service-role/Crawl", DatabaseName=database, TablePrefix="raw_",
        Targets={"S3Targets": [{"Path": f"s3://{lake}/lake/"}]}, Description="all of it")
    crawl(glue, name)
    tables = {table["Name"]: table for table in pages(glue.get_tables, "TableList", DatabaseName=database)[0]}
    assert sorted(tables) == ["raw_airlines", "raw_events", "raw_flights", "raw_planes", "raw_quoted"]

    planes = tables["raw_planes"]
    assert columns(planes) == [("tailnum", "string"), ("year", "bigint"), ("seats", "bigint")]
    assert planes["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] == LAZY
    assert planes["Parameters"].items() >= {
        "classification": "csv", "delimiter": ",", "skip.header.line.count": "1", "compressionType": "none",
        "typeOfData": "file", "objectCount": "1", "recordCount": "2", "UPDATED_BY_CRAWLER": name}.items()
    # No column tells the header from the data: so does AWS's classifier.
    assert columns(tables["raw_airlines"]) == [("col0", "string"), ("col1", "string")]
    quoted = tables["raw_quoted"]["StorageDescriptor"]["SerdeInfo"]
    assert quoted["SerializationLibrary"] == "org.apache.hadoop.hive.serde2.OpenCSVSerde"
    assert quoted["Parameters"]["separatorChar"] == ";"
    assert columns(tables["raw_quoted"]) == [("a", "string"), ("b", "bigint")]
    events = tables["raw_events"]
    assert columns(events) == [("id", "bigint"), ("who", "struct<name:string,tags:array<string>>"), ("ok", "boolean")]
    assert [key["Name"] for key in events["PartitionKeys"]] == ["partition_0", "partition_1", "partition_2"]
    assert events["Parameters"]["compressionType"] == "gzip"

    of = {"DatabaseName": database, "TableName": "raw_flights"}
    assert columns(tables["raw_flights"]) == [("n", "bigint"), ("s", "string")]
    assert values(pages(glue.get_partitions, "Partitions", **of)[0]) == ["2013/1", "2013/2"]
    found = glue.get_partition(PartitionValues=["2013", "2"], **of)["Partition"]
    assert found["StorageDescriptor"]["Location"] == f"s3://{lake}/lake/flights/year=2013/month=2/"

    s3 = pond.client("s3")
    s3.put_object(Bucket=lake, Key="lake/flights/year=2014/month=1/f.parquet", Body=parquet(n=[1], s=["x"], delay=[1.5]))
    s3.delete_object(Bucket=lake, Key="lake/planes/planes.csv")
    crawl(glue, name)
    flights = glue.get_table(DatabaseName=database, Name="raw_flights")["Table"]
    assert (columns(flights)[-1], flights["VersionId"]) == (("delay", "double"), "1")
    assert values(pages(glue.get_partitions, "Partitions", **of)[0]) == ["2013/1", "2013/2", "2014/1"]
    assert "DEPRECATED_BY_CRAWLER" in glue.get_table(DatabaseName=database, Name="raw_planes")["Table"]["Parameters"]
    metrics = glue.get_crawler_metrics(CrawlerNameList=[name])["CrawlerMetricsList"][0]
    assert (metrics["CrawlerName"], metrics["TablesCreated"], metrics["TablesUpdated"]) == (name, 0, 2)


def test_a_classifier_of_ones_own_knows_the_header(glue, lake, name):
    glue.create_classifier(CsvClassifier={"Name": name, "ContainsHeader": "UNKNOWN", "Delimiter": ","})
    assert refused(glue.create_classifier, CsvClassifier={"Name": name})[0] == "AlreadyExistsException"
    glue.update_classifier(CsvClassifier={"Name": name, "ContainsHeader": "PRESENT"})
    made = glue.get_classifier(Name=name)["Classifier"]["CsvClassifier"]
    assert (made["ContainsHeader"], made["Delimiter"], made["Version"]) == ("PRESENT", ",", 2)
    assert name in [each["CsvClassifier"]["Name"] for each in pages(glue.get_classifiers, "Classifiers", MaxResults=1)[0]]
    glue.create_crawler(
        Name=name, Role="r", DatabaseName=f"{name}-own", Classifiers=[name],
        Targets={"S3Targets": [{"Path": f"s3://{lake}/lake/airlines"}, {"Path": f"s3://{lake}/lake/quoted"}]})
    assert glue.get_crawler(Name=name)["Crawler"]["Classifiers"] == [name]
    crawl(glue, name)
    tables = {table["Name"]: table for table in pages(glue.get_tables, "TableList", DatabaseName=f"{name}-own")[0]}
    assert columns(tables["airlines"]) == [("carrier", "string"), ("name", "string")]
    assert tables["airlines"]["Parameters"]["skip.header.line.count"] == "1"
    assert columns(tables["quoted"]) == [("a", "string"), ("b", "bigint")], "what it does not fit goes to the built-in one"
    code, message = refused(glue.create_classifier, GrokClassifier={"Name": "g", "Classification": "c", "GrokPattern": "p"})
    assert code == "InvalidInputException" and "grokClassifier" in message
    glue.delete_classifier(Name=name)
    for call in (glue.get_classifier, glue.delete_classifier):
        assert refused(call, Name=name)[0] == "EntityNotFoundException"


def test_a_crawler_is_made_changed_listed_and_dropped(glue, name, bucket):
    make = {"Name": name, "Role": "r", "DatabaseName": "d", "Targets": {"S3Targets": [
        {"Path": f"s3://{bucket}/x", "Exclusions": ["*.tmp"], "SampleSize": 5}]}}
    glue.create_crawler(SchemaChangePolicy={"UpdateBehavior": "LOG", "DeleteBehavior": "DELETE_FROM_DATABASE"}, **make)
    made = glue.get_crawler(Name=name)["Crawler"]
    assert (made["State"], made["Role"], made["Version"]) == ("READY", "r", 1)
    assert made["Targets"]["S3Targets"] == make["Targets"]["S3Targets"]
    assert made["SchemaChangePolicy"] == {"UpdateBehavior": "LOG", "DeleteBehavior": "DELETE_FROM_DATABASE"}
    assert refused(glue.create_crawler, **make)[0] == "AlreadyExistsException"
    glue.update_crawler(Name=name, Description="new", Configuration='{"Version": 1.0}')
    made = glue.get_crawler(Name=name)["Crawler"]
    assert (made["Description"], made["Version"], made["DatabaseName"]) == ("new", 2, "d")
    assert name in pages(glue.list_crawlers, "CrawlerNames", MaxResults=1)[0]
    assert name in [each["Name"] for each in pages(glue.get_crawlers, "Crawlers", MaxResults=1)[0]]
    batch = glue.batch_get_crawlers(CrawlerNames=[name, "nope"])
    assert ([each["Name"] for each in batch["Crawlers"]], batch["CrawlersNotFound"]) == ([name], ["nope"])
    assert refused(glue.stop_crawler, Name=name)[0] == "CrawlerNotRunningException"
    glue.delete_crawler(Name=name)
    for call in (glue.get_crawler, glue.start_crawler, glue.delete_crawler):
        assert refused(call, Name=name)[0] == "EntityNotFoundException"


@pytest.mark.parametrize("more, word", [
    ({"Schedule": "cron(0 1 * * ? *)"}, "schedule"),
    ({"Classifiers": ["nowhere"]}, "Classifier nowhere not found."),
    ({"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"}}, "CRAWL_NEW_FOLDERS_ONLY"),
    ({"Targets": {"JdbcTargets": [{"ConnectionName": "c"}]}}, "jdbcTargets"),
    ({"Targets": {"S3Targets": []}}, "target"),
    ({"Configuration": '{"Version": 1.0, "CreatePartitionIndex": true}'}, "CreatePartitionIndex"),
    ({"Configuration": "{"}, "Configuration"),
])
def test_what_a_crawler_does_not_do_is_refused_by_name(glue, name, more, word):
    wanted = {"Name": name, "Role": "r", "DatabaseName": "d", "Targets": {"S3Targets": [{"Path": "s3://b/x"}]}} | more
    code, message = refused(glue.create_crawler, **wanted)
    assert code == "InvalidInputException" and word in message


def test_a_crawl_fails_with_its_reason_and_can_be_stopped(pond, glue, name, bucket):
    targets = {"S3Targets": [{"Path": "s3://there-is-no-such-bucket/x"}]}
    glue.create_crawler(Name=name, Role="r", DatabaseName="d", Targets=targets)
    glue.start_crawler(Name=name)
    wait_for("the crawl ended", lambda: glue.get_crawler(Name=name)["Crawler"]["State"] == "READY")
    last = glue.get_crawler(Name=name)["Crawler"]["LastCrawl"]
    assert (last["Status"], last["ErrorMessage"]) == ("FAILED", "The specified bucket does not exist")
    s3 = pond.client("s3")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: s3.put_object(Bucket=bucket, Key=f"x/{n}/f.json", Body=b'{"a": 1}\n' * 50), range(400)))
    glue.update_crawler(Name=name, Targets={"S3Targets": [{"Path": f"s3://{bucket}/x"}] * 20})
    glue.start_crawler(Name=name)
    for call in (glue.start_crawler, glue.delete_crawler):
        assert refused(call, Name=name)[0] == "CrawlerRunningException"
    glue.stop_crawler(Name=name)
    wait_for("the crawl ended", lambda: glue.get_crawler(Name=name)["Crawler"]["State"] == "READY")
    assert glue.get_crawler(Name=name)["Crawler"]["LastCrawl"]["Status"] == "CANCELLED"


def test_the_catalog_and_a_running_crawl_survive_a_kill(fresh_pond):
    fresh_pond.service_role("r")
    glue, s3 = fresh_pond.client("glue"), fresh_pond.client("s3")
    s3.create_bucket(Bucket="survivor")
    for n in range(60):
        s3.put_object(Bucket="survivor", Key=f"t/day={n}/f.csv", Body=b"a,b\n1,2\n3,4\n")
    glue.create_database(DatabaseInput={"Name": "kept"})
    glue.create_table(DatabaseName="kept", TableInput=table_input(keys=[("k", "string")]))
    glue.create_partition(DatabaseName="kept", TableName="t", PartitionInput={"Values": ["1"]})
    glue.create_crawler(Name="c", Role="r", DatabaseName="found", Targets={"S3Targets": [{"Path": "s3://survivor/t"}]})
    glue.start_crawler(Name="c")
    fresh_pond.kill()
    fresh_pond.start()
    glue = fresh_pond.client("glue")
    assert values(glue.get_partitions(DatabaseName="kept", TableName="t")["Partitions"]) == ["1"]
    wait_for("the crawl ended", lambda: glue.get_crawler(Name="c")["Crawler"]["State"] == "READY")
    assert glue.get_crawler(Name="c")["Crawler"]["LastCrawl"]["Status"] == "SUCCEEDED"
    assert len(pages(glue.get_partitions, "Partitions", DatabaseName="found", TableName="t")[0]) == 60


# awswrangler


def test_awswrangler_writes_and_reads_the_catalog(pond, bucket, name):
    session = pond.session()
    wr.config.glue_endpoint_url = pond.endpoint
    wr.config.s3_endpoint_url = pond.endpoint
    wr.config.sts_endpoint_url = pond.endpoint
    wr.catalog.create_database(name, boto3_session=session)
    frame = pd.DataFrame({"id": [1, 2, 3], "day": ["a", "b", "b"], "score": [1.5, 2.5, None]})
    where = f"s3://{bucket}/frames/"
    wr.s3.to_parquet(frame, path=where, dataset=True, database=name, table="frames", partition_cols=["day"], boto3_session=session)
    types = wr.catalog.get_table_types(name, "frames", boto3_session=session)
    assert types == {"id": "bigint", "score": "double", "day": "string"}
    partitions = wr.catalog.get_parquet_partitions(name, "frames", boto3_session=session)
    assert sorted(partitions) == [f"{where}day=a/", f"{where}day=b/"]
    assert [each["Name"] for each in wr.catalog.get_tables(database=name, name_contains="fram", boto3_session=session)] == ["frames"]
    more = frame.assign(new=["x", "y", "z"])
    wr.s3.to_parquet(more, path=where, dataset=True, database=name, table="frames", partition_cols=["day"], mode="append", boto3_session=session)
    assert wr.catalog.get_table_types(name, "frames", boto3_session=session)["new"] == "string"
    back = wr.s3.read_parquet_table(table="frames", database=name, validate_schema=False, boto3_session=session)
    assert len(back) == 6
    wr.catalog.delete_database(name, boto3_session=session)
    assert name not in wr.catalog.databases(boto3_session=session)["Database"].tolist()

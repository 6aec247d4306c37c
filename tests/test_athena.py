"""Athena: SQL over the Glue catalog, by boto3, pyathena and awswrangler."""

import gzip
import io
import json

import awswrangler
import boto3
import pandas
import pyarrow
import pyarrow.parquet
import pyathena
import pytest
from botocore.exceptions import ClientError

from pond import wait_for

DONE = {"SUCCEEDED", "FAILED", "CANCELLED"}


class Lake:
    """A database over a bucket of its own, with a table in each of the three formats."""

    def __init__(self, pond, name):
        self.pond, self.bucket, self.database = pond, name, name.replace("-", "_")
        self.s3, self.athena = pond.client("s3"), pond.client("athena")
        self.s3.create_bucket(Bucket=self.bucket)
        self.results = f"s3://{self.bucket}/results/"
        self.ok(f"CREATE DATABASE {self.database}", database=None)

    def start(self, sql, database="", **more):
        context = {} if database is None else {"QueryExecutionContext": {"Database": database or self.database}}
        more.setdefault("ResultConfiguration", {"OutputLocation": self.results})
        return self.athena.start_query_execution(QueryString=sql, **context, **more)["QueryExecutionId"]

    def ended(self, query):
        def look():
            found = self.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            return found if found["Status"]["State"] in DONE else None

        return wait_for(f"query {query} to end", look, every=0.01)

    def run(self, sql, **more):
        return self.ended(self.start(sql, **more))

    def ok(self, sql, **more):
        ended = self.run(sql, **more)
        assert ended["Status"]["State"] == "SUCCEEDED", ended["Status"]
        return ended

    def failed(self, sql, **more):
        ended = self.run(sql, **more)
        assert ended["Status"]["State"] == "FAILED", ended
        return ended["Status"]["StateChangeReason"]

    def rows(self, sql, **more):
        """All rows of a query but the header, as Athena prints them."""
        query = self.ok(sql, **more)["QueryExecutionId"]
        rows, token = [], {}
        while True:
            page = self.athena.get_query_results(QueryExecutionId=query, **token)
            rows += [[cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]]
            if "NextToken" not in page:
                return rows[1:]
            token = {"NextToken": page["NextToken"]}

    def put(self, key, body):
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)


@pytest.fixture(scope="module")
def lake(pond):
    lake = Lake(pond, "athena-lake")
    lake.put("people/a.csv", "id,name,born\n1,Ada,1815\n2,Grace,1906\n")
    lake.put("people/b.csv.gz", gzip.compress(b"id,name,born\n3,Joan,\n"))
    lake.ok(
        "CREATE EXTERNAL TABLE people (id int, name string, born int) "
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        f"LOCATION 's3://{lake.bucket}/people/' TBLPROPERTIES ('skip.header.line.count'='1')"
    )
    lines = [{"person": n % 2 + 1, "tags": ["a", "b"][: n % 3], "at": {"x": n}} for n in range(5)]
    lake.put("notes/n.json", "\n".join(map(json.dumps, lines)))
    lake.ok(
        "CREATE EXTERNAL TABLE notes (person int, tags array<string>, at struct<x:int>) "
        f"ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://{lake.bucket}/notes/'"
    )
    for day in range(1, 11):
        table = pyarrow.table({"n": pyarrow.array(range(1000 * day, 1000 * day + 1000), pyarrow.int64())})
        body = io.BytesIO()
        pyarrow.parquet.write_table(table, body)
        lake.put(f"days/day={day:02}/part.parquet", body.getvalue())
    lake.ok(
        "CREATE EXTERNAL TABLE days (n bigint) PARTITIONED BY (day string) STORED AS PARQUET "
        f"LOCATION 's3://{lake.bucket}/days/'"
    )
    lake.ok("MSCK REPAIR TABLE days")
    return lake


def test_the_three_formats(lake):
    assert lake.rows("SELECT id, name, born FROM people ORDER BY id") == [
        ["1", "Ada", "1815"], ["2", "Grace", "1906"], ["3", "Joan", None],
    ]
    assert lake.rows("SELECT person, tags, at.x FROM notes ORDER BY at.x LIMIT 3") == [
        ["1", "[]", "0"], ["2", "[a]", "1"], ["1", "[a, b]", "2"],
    ]
    assert lake.rows("SELECT count(*), sum(n) FROM days") == [["10000", str(sum(range(1000, 11000)))]]


def test_joins_windows_and_ctes(lake):
    sql = """
        WITH counted AS (SELECT person, count(*) AS notes FROM notes GROUP BY person)
        SELECT p.name, c.notes, rank() OVER (ORDER BY c.notes DESC) AS place
        FROM people p JOIN counted c ON p.id = c.person ORDER BY place
    """
    assert lake.rows(sql) == [["Ada", "3", "1"], ["Grace", "2", "2"]]


def test_partitions_that_are_ruled_out_are_not_read(lake):
    whole = lake.ok("SELECT sum(n) FROM days")["Statistics"]["DataScannedInBytes"]
    # An object that would fail to read lies in a partition that the query rules out.
    lake.put("days/day=99/part.parquet", b"PAR1 this is no Parquet")
    lake.ok(f"ALTER TABLE days ADD PARTITION (day='99') LOCATION 's3://{lake.bucket}/days/day=99/'")
    some = lake.ok("SELECT sum(n) FROM days WHERE day = '03'")
    assert 0 < some["Statistics"]["DataScannedInBytes"] <= whole / 8
    reason = lake.failed("SELECT sum(n) FROM days")
    assert "days/day=99/part.parquet" in reason and "HIVE_" in reason, reason
    lake.ok("ALTER TABLE days DROP PARTITION (day='99')")
    assert lake.rows("SELECT count(*) FROM days") == [["10000"]]


def test_show_and_describe(lake):
    def lines(sql):
        query = lake.ok(sql)["QueryExecutionId"]
        found = lake.athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in found]

    assert [lake.database] in lines("SHOW DATABASES")
    assert lines("SHOW TABLES") == [["days"], ["notes"], ["people"]]
    assert lines("SHOW PARTITIONS days")[0] == ["day=01"]
    assert lines("DESCRIBE people")[0][0].split()[0] == "id"
    assert "CREATE EXTERNAL TABLE" in "\n".join(row[0] for row in lines("SHOW CREATE TABLE people"))


@pytest.mark.parametrize("sql, named", [
    ("SELEC 1", "line 1:1"),
    ("SELECT 1 FORM people", "line 1:"),
    ("SELECT (1", "line 1:"),
])
def test_a_statement_that_does_not_parse(lake, sql, named):
    with pytest.raises(ClientError) as caught:
        lake.start(sql)
    error = caught.value.response
    assert error["Error"]["Code"] == "InvalidRequestException"
    assert named in error["Error"]["Message"]


@pytest.mark.parametrize("sql, named", [
    ("SELECT nothing FROM people", "COLUMN_NOT_FOUND: line 1:8: Column 'nothing' cannot be resolved"),
    ("SELECT 1 FROM nowhere", "TABLE_NOT_FOUND: line 1:15"),
    ("SELECT no_such_function(1)", "FUNCTION_NOT_FOUND: line 1:8"),
    ("SELECT 1 / 0", "DIVISION_BY_ZERO"),
    ("SELECT CAST('x' AS integer)", "INVALID_CAST_ARGUMENT"),
])
def test_a_statement_that_cannot_run(lake, sql, named):
    assert named in lake.failed(sql)


def test_results_are_typed_and_paged(lake):
    query = lake.ok(
        "SELECT n, n * 0.5e0 AS half, 'é \"x\"' AS text, CAST(NULL AS varchar) AS nothing, "
        "TIMESTAMP '2013-01-01 05:00:00' AS at FROM days ORDER BY n"
    )["QueryExecutionId"]
    first = lake.athena.get_query_results(QueryExecutionId=query, MaxResults=3)
    columns = first["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(c["Name"], c["Type"]) for c in columns] == [
        ("n", "bigint"), ("half", "double"), ("text", "varchar"), ("nothing", "varchar"), ("at", "timestamp"),
    ]
    cells = [[cell.get("VarCharValue") for cell in row["Data"]] for row in first["ResultSet"]["Rows"]]
    assert cells == [
        ["n", "half", "text", "nothing", "at"],
        ["1000", "500.0", 'é "x"', None, "2013-01-01 05:00:00.000"],
        ["1001", "500.5", 'é "x"', None, "2013-01-01 05:00:00.000"],
    ]
    seen, token = [], {}
    while True:
        page = lake.athena.get_query_results(QueryExecutionId=query, **token)
        seen += [row["Data"][0]["VarCharValue"] for row in page["ResultSet"]["Rows"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert seen == ["n", *map(str, range(1000, 11000))]
    with pytest.raises(ClientError, match="InvalidRequestException"):
        lake.athena.get_query_results(QueryExecutionId=query, NextToken="made up")


def test_the_result_objects(lake):
    ended = lake.ok("SELECT id, born FROM people ORDER BY id")
    location = ended["ResultConfiguration"]["OutputLocation"]
    assert location == f"{lake.results}{ended['QueryExecutionId']}.csv"
    key = location.split("/", 3)[3]
    body = lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read().decode()
    assert body == '"id","born"\n"1","1815"\n"2","1906"\n"3",\n'
    assert lake.s3.head_object(Bucket=lake.bucket, Key=key + ".metadata")["ContentLength"] > 0


def test_statistics_and_listing(lake):
    ended = lake.ok("SELECT 1")
    assert ended["StatementType"] == "DML" and ended["WorkGroup"] == "primary"
    assert set(ended["Statistics"]) >= {"EngineExecutionTimeInMillis", "DataScannedInBytes", "TotalExecutionTimeInMillis"}
    assert lake.athena.list_query_executions(MaxResults=1)["QueryExecutionIds"] == [ended["QueryExecutionId"]]
    found = lake.athena.batch_get_query_execution(QueryExecutionIds=[ended["QueryExecutionId"], "nothing"])
    assert len(found["QueryExecutions"]) == 1 and len(found["UnprocessedQueryExecutionIds"]) == 1


def test_a_query_is_stopped(lake):
    query = lake.start("SELECT count(*) FROM days a, days b, days c, days d WHERE a.n * b.n + c.n < d.n")
    lake.athena.stop_query_execution(QueryExecutionId=query)
    assert lake.ended(query)["Status"]["State"] == "CANCELLED"
    with pytest.raises(ClientError, match="CANCELLED"):
        lake.athena.get_query_results(QueryExecutionId=query)


def test_a_token_starts_one_query(lake):
    token = "t" * 40
    first = lake.start("SELECT 7", ClientRequestToken=token)
    assert lake.start("SELECT 7", ClientRequestToken=token) == first
    with pytest.raises(ClientError, match="Idempotent"):
        lake.start("SELECT 8", ClientRequestToken=token)


def test_workgroups(lake, name):
    athena = lake.athena
    elsewhere = f"s3://{lake.bucket}/of-the-group/"
    athena.create_work_group(
        Name=name, Description="d",
        Configuration={"ResultConfiguration": {"OutputLocation": elsewhere}, "BytesScannedCutoffPerQuery": 10_000_000},
    )
    with pytest.raises(ClientError, match="already"):
        athena.create_work_group(Name=name)
    assert {"primary", name} <= {group["Name"] for group in athena.list_work_groups()["WorkGroups"]}
    ended = lake.ok("SELECT 1", WorkGroup=name)
    assert ended["ResultConfiguration"]["OutputLocation"].startswith(elsewhere)
    athena.update_work_group(WorkGroup=name, State="DISABLED", Description="e")
    assert athena.get_work_group(WorkGroup=name)["WorkGroup"]["Description"] == "e"
    with pytest.raises(ClientError, match="disabled"):
        lake.start("SELECT 1", WorkGroup=name)
    with pytest.raises(ClientError, match="not empty"):
        athena.delete_work_group(WorkGroup=name)
    athena.delete_work_group(WorkGroup=name, RecursiveDeleteOption=True)
    with pytest.raises(ClientError, match="not found"):
        athena.get_work_group(WorkGroup=name)


def test_the_scan_limit_of_a_workgroup(lake, name):
    lake.athena.create_work_group(
        Name=name,
        Configuration={"EnforceWorkGroupConfiguration": False, "BytesScannedCutoffPerQuery": 10_000_000},
    )
    lake.put("wide/w.csv", "x" * 999 + "\n" + ("y" * 999 + "\n") * 20_000)
    lake.ok(f"CREATE EXTERNAL TABLE wide (t string) LOCATION 's3://{lake.bucket}/wide/'")
    assert "limit" in lake.failed("SELECT max(t) FROM wide", WorkGroup=name).lower()
    lake.ok("SELECT max(t) FROM wide")
    lake.ok("DROP TABLE wide")


def test_what_is_not_supported_is_refused_by_name(lake):
    with pytest.raises(ClientError, match="resultReuseConfiguration"):
        lake.start("SELECT 1", ResultReuseConfiguration={"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 5}})
    with pytest.raises(ClientError, match="SSE_KMS"):
        lake.start("SELECT 1", ResultConfiguration={
            "OutputLocation": lake.results,
            "EncryptionConfiguration": {"EncryptionOption": "SSE_KMS", "KmsKey": "k"},
        })
    with pytest.raises(ClientError, match="not supported"):
        lake.start("CREATE TABLE t AS SELECT 1 AS x")
    with pytest.raises(ClientError, match="No output location"):
        lake.start("SELECT 1", ResultConfiguration={})
    with pytest.raises(ClientError, match="output bucket"):
        lake.start("SELECT 1", ResultConfiguration={"OutputLocation": "s3://no-such-bucket-here/x/"})


def test_the_catalog_by_athenas_own_calls(lake):
    athena, catalog = lake.athena, "AwsDataCatalog"
    assert athena.list_data_catalogs()["DataCatalogsSummary"][0]["CatalogName"] == catalog
    assert athena.get_data_catalog(Name=catalog)["DataCatalog"]["Type"] == "GLUE"
    assert lake.database in [d["Name"] for d in athena.list_databases(CatalogName=catalog)["DatabaseList"]]
    assert athena.get_database(CatalogName=catalog, DatabaseName=lake.database)["Database"]["Name"] == lake.database
    tables = athena.list_table_metadata(CatalogName=catalog, DatabaseName=lake.database, Expression="d.*")
    assert [t["Name"] for t in tables["TableMetadataList"]] == ["days"]
    days = athena.get_table_metadata(CatalogName=catalog, DatabaseName=lake.database, TableName="days")["TableMetadata"]
    assert (days["Columns"], days["PartitionKeys"]) == ([{"Name": "n", "Type": "bigint"}], [{"Name": "day", "Type": "string"}])
    with pytest.raises(ClientError, match="MetadataException"):
        athena.get_table_metadata(CatalogName=catalog, DatabaseName=lake.database, TableName="nothing")


def test_parameters(lake):
    assert lake.rows("SELECT name FROM people WHERE id = ? AND name = ?", ExecutionParameters=["1", "'Ada'"]) == [["Ada"]]


def test_pyathena(lake):
    keys = lake.pond.credentials
    connection = pyathena.connect(
        s3_staging_dir=lake.results, region_name="us-east-1", endpoint_url=lake.pond.endpoint,
        schema_name=lake.database, poll_interval=0.05, **keys,
    )
    cursor = connection.cursor()
    cursor.execute("SELECT id, name FROM people WHERE id < %(most)s ORDER BY id", {"most": 3})
    assert cursor.fetchall() == [(1, "Ada"), (2, "Grace")]
    assert [column[0] for column in cursor.description] == ["id", "name"]


def test_awswrangler(lake, monkeypatch):
    for setting, value in lake.pond.environment.items():
        if setting.startswith("AWS_"):
            monkeypatch.setenv(setting, value)
    frame = awswrangler.athena.read_sql_query(
        "SELECT day, count(*) AS n FROM days GROUP BY day ORDER BY day", database=lake.database,
        ctas_approach=False, s3_output=lake.results, boto3_session=boto3.Session(region_name="us-east-1"),
    )
    assert list(frame["day"]) == [f"{day:02}" for day in range(1, 11)] and set(frame["n"]) == {1000}
    assert isinstance(frame, pandas.DataFrame)


def test_a_query_cut_off_by_a_kill_is_failed_after_the_restart(fresh_pond):
    lake = Lake(fresh_pond, "cut-off")
    query = lake.start(
        "SELECT count(*) FROM unnest(sequence(1, 9000)) AS a(x), unnest(sequence(1, 9000)) AS b(y), "
        "unnest(sequence(1, 9000)) AS c(z) WHERE x * y < z"
    )
    wait_for("the query to run", lambda: lake.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]["State"] == "RUNNING")
    fresh_pond.kill()
    fresh_pond.start()
    lake.athena = fresh_pond.client("athena")
    ended = lake.ended(query)
    assert ended["Status"]["State"] == "FAILED" and "server was stopped" in ended["Status"]["StateChangeReason"]

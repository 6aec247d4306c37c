"""TPC-H through Athena beside DuckDB on the same Parquet files, answers compared; and what a small query costs."""

import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

THREADS = 2
TABLES = ["nation", "region", "part", "supplier", "partsupp", "customer", "orders", "lineitem"]
RESULTS = "s3://tpch/results/"


def queries():
    text = Path(__file__).with_name("tpch.sql").read_text()
    return [statement.strip() for statement in text.split(";") if "SELECT" in statement]


class Athena:
    """Runs statements as a client does: start, ask for the state, fetch the answer."""

    def __init__(self, pond, database=None):
        self.client = pond.client("athena")
        self.database = database

    def run(self, sql):
        """The finished execution and the seconds until its answer was known to be there."""
        context = {"QueryExecutionContext": {"Database": self.database}} if self.database else {}
        start = time.perf_counter()
        query = self.client.start_query_execution(
            QueryString=sql, ResultConfiguration={"OutputLocation": RESULTS}, **context
        )["QueryExecutionId"]
        while True:
            found = self.client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            seconds = time.perf_counter() - start
            state = found["Status"]["State"]
            if state == "SUCCEEDED":
                return found, seconds
            assert state in ("QUEUED", "RUNNING"), f"{found['Status']}\n{sql}"
            time.sleep(min(0.02, max(0.0005, seconds / 20)))

    def rows(self, query):
        pages = self.client.get_paginator("get_query_results").paginate(QueryExecutionId=query)
        rows = [[field.get("VarCharValue") for field in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
        return rows[1:]


def hive_type(kind):
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_date(kind):
        return "date"
    return {"int64": "bigint", "int32": "int", "string": "string", "string_view": "string", "large_string": "string"}[str(kind)]


def generate(folder, scale):
    tool = Path(sys.executable).with_name("tpchgen-cli")
    subprocess.run([tool, "parquet", "-s", str(scale), "--output-dir", folder], check=True, capture_output=True)


def load(pond, folder):
    """Puts the files under one prefix a table and declares the tables, as a user of Athena would."""
    s3 = pond.client("s3")
    s3.create_bucket(Bucket="tpch")
    athena = Athena(pond)
    athena.run("CREATE DATABASE tpch")
    athena.database = "tpch"
    for table in TABLES:
        file = folder / f"{table}.parquet"
        s3.upload_file(str(file), "tpch", f"{table}/{table}.parquet")
        columns = ", ".join(f"{field.name} {hive_type(field.type)}" for field in pq.read_schema(file))
        athena.run(f"CREATE EXTERNAL TABLE {table} ({columns}) STORED AS PARQUET LOCATION 's3://tpch/{table}/'")
    return athena


def compare(pond, folder, scale, rounds):
    """The best total of each side over all queries, in seconds, after their answers were found to be the same."""
    generate(folder, scale)
    athena = load(pond, folder)
    peer = duckdb.connect(config={"threads": THREADS})
    for table in TABLES:
        peer.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{folder / table}.parquet')")
    ours, theirs = 0.0, 0.0
    for number, sql in enumerate(queries(), 1):
        mine, peers = [], []
        for _ in range(rounds):
            start = time.perf_counter()
            expected = peer.execute(sql).fetchall()
            peers.append(time.perf_counter() - start)
            execution, seconds = athena.run(sql)
            mine.append(seconds)
        check_same(number, athena.rows(execution["QueryExecutionId"]), expected)
        ours, theirs = ours + min(mine), theirs + min(peers)
        print(f"    Q{number:<2} {min(mine):7.3f} s, DuckDB {min(peers):7.3f} s: {min(mine) / min(peers):.2f}", flush=True)
    return ours, theirs, len(queries())


def check_same(number, found, expected):
    assert len(found) == len(expected), f"Q{number}: {len(found)} rows, DuckDB has {len(expected)}"
    for mine, peers in zip(found, expected, strict=True):
        for one, other in zip(mine, peers, strict=True):
            assert same(one, other), f"Q{number}: {mine}, DuckDB has {peers}"


def same(text, value):
    """Numbers may differ in the scale of a decimal quotient; everything else is the same text."""
    if value is None or text is None:
        return value is None and not text
    try:
        return abs(float(text) - float(value)) <= 0.006 + 1e-6 * abs(float(value))
    except ValueError:
        return text == str(value)


def query_cost(pond, count):
    """Milliseconds from the start of a small query to its finished state, less the engine's own, and the engine's."""
    s3 = pond.client("s3")
    s3.create_bucket(Bucket="tpch")
    s3.put_object(Bucket="tpch", Key="small/part.csv", Body="".join(f"{n},name {n}\n" for n in range(100)))
    athena = Athena(pond)
    athena.run("CREATE DATABASE tpch")
    athena.database = "tpch"
    athena.run(
        "CREATE EXTERNAL TABLE small (id bigint, name string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ','"
        " LOCATION 's3://tpch/small/'"
    )
    costs, engine = [], []
    for n in range(count):
        execution, seconds = athena.run(f"SELECT count(*) FROM small WHERE id > {n % 50}")
        engine.append(execution["Statistics"]["EngineExecutionTimeInMillis"])
        costs.append(seconds * 1e3 - engine[-1])
    middle = count // 2
    return sorted(costs)[middle], sorted(engine)[middle]

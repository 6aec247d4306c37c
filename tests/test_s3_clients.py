"""The clients that people use on S3: the AWS CLI, s3fs with pandas, pyarrow, object_store, DuckDB."""

import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import pytest


def test_aws_cli(pond, name, tmp_path):
    (tmp_path / "in").mkdir()
    for n in range(3):
        (tmp_path / "in" / f"{n}.txt").write_text(f"file {n}")
    (tmp_path / "in" / "large.bin").write_bytes(b"x" * 9_000_000)
    pond.cli("s3", "mb", f"s3://{name}")
    pond.cli("s3", "sync", tmp_path / "in", f"s3://{name}/folder")
    listed = pond.cli("s3", "ls", f"s3://{name}/folder/").stdout
    assert "0.txt" in listed and "9000000 large.bin" in listed
    pond.cli("s3", "cp", f"s3://{name}/folder/large.bin", f"s3://{name}/copy.bin")
    pond.cli("s3", "mv", f"s3://{name}/copy.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == b"x" * 9_000_000
    # Asked for nothing, the CLI presigns by Signature Version 2, which AWS takes for no bucket made since 2020.
    old = pond.cli("s3", "presign", f"s3://{name}/folder/1.txt").stdout.strip()
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(old)
    config = tmp_path / "config"
    config.write_text("[default]\ns3 =\n  signature_version = s3v4\n")
    command = [shutil.which("aws", path=f"{os.environ['MILLPOND_VENV']}/bin"), "s3", "presign", f"s3://{name}/folder/1.txt"]
    environment = {**pond.environment, "AWS_CONFIG_FILE": str(config)}
    url = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    assert urllib.request.urlopen(url).read() == b"file 1"
    pond.cli("s3", "rm", "--recursive", f"s3://{name}")
    pond.cli("s3", "rb", f"s3://{name}")


def test_pandas_by_s3fs(pond, bucket):
    pandas, s3fs = pytest.importorskip("pandas"), pytest.importorskip("s3fs")
    keys = pond.credentials
    options = {"key": keys["aws_access_key_id"], "secret": keys["aws_secret_access_key"],
               "client_kwargs": {"endpoint_url": pond.endpoint, "region_name": "us-east-1"}}
    frame = pandas.DataFrame({"a": range(1000), "b": [f"row {n}" for n in range(1000)]})
    frame.to_csv(f"s3://{bucket}/t/data.csv", index=False, storage_options=options)
    assert pandas.read_csv(f"s3://{bucket}/t/data.csv", storage_options=options).equals(frame)
    frame.to_parquet(f"s3://{bucket}/t/data.parquet", storage_options=options)
    assert pandas.read_parquet(f"s3://{bucket}/t/data.parquet", storage_options=options).equals(frame)
    files = s3fs.S3FileSystem(**options)
    assert sorted(files.ls(f"{bucket}/t")) == [f"{bucket}/t/data.csv", f"{bucket}/t/data.parquet"]
    files.rm(f"{bucket}/t", recursive=True)
    assert not files.exists(f"{bucket}/t/data.csv")


def test_pyarrow(pond, bucket):
    pyarrow, fs = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.fs")
    import pyarrow.parquet

    keys = pond.credentials
    files = fs.S3FileSystem(
        access_key=keys["aws_access_key_id"], secret_key=keys["aws_secret_access_key"], region="us-east-1",
        endpoint_override=pond.endpoint.removeprefix("http://"), scheme="http",
    )
    table = pyarrow.table({"n": list(range(100_000)), "s": [str(n % 7) for n in range(100_000)]})
    pyarrow.parquet.write_to_dataset(table, f"{bucket}/set", partition_cols=["s"], filesystem=files)
    back = pyarrow.parquet.read_table(f"{bucket}/set", filesystem=files)
    assert sorted(back["n"].to_pylist()) == list(range(100_000))
    found = files.get_file_info(fs.FileSelector(f"{bucket}/set", recursive=False))
    assert len(found) == 7 and all(info.type == fs.FileType.Directory for info in found)
    files.delete_dir(f"{bucket}/set")


def store_of(pond, bucket, **more):
    """The Rust crate object_store, as Python calls it."""
    from obstore.store import S3Store

    keys = pond.credentials
    return S3Store(
        bucket, endpoint=pond.endpoint, region="us-east-1", access_key_id=keys["aws_access_key_id"],
        secret_access_key=keys["aws_secret_access_key"], client_options={"allow_http": True}, **more,
    )


def test_object_store(pond, bucket):
    import obstore
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    store = store_of(pond, bucket)
    body = os.urandom(12_000_000)
    obstore.put(store, "in/parts.bin", body, chunk_size=5 << 20)
    got = obstore.get(store, "in/parts.bin")
    assert bytes(got.bytes()) == body and got.meta["size"] == len(body)
    ranges = obstore.get_ranges(store, "in/parts.bin", starts=[0, 7_000_000], lengths=[10, 20])
    assert [bytes(part) for part in ranges] == [body[:10], body[7_000_000:7_000_020]]

    first = obstore.put(store, "in/one", b"1", attributes={"Content-Type": "text/plain", "kind": "test"})
    assert obstore.get(store, "in/one").attributes == {"Content-Type": "text/plain", "kind": "test"}
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "in/one", b"2", mode="create")
    second = obstore.put(store, "in/one", b"2", mode={"e_tag": first["e_tag"]})
    with pytest.raises(PreconditionError):
        obstore.put(store, "in/one", b"3", mode={"e_tag": first["e_tag"]})
    with pytest.raises(PreconditionError):
        obstore.get(store, "in/one", options={"if_match": first["e_tag"]})
    assert bytes(obstore.get(store, "in/one", options={"if_match": second["e_tag"]}).bytes()) == b"2"

    obstore.copy(store, "in/one", "in/deep/er/two")
    obstore.rename(store, "in/deep/er/two", "in/deep/er/three")
    listed = obstore.list_with_delimiter(store, "in")
    assert listed["common_prefixes"] == ["in/deep"]
    assert sorted(found["path"] for found in listed["objects"]) == ["in/one", "in/parts.bin"]
    for n in range(1_100):
        obstore.put(store, f"many/{n:04}", b"")
    every = [found["path"] for page in obstore.list(store, "many", chunk_size=500) for found in page]
    assert every == [f"many/{n:04}" for n in range(1_100)]
    obstore.delete(store, every)
    assert obstore.list(store, "many").collect() == []
    with pytest.raises(FileNotFoundError):
        obstore.head(store, "many/0000")


def test_duckdb_httpfs(pond, bucket):
    """In a process of its own: the extension is built for another DuckDB than the one of the benchmarks."""
    script = """
import sys, duckdb, duckdb_extension_httpfs, glob, os
bucket, endpoint = sys.argv[1:]
found = glob.glob(os.path.join(os.path.dirname(duckdb_extension_httpfs.__file__), "**", "*.duckdb_extension"), recursive=True)
db = duckdb.connect(config={"allow_unsigned_extensions": True})
db.sql(f"LOAD '{found[0]}'")
db.sql(f\"\"\"CREATE SECRET (TYPE s3, KEY_ID '{os.environ["AWS_ACCESS_KEY_ID"]}', SECRET '{os.environ["AWS_SECRET_ACCESS_KEY"]}',
       ENDPOINT '{endpoint}', URL_STYLE 'path', USE_SSL false, REGION 'us-east-1')\"\"\")
db.sql(f"COPY (SELECT i, i % 5 AS part, repeat('x', 50) || i AS s FROM range(200000) t (i)) TO 's3://{bucket}/set' (FORMAT parquet, PARTITION_BY (part))")
print(db.sql(f"SELECT count(*), sum(i), min(s) FROM read_parquet('s3://{bucket}/set/*/*.parquet', hive_partitioning = true) WHERE part = 3").fetchall())
db.sql(f"COPY (SELECT 1 AS a, 'b c' AS d) TO 's3://{bucket}/one space.csv'")
print(db.sql(f"SELECT * FROM 's3://{bucket}/one space.csv'").fetchall())
print(sorted(db.sql(f"SELECT file FROM glob('s3://{bucket}/**')").fetchall())[0])
"""
    folder = f"{os.environ['MILLPOND_VENV']}/duckdb-httpfs"
    answer = subprocess.run(
        [sys.executable, "-c", script, bucket, pond.endpoint.removeprefix("http://")],
        env={**pond.environment, "PYTHONPATH": folder}, capture_output=True, text=True,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == [
        f"[(40000, {sum(range(3, 200_000, 5))}, '{'x' * 50}100003')]", "[(1, 'b c')]", f"('s3://{bucket}/one space.csv',)",
    ]

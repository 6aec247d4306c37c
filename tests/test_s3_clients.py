"""The clients that people use on S3: the AWS CLI, s3fs with pandas, pyarrow."""

import os
import shutil
import subprocess
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

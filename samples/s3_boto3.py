"""The store through its S3 API: boto3 uploads a file and gets it back through a storlet, Spark reads s3://.

    python -m samples.s3_boto3 BUCKET sales.csv

The store: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY. The file: CSV with semicolons. The storlets are
those of `spark-storlets deploy`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from pyspark.sql import SparkSession

import spark_storlets


def through(s3: Any, bucket: str, key: str, storlet: str, **params: str) -> bytes:
    """Get an object's bytes as a storlet answers them; a storlet is asked for by headers of the request."""
    headers = {"X-Run-Storlet": storlet}
    headers |= {f"X-Storlet-Parameter-{n}": f"{name}:{value}" for n, (name, value) in enumerate(params.items())}

    def add(params: dict[str, Any], **more: Any) -> None:
        params["headers"].update(headers)

    s3.meta.events.register("before-call.s3.GetObject", add, unique_id="storlet")
    try:
        answer: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    finally:
        s3.meta.events.unregister("before-call.s3.GetObject", unique_id="storlet")
    return answer


def show(spark: SparkSession, bucket: str, file: Path) -> None:
    """Upload a file, print it as a storlet cleans it, and read it as a table.

    Args:
        spark: with the connector.
        bucket: is made if it is not there.
        file: CSV with semicolons and a header.
    """
    s3 = boto3.client("s3", region_name="us-east-1", config=Config(s3={"addressing_style": "path"}))
    if bucket not in {one["Name"] for one in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)
    s3.upload_file(str(file), bucket, file.name)
    print(through(s3, bucket, file.name, "csv_clean_storlet.py", sep=";").decode())
    reader = spark.read.format("storlets").options(header="true", sep=";", inferSchema="true")
    reader.load(f"s3://{bucket}/{file.name}").show()


if __name__ == "__main__":
    show(spark_storlets.configure(SparkSession.builder).getOrCreate(), sys.argv[1], Path(sys.argv[2]))

"""UDFs that take whole columns see the rows that were read, however Spark hands the reader's batches to them."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyspark.sql import functions as sf
from pyspark.sql.types import LongType

ROWS = 300_000
KEEPS_BATCHES = "spark.sql.execution.arrow.pythonUDF.columnarInput.enabled"


@pytest.mark.parametrize("keeps", ["false", "true"])  # as `configure` sets it; and Spark's own default
def test_an_arrow_udf_sees_each_row_once(spark, read, put, keeps):
    def doubled(column: pa.Array) -> pa.Array:
        return pc.multiply(column, 2)

    before = spark.conf.get(KEEPS_BATCHES)
    path = put("udf.csv", "".join(f"{n}\n" for n in range(ROWS)).encode())
    twice = sf.arrow_udf(doubled, LongType())
    table = read(path, "n bigint").select("n", twice("n").alias("m"))
    spark.conf.set(KEEPS_BATCHES, keeps)
    try:
        found = table.agg(sf.count("*"), sf.sum("n"), sf.sum("m"), sf.sum(sf.expr("cast(m = 2 * n AS int)"))).collect()
    finally:
        spark.conf.set(KEEPS_BATCHES, before)
    total = ROWS * (ROWS - 1) // 2
    assert found == [(ROWS, total, 2 * total, ROWS)]

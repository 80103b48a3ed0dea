"""UDFs that take whole columns see the rows that were read, however Spark hands the reader's batches to them."""

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as sf
from pyspark.sql.types import LongType

ROWS = 300_000


def test_an_arrow_udf_sees_each_row_once(read, put):

    def doubled(column: pa.Array) -> pa.Array:
        return pc.multiply(column, 2)

    path = put("udf.csv", "".join(f"{n}\n" for n in range(ROWS)).encode())
    twice = sf.arrow_udf(doubled, LongType())
    table = read(path, "n bigint").select("n", twice("n").alias("m"))
    found = table.agg(sf.count("*"), sf.sum("n"), sf.sum("m"), sf.sum(sf.expr("cast(m = 2 * n AS int)"))).collect()
    total = ROWS * (ROWS - 1) // 2
    assert found == [(ROWS, total, 2 * total, ROWS)]

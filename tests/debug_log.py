"""All that a program says that reads, plans and fails, with every logger at DEBUG: to be searched for secrets."""

import json
import os
import subprocess
import sys

PROGRAM = """
import json, os, logging
logging.basicConfig(level=logging.DEBUG)
# PySpark's wire: at DEBUG it writes down every string that Python hands to Java, those of options too (docs/paths.md).
logging.getLogger("py4j").setLevel(logging.INFO)
from pyspark.sql import SparkSession
import spark_storlets
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.log.level", "DEBUG")
spark = spark_storlets.configure(builder).getOrCreate()
for path, missing, where, count, options in json.loads(os.environ["READS"]):
    read = spark.read.format("storlets").schema("k int, s string").options(**options)
    frame = read.load(path).where(where)
    frame.explain(extended=True)
    assert frame.count() == count
    print(frame._jdf.queryExecution().toString(), spark_storlets.answer(frame.limit(1)))
    try:
        read.load(missing).collect()
    except Exception as error:
        print(error)
"""


def said(reads, directory):
    """Run it.

    Args:
        reads: for each a path, one that is missing, a predicate, how many rows it leaves, and the options.
        directory: to run it in.
    """
    environment = {**os.environ, "READS": json.dumps(reads)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=directory, timeout=500)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-3000:]
    assert text.count("pushed=[") >= len(reads) and " DEBUG " in text
    return text

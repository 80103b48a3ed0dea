"""Tries what a query needs, one thing after the other: from Java to rows that the store made.

Each step uses what the steps before it have shown, so the first that fails is the one to see to, and the last one.
Nothing is written to the store: the storlet that is tried reads its own source.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import requests

from spark_storlets.datasource.client import SwiftClient
from spark_storlets.datasource.csv_options import CsvOptions
from spark_storlets.datasource.deploy import CSV, check_deployed
from spark_storlets.datasource.kernel import csv_kernel
from spark_storlets.datasource.storlet_call import PROTOCOL, facts_of
from spark_storlets.errors import StorletError, error_from_spark
from spark_storlets.resources import jar_path
from spark_storlets.sandbox.check import Finding

__all__ = ["examine"]

JAVA = 17  # the first that Spark 4 runs on
SECONDS = 30


def examine(login: Callable[[], SwiftClient], options: dict[str, str]) -> Iterator[Finding]:
    """Look, and stop at the first thing that is not as it should be: a finding with a remedy.

    Args:
        login: to the store.
        options: of a reader, for the same login.
    """
    found: list[SwiftClient] = []

    def log_in() -> str:
        found.append(login())
        return f"logged in: {found[0].storage_url}"

    steps: list[Callable[[], str | Finding]] = [
        java,
        spark,
        lambda: f"connector {jar_path()}",
        kernel,
        log_in,
        lambda: engine(found[0]),
        lambda: deployed(found[0]),
        lambda: storlet(found[0]),
        lambda: query(options),
    ]
    for step in steps:
        try:
            result = step()
        except StorletError as error:
            result = Finding("this failed", str(error))
        yield result if isinstance(result, Finding) else Finding(result)
        if isinstance(result, Finding):
            return


def java() -> str | Finding:
    """Look for a Java that Spark runs on."""
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    remedy = f"Install Java {JAVA} or newer (Debian: openjdk-17-jre-headless), or let JAVA_HOME name one."
    if program is None:
        return Finding("Java is not there", remedy)
    try:
        said = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=SECONDS, check=True).stderr
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(f"{program} does not run ({type(error).__name__})", remedy)
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None or int(version[1]) < JAVA:
        return Finding(f"{program} is no Java of version {JAVA} or newer", remedy)
    return f"Java {version[1]} ({program})"


def spark() -> str | Finding:
    """Look for PySpark."""
    if importlib.util.find_spec("pyspark") is None:
        return Finding("PySpark is not installed in this Python", "pip install 'spark-storlets[spark]'")
    import pyspark

    if not pyspark.__version__.startswith("4."):
        return Finding(f"PySpark {pyspark.__version__}: Spark 4 is needed", "pip install 'spark-storlets[spark]'")
    return f"PySpark {pyspark.__version__}"


def kernel() -> str:
    """Load the CSV kernel."""
    csv_kernel()
    return "CSV kernel"


def engine(client: SwiftClient) -> str | Finding:
    """Ask the proxy whether it has the storlet engine."""
    parts = urlsplit(client.storage_url)
    url = f"{parts.scheme}://{parts.netloc}/info"
    try:
        answer = requests.get(url, timeout=SECONDS)
        info = answer.json() if answer.ok else {}
    except (requests.RequestException, ValueError):
        info = {}
    if not info:
        return "the proxy does not say what it has (no /info): the storlet's call below will tell"
    swift = info.get("swift", {}).get("version", "of unknown version")
    if "storlet_handler" not in info:
        return Finding(
            f"Swift {swift} without the storlet engine",
            "Ask the operator to put the filter storlet_handler into the pipelines (docs: For the operator).",
        )
    return f"Swift {swift} with the storlet engine"


def deployed(client: SwiftClient) -> str:
    """See that the account has this release's storlets."""
    check_deployed(client, CSV)
    return f"{CSV.name} of this release is deployed"


def storlet(client: SwiftClient) -> str:
    """Run the CSV storlet, in the sandbox of the server that holds its source, on that source."""
    item = client.object("storlet", CSV.name)
    body = {"v": PROTOCOL, "op": "head", "naming": True, "csv": dict(CsvOptions.parse({}, {}).kernel), "header": False}
    place = {"size": item.size, "compression": None, "begin": 0, "start": 0, "end": None}
    facts_of(client, item, {**body, **place})
    return "a storlet ran in its sandbox"


def query(options: dict[str, str]) -> str | Finding:
    """Ask Spark for rows that the store has made."""
    from spark_storlets.local_spark import local_spark

    session = local_spark("1")
    try:
        rows = session.read.format("storlets").options(**options).load(f"swift://storlet/{CSV.name}").count()
    except Exception as error:
        ours = error_from_spark(error)
        if ours is None:
            return Finding(f"Spark could not read it ({type(error).__name__})", str(error).splitlines()[0])
        raise ours from error
    finally:
        session.stop()
    return f"Spark read {rows} rows through the connector"

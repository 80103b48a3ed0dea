"""Where the parts that are not Python modules lie: the connector's jar and the storlets.

In a wheel the storlets lie below this package; in an editable install they stay in the source tree beside it, because a
folder without __init__.py is not imported there. So they are found by path.
"""

from __future__ import annotations

from pathlib import Path

from spark_storlets.errors import ConfigurationError

_HERE = Path(__file__).resolve().parent


def jar_path() -> Path:
    """Give the connector's jar, for spark.jars or --jars.

    Raises:
        ConfigurationError: it was not built.
    """
    return _existing(_HERE / "jars" / "spark-storlets.jar")


def storlets_path() -> Path:
    """Give the directory of the storlets, their SDK and the kernel's library.

    Raises:
        ConfigurationError: the storlets or the kernel's library are not there.
    """
    wheel, source = _HERE / "storlets", _HERE.parent / "storlets"
    directory = wheel if wheel.is_dir() else source
    _existing(directory / "libstorlets_csv_kernel.so")
    return directory


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ConfigurationError(
            f"{path.name} is missing from this installation of spark-storlets (looked for {path}): install the wheel, "
            "or in a source tree run `pip install -e .`, which builds it."
        )
    return path

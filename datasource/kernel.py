"""The CSV kernel on the driver: to check options and to merge inferred types by the same code as in the store."""

from __future__ import annotations

import functools
import importlib.util
import sys
from types import ModuleType

from spark_storlets.errors import ConfigurationError
from spark_storlets.resources import storlets_path


@functools.cache
def csv_kernel() -> ModuleType:
    """Load the kernel's Python face, which lies with the storlets and is no module of this package.

    Raises:
        ConfigurationError: it is not there.
    """
    spec = importlib.util.spec_from_file_location("csv_kernel", storlets_path() / "csv_kernel.py")
    if spec is None or spec.loader is None:
        raise ConfigurationError("csv_kernel.py is missing from this installation: install spark-storlets again.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module

"""The storlets' modules on the driver, to decide by the same code as in the store.

The CSV kernel checks options and merges inferred types; expressions are evaluated on the values of partitions.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from types import ModuleType

from spark_storlets.errors import ConfigurationError
from spark_storlets.resources import storlets_path


def csv_kernel() -> ModuleType:
    """Give the kernel's Python face.

    Raises:
        ConfigurationError: it is not there.
    """
    return _loaded("csv_kernel")


def storlet_expression() -> ModuleType:
    """Give what evaluates expressions.

    Raises:
        ConfigurationError: it is not there.
    """
    csv_kernel()  # which it imports by name
    return _loaded("storlet_expression")


@functools.cache
def _loaded(name: str) -> ModuleType:
    """Load a module that lies with the storlets and is no module of this package."""
    spec = importlib.util.spec_from_file_location(name, storlets_path() / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{name}.py is missing from this installation: install spark-storlets again.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module

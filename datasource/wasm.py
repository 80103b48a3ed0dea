"""Columns that functions of a WebAssembly module make of CSV columns, in the store.

The options: wasm (the name under which the module was uploaded), wasmColumns (`NAME TYPE = FUNCTION(COLUMN, …)`,
several separated by semicolons), wasmFuel (instructions that a function may take for a row).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from spark_storlets.datasource.expressions import Column, Expression, ModuleCall, emit
from spark_storlets.datasource.options import ReadOptions

from spark_storlets.errors import ConfigurationError

_COLUMN = re.compile(r"\s*(\w+|`[^`]+`)\s+(\w+)\s*=\s*(\w+)\s*\(([^()]*)\)\s*")
_NUMBERS = ("boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "date", "timestamp", "timestamp_ntz")


@dataclass(frozen=True)
class Computed:
    """A column that is made of others."""

    name: str
    type: str
    function: str
    arguments: tuple[str, ...]

    def bound(self, schema: Mapping[str, str]) -> Expression:
        """Make an expression of it.

        Raises:
            ConfigurationError: an argument is no column, or of a type that modules do not get.
        """
        for name in self.arguments:
            if schema.get(name) not in (*_NUMBERS, "string"):
                raise ConfigurationError(
                    f"wasmColumns: {self.name} is made of {name}, which is "
                    + (f"{schema[name]}: cast is not possible there." if name in schema else "no column.")
                )
        return ModuleCall("wasm", tuple(Column(n, schema[n]) for n in self.arguments), self.type, self.function)


def computed_of(options: ReadOptions) -> list[Computed]:
    """Read the option wasmColumns.

    Raises:
        ConfigurationError: it cannot be understood, or there is no module.
    """
    if not options.wasm_columns:
        return []
    if not options.wasm.isidentifier():
        raise ConfigurationError("wasmColumns needs the option wasm: the name under which the module was uploaded.")
    return [_computed(text) for text in options.wasm_columns.split(";") if text.strip()]


def _computed(text: str) -> Computed:
    found = _COLUMN.fullmatch(text)
    if found is None or found[2].lower() not in _NUMBERS:
        raise ConfigurationError(
            f"wasmColumns: {text.strip()!r} is not understood: write NAME TYPE = FUNCTION(COLUMN, …), with a type of "
            + ", ".join(_NUMBERS)
        )
    arguments = tuple(one.strip().strip("`") for one in found[4].split(",") if one.strip())
    return Computed(found[1].strip("`"), found[2].lower(), found[3], arguments)


def emitted(computed: list[Computed], schema: Mapping[str, str]) -> dict[str, object]:
    """Write the columns as the storlet reads them."""
    return {one.name: emit(one.bound(schema)) for one in computed}

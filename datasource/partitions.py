"""The columns that stand in folders' names (year=2020/…) instead of in objects.

Which there are, of what types and with what values says Spark's own code, in the connector (Partitions.java): a
request brings them along. Here they choose the objects that a query needs, before any of these is asked for anything.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from spark_storlets.datasource.client import Listed
from spark_storlets.datasource.expressions import Call, Expression, Left, Literal, columns_of, emit, literal
from spark_storlets.datasource.kernel import csv_kernel, storlet_expression
from spark_storlets.datasource.spark_schema import columns_of_struct

from spark_storlets.errors import UnsupportedError

Json = dict[str, Any]


class Partitions:
    """The partitions of one table; without columns if it has none.

    Args:
        request: the connector's.

    Attributes:
        columns: names and Spark's simple type names.

    Raises:
        UnsupportedError: a column is of a type that the store does not make.
    """

    def __init__(self, request: Json) -> None:
        given = request.get("partitions") or {"schema": {"fields": []}, "folders": {}}
        self.columns = columns_of_struct(given["schema"])
        self._folders = {folder: self._values(values) for folder, values in given["folders"].items()}

    def _values(self, values: Sequence[Json]) -> list[Literal]:
        found = []
        for (name, kind), value in zip(self.columns, values, strict=True):
            try:
                found.append(literal({"type": kind, **value}))
            except (Left, KeyError) as error:
                raise UnsupportedError(
                    f"the partition column {name} is of type {kind}, which the store does not make: give another type "
                    "in the schema, or read the objects by a pattern of paths, without the column."
                ) from error
        return found

    def chosen(self, items: Sequence[Listed], conditions: Sequence[Expression]) -> list[Listed]:
        """Give those objects that are in partitions where conditions may be true.

        Args:
            items: the objects.
            conditions: what a row must fulfil; what they say of other columns is not looked at.
        """
        folders, names = list(self._folders), {name for name, _ in self.columns}
        known = [one for condition in conditions if (one := within(condition, names))]
        if known and folders:
            types = (csv_kernel().arrow_type(kind) for _, kind in self.columns)
            columns = {
                name: pa.array([self._folders[folder][at].value for folder in folders], kind)
                for at, ((name, _), kind) in enumerate(zip(self.columns, types, strict=True))
            }
            tree = emit(functools.reduce(lambda a, b: Call("and", (a, b)), known))
            fits = pc.fill_null(storlet_expression().evaluate(tree, columns, len(folders)), False).to_pylist()
            folders = [folder for folder, fitting in zip(folders, fits, strict=True) if fitting]
        kept = set(folders)
        return [item for item in items if item.folder in kept]

    def constants(self, folder: str) -> Json:
        """Give the columns' values in all objects of a folder, as the storlet reads them."""
        values = self._folders.get(folder, [])
        return {name: emit(value) for (name, _), value in zip(self.columns, values, strict=False)}


def within(condition: Expression, names: set[str]) -> Expression | None:
    """Give what a condition says of some columns alone: it is true wherever the condition is. None: nothing.

    As Spark's extractPredicatesWithinOutputSet does it.
    """
    if isinstance(condition, Call) and condition.op in ("and", "or"):
        parts = [within(one, names) for one in condition.args]
        known = [part for part in parts if part is not None]
        if len(known) == 1 and condition.op == "and":
            return known[0]
        return Call(condition.op, tuple(known)) if len(known) == len(parts) else None
    read = columns_of(condition)
    return condition if read and read <= names else None

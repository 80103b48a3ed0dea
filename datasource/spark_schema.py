"""Spark's two ways to write a table's columns: the JSON of a StructType, and pairs of a name and a simple type name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

#: Where the JSON calls a type otherwise than SQL.
_SIMPLE_NAMES = {"byte": "tinyint", "short": "smallint", "integer": "int", "long": "bigint"}
#: Text by name, as JSON has it.
_TEXTS = {"type": "map", "keyType": "string", "valueType": "string", "valueContainsNull": True}
_JSON_NAMES: dict[str, Any] = {"map<string,string>": _TEXTS} | {simple: name for name, simple in _SIMPLE_NAMES.items()}


def struct_of(columns: Sequence[tuple[str, str]]) -> Json:
    """Write columns as JSON."""
    fields = [
        {"name": name, "type": _JSON_NAMES.get(kind, kind), "nullable": True, "metadata": {}} for name, kind in columns
    ]
    return {"type": "struct", "fields": fields}


def columns_of_struct(schema: Json) -> list[tuple[str, str]]:
    """Read columns of JSON."""
    return [(field["name"], _type_name(field)) for field in schema["fields"]]


def _type_name(field: Json) -> str:
    if field["type"] == _TEXTS:
        return "map<string,string>"
    kind = field["type"] if isinstance(field["type"], str) else field["type"]["type"]
    # A collation, or CHAR(n), is a plain string with a remark; strings that compare otherwise are another type here.
    remarks = [key for key in field.get("metadata", {}) if key.startswith("__")]
    return _SIMPLE_NAMES.get(kind, kind) if not remarks else f"{kind} with {', '.join(remarks)}"

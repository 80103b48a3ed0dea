"""The CSV storlet with functions of a WebAssembly module, as columns and in predicates.

For each module `spark-storlets wasm` uploads a storlet of three lines, a subclass that names it. A function is called
with whole columns, a batch at a time; docs/wasm.md says how they lie in the module's memory. It gets only rows in which
none of its arguments is NULL; of the others the result is NULL.

A module can do nothing but compute: it gets no imports. Its instructions (fuel) are counted for each row, its memory is
bounded, and each call of the storlet has an instance of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import storlet_expression
import wasmtime
from csv_kernel import arrow_type
from csv_storlet import CsvStorlet
from storlet_sdk import StorletFailure, TableWriter

MAX_MEMORY = 256 << 20
#: Instructions of a call besides those for each row.
FUEL_OF_A_CALL = 1_000_000
BATCH_ROWS = 1 << 16
#: Where a column begins in the module's memory: at a multiple of so many bytes.
ALIGNMENT = 64
PAGE = 1 << 16
#: Bytes of a value; what they are called in Arrow for what comes out.
_WIDTHS = {"boolean": 1, "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8, "float": 4, "double": 8} | {
    "date": 4, "timestamp": 8, "timestamp_ntz": 8}  # fmt: skip


class WasmStorlet(CsvStorlet):
    """Answers what the request asks of a CSV object and a module; a subclass names the module's file."""

    module: ClassVar[str]
    _compiled: ClassVar[tuple[wasmtime.Engine, wasmtime.Module] | None] = None

    def answer(self, request: dict[str, Any], source: Any, table: TableWriter) -> None:
        """See TableStorlet."""
        engine, module = self._module()
        functions = Functions(engine, module, self.module, request["wasm_fuel"])
        storlet_expression.FUNCTIONS["wasm"] = functions.call
        super().answer(request, source, table)

    @classmethod
    def _module(cls) -> tuple[wasmtime.Engine, wasmtime.Module]:
        """Compile the module, once for each worker."""
        if cls._compiled is None:
            config = wasmtime.Config()
            config.consume_fuel = True
            # Address space is limited in the sandbox, of which guard pages would take gigabytes.
            config.memory_reservation = config.memory_guard_size = config.memory_reservation_for_growth = 0
            engine = wasmtime.Engine(config)
            content = (Path(__file__).parent / cls.module).read_bytes()
            try:
                cls._compiled = engine, wasmtime.Module(engine, content)
            except wasmtime.WasmtimeError as error:
                raise StorletFailure("storlet_failed", f"{cls.module} is no WebAssembly: {error}") from error
        return cls._compiled


class Functions:
    """The functions of an instance of a module."""

    def __init__(self, engine: wasmtime.Engine, module: wasmtime.Module, name: str, fuel: int) -> None:
        self._name, self._fuel = name, fuel
        self._store = wasmtime.Store(engine)
        self._store.set_limits(memory_size=MAX_MEMORY)
        self._store.set_fuel(FUEL_OF_A_CALL)
        try:
            self._exports = wasmtime.Instance(self._store, module, []).exports(self._store)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            raise self._failure(f"cannot be used: {error}") from error
        memory = self._exports.get("memory")
        if not isinstance(memory, wasmtime.Memory):
            raise self._failure("exports no memory")
        self._memory: wasmtime.Memory = memory
        # The module's own data lie below.
        self._free = memory.data_len(self._store)

    def call(self, tree: dict[str, Any], values: list[Any]) -> Any:
        """Evaluate a call of a function.

        Args:
            tree: the call: function, type, and args with their types.
            values: of the arguments; columns, or scalars for what is the same in all rows.
        """
        columns = [one for one in values if not isinstance(one, pa.Scalar)]
        rows = len(columns[0]) if columns else 1
        arguments = [pa.repeat(one, rows) if isinstance(one, pa.Scalar) else one for one in values]
        known = pa.repeat(pa.scalar(True), rows)
        for one in arguments:
            known = pc.and_(known, pc.is_valid(one))
        whole = known.true_count == rows
        if not whole:
            arguments = [one.filter(known) for one in arguments]
        count = len(arguments[0])
        parts = [
            self._batch(tree, [one.slice(at, BATCH_ROWS) for one in arguments], min(BATCH_ROWS, count - at))
            for at in range(0, count, BATCH_ROWS)
        ]
        kind = arrow_type(tree["type"])
        found = pa.chunked_array(parts, kind).combine_chunks()
        if whole:
            return found
        places = pc.subtract(pc.cumulative_sum(known.cast(pa.int64())), 1)
        return found.take(pc.if_else(known, places, pa.scalar(None, pa.int64())))

    def _batch(self, tree: dict[str, Any], arguments: list[pa.Array], rows: int) -> pa.Array:
        function = self._exports.get(tree["function"])
        if not isinstance(function, wasmtime.Func):
            raise self._failure(f"exports no function {tree['function']}")
        buffers = [buffer for one in arguments for buffer in _buffers(one)]
        places, at = [], self._free
        for buffer in buffers:
            places.append(at)
            at = -(-(at + len(buffer)) // ALIGNMENT) * ALIGNMENT
        size = rows * _WIDTHS[tree["type"]]
        self._store.set_fuel(FUEL_OF_A_CALL + self._fuel * rows)
        try:
            missing = at + size - self._memory.data_len(self._store)
            if missing > 0:
                self._memory.grow(self._store, -(-missing // PAGE))
            for buffer, place in zip(buffers, places, strict=True):
                self._memory.write(self._store, buffer, place)
            function(self._store, rows, *places, at)
        except wasmtime.Trap as trap:
            if self._store.get_fuel() == 0:
                raise self._failure(
                    f"{tree['function']} needs more than {self._fuel} instructions for a row (option wasmFuel)"
                ) from trap
            raise self._failure(f"{tree['function']} failed: {str(trap).splitlines()[-1].strip()}") from trap
        except (wasmtime.WasmtimeError, TypeError) as error:
            raise self._failure(f"{tree['function']} cannot be called so: {error}") from error
        return _column(bytes(self._memory.read(self._store, at, at + size)), tree["type"], rows)

    def _failure(self, what: str) -> StorletFailure:
        return StorletFailure("storlet_failed", f"the module {self._name} {what}")


def _buffers(column: pa.Array) -> list[Any]:
    """Give a column's bytes as the module gets them: its values, of text the offsets and the characters."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    buffers = column.buffers()
    if not pa.types.is_string(column.type):
        width = column.type.bit_width // 8
        return [memoryview(buffers[1])[column.offset * width : (column.offset + len(column)) * width]]
    offsets = memoryview(buffers[1])[4 * column.offset : 4 * (column.offset + len(column) + 1)]
    first, last = (int.from_bytes(offsets[at : at + 4], "little") for at in (0, len(offsets) - 4))
    moved = pc.subtract(
        pa.Array.from_buffers(pa.int32(), len(column) + 1, [None, pa.py_buffer(offsets)]), pa.scalar(first, pa.int32())
    )
    return [memoryview(moved.buffers()[1])[: len(offsets)], memoryview(buffers[2] or b"")[first:last]]


def _column(data: bytes, kind: str, rows: int) -> pa.Array:
    """Make a column of what the module has written."""
    arrow = pa.int8() if kind == "boolean" else arrow_type(kind)
    column = pa.Array.from_buffers(arrow, rows, [None, pa.py_buffer(data)])
    return pc.not_equal(column, 0) if kind == "boolean" else column

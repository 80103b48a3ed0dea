"""What a scan holds does not grow with the object."""

import json
import os
import subprocess
import sys
from pathlib import Path

STORLETS = Path(__file__).resolve().parents[2] / "storlets"

SCAN = """
import json, resource, sys
from csv_kernel import Kernel, load
from csv_records import blocks
from storlet_source import Source

class Repeated(Source):
    def __init__(self, text, size):
        self.text, self.size = text, size - size % len(text)

    def read(self, at, size):
        size = min(size, self.size - at)
        begin = at % len(self.text)
        return (self.text * (size // len(self.text) + 2))[begin : begin + size]

    def ends(self, at):
        return at >= self.size

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

library, quote, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
load(library)
types = ["bigint", "decimal(15,2)", "date", "string", "string", "int"]
values = [b"123456", b"21168.23", b"1996-03-13", b"TRUCK", b"egular courts above the", b"x"]
if quote == "odd":  # what the tokenizer has to read
    values[4] = b'"egular "courts" above, the'
elif quote:
    values = [b'"%s"' % value for value in values]
source = Repeated(b",".join(values) + b"\\n", size)
before, records = peak(), 0
with Kernel({}, columns=6, required=range(6), library=library) as kernel:
    for count in blocks(kernel, source, 0, None):
        columns = [kernel.column(slot, kind) for slot, kind in enumerate(types)]
        rows = kernel.filter(2, "date", "=", "1996-03-13")
        assert len(rows) == len(columns[0]) == count
        records += count
print(json.dumps([records, source.size // len(source.text), peak() - before]))
"""


def test_a_scan_needs_the_same_memory_whatever_the_objects_size(library):
    for quote, size in (("", 1 << 30), ('"', 1 << 28), ("odd", 1 << 26)):
        command = [sys.executable, "-c", SCAN, library, quote, str(size)]
        environment = {**os.environ, "PYTHONPATH": str(STORLETS)}
        printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
        records, expected, grown = json.loads(printed)
        assert records == expected
        assert grown < 64 << 20, (quote, size, grown)

"""What this node's Swift servers have done with storlets since they started: ``spark-storlets sandbox status``.

Each server process keeps a file in ``<host_root>/status`` that is named by its process id and start, and is written
anew soon after something has happened. Files of processes that are gone are nobody's, and removed.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Status", "process_name", "statuses"]

NAME = "status"


@dataclass
class Status:
    """Of one server process: sums since its start, and how it is now."""

    calls: int = 0
    gone: int = 0  # clients that left before the end
    failures: Counter[str] = field(default_factory=Counter)  # by kind
    seconds: float = 0.0  # of all calls
    wait: float = 0.0  # of those, until a worker had the call
    cpu: float = 0.0
    bytes: int = 0
    workers: int = 0
    idle: int = 0
    waiting: int = 0  # calls in queues

    def write(self, host_root: Path) -> None:
        """Write it as this process's."""
        directory = host_root / NAME
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        file = directory / f"{process_name(os.getpid())}.json"
        new = file.with_suffix(".new")
        new.write_text(json.dumps(vars(self)))
        new.rename(file)


def statuses(host_root: Path) -> Iterator[tuple[int, Status]]:
    """Yield the process ids and statuses of the servers that run."""
    for file in sorted((host_root / NAME).glob("*.json")):
        pid = int(file.name.partition("-")[0])
        if process_name(pid) != file.stem:
            with contextlib.suppress(OSError):
                file.unlink()
            continue
        values: dict[str, Any] = json.loads(file.read_text())
        yield pid, Status(**{**values, "failures": Counter(values["failures"])})


def process_name(pid: int) -> str:
    """Name a process as no other one ever is; empty when there is none."""
    try:
        return f"{pid}-{Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"
    except OSError:
        return ""

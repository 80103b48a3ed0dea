"""The pipe storlet: a program gets an object on its standard input, and its standard output is the answer.

For each program `spark-storlets pipe` uploads a storlet of three lines, a subclass that names the program: the engine
wants a storlet's class in the storlet's own file. The program is a dependency of it.

Parameters: args (words, quoted as in a shell), env (words NAME=VALUE), exit (the exit statuses that are no failure; 0).
What the program prints on standard error goes to the worker's log, and its end into the failure's message.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, ClassVar

PIECE = 1 << 16
#: Bytes of standard error that are kept.
TAIL = 2048
FILES = Path(__file__).parent


class PipeStorlet:
    """Runs a program on an object; a subclass names it."""

    program: ClassVar[str]

    def __init__(self, logger: Any) -> None:
        self.logger = logger

    def __call__(self, in_files: list[Any], out_files: list[Any], params: Mapping[str, str]) -> None:
        """Run for the engine.

        Raises:
            ValueError: a parameter cannot be understood.
            RuntimeError: the program ended with another exit status than it should.
        """
        program, good = FILES / self.program, [int(word) for word in params.get("exit", "0").split()]
        command = [str(program), *shlex.split(params.get("args", ""))]
        out_files[0].set_metadata({"Content-Type": "application/octet-stream"})
        with standard_input(in_files[0]) as source:
            process = subprocess.Popen(
                command,
                stdin=source,
                stdout=out_files[0].fileno(),
                stderr=subprocess.PIPE,
                env=environment(params.get("env", "")),
                cwd="/tmp",
            )
        tail = drained(process.stderr)
        status = process.wait()
        said = tail.decode(errors="replace").strip()
        if said:
            print(f"{program.name}: {said}", file=sys.stderr)
        if status not in good:
            how = f"exit status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"
            raise RuntimeError(f"{program.name} ended with {how}: {said or 'nothing on its standard error'}")


def environment(words: str) -> dict[str, str]:
    """Make the program's environment.

    Raises:
        ValueError: a word is no NAME=VALUE.
    """
    pairs = [word.partition("=") for word in shlex.split(words)]
    wrong = [name for name, equals, _ in pairs if not (name and equals)]
    if wrong:
        raise ValueError(f"env: {wrong[0]!r} is no NAME=VALUE")
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", **{n: value for n, _, value in pairs}}


@contextlib.contextmanager
def standard_input(file: Any) -> Iterator[int]:
    """Give a descriptor from which the program reads the object, or the range of it that was asked for.

    The object's own file, or a pipe, is handed over as it is; bytes of a range are copied.
    """
    if not hasattr(file, "start"):
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            os.lseek(file.fileno(), 0, os.SEEK_SET)
        yield file.fileno()
        return
    theirs, ours = os.pipe()
    threading.Thread(target=copied, args=(file, ours), daemon=True).start()
    try:
        yield theirs
    finally:
        os.close(theirs)


def copied(file: Any, to: int) -> None:
    """Copy a file into a pipe, until nobody reads it any more."""
    with open(to, "wb") as pipe, contextlib.suppress(BrokenPipeError):
        while piece := file.read(PIECE):
            pipe.write(piece)


def drained(errors: IO[bytes] | None) -> bytes:
    """Read standard error to its end and give its last bytes."""
    assert errors is not None
    tail = b""
    with errors:
        while piece := os.read(errors.fileno(), PIECE):
            tail = (tail + piece)[-TAIL:]
    return tail

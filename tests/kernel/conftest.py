"""The kernel's library, built when it is out of date."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CRATE = ROOT / "storlets" / "kernel"
TARGET = ROOT / "build" / "kernel"

sys.path[:0] = [str(ROOT / "storlets"), str(Path(__file__).parent)]


@pytest.fixture(scope="session")
def library() -> str:
    """The path of the kernel's library."""
    built = subprocess.run(
        ["cargo", "build", "--release", "--locked"],
        cwd=CRATE,
        env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, f"the kernel does not build:\n{built.stderr}"
    return str(TARGET / "release" / "libstorlets_csv_kernel.so")

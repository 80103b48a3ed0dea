"""The storlets of this tree, importable as they are in the store."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "storlets"), str(Path(__file__).parent)]

"""Runs one of Swift's programs with the cluster's swift.conf.

    python -m spark_storlets.devstack.swift_program ETC PROGRAM ARGUMENT…

Left to themselves, Swift's servers take storage policies from /etc/swift/swift.conf alone, and its daemons everything.
"""

from __future__ import annotations

import runpy
import sys

from swift.common.storage_policy import reload_storage_policies
from swift.common.utils import set_swift_dir


def main() -> None:
    """Be the program, to which the rest of the arguments are given."""
    _, etc, program, *arguments = sys.argv
    set_swift_dir(etc)
    reload_storage_policies()
    sys.argv = [program, *arguments]
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()

"""Serves Keystone's API.

OS_KEYSTONE_CONFIG_FILES=… python -m spark_storlets.devstack.keystone_server PORT
"""

from __future__ import annotations

import sys

from keystone.server.wsgi import initialize_public_application
from werkzeug.serving import make_server


def main(port: int) -> None:
    """Serve until the process ends."""
    del sys.argv[1:]  # Keystone takes them for its own
    make_server("127.0.0.1", port, initialize_public_application(), threaded=True).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))

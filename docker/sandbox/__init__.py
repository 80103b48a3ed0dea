"""Storlet gateways: where and how the storlet engine runs a storlet, one module a sandbox.

``gateway`` is what they have in common (installing storlets, a pool of warm workers, one invocation), ``bubblewrap``
the sandbox for machines without Docker, ``worker`` the program that runs inside. The engine finds a gateway by its
entry point in the group ``storlets.gateways``.
"""

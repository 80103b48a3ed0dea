"""Profiles: the options of a login, kept under a name in a file of the user's.

~/.config/spark-storlets/profiles.ini (or below XDG_CONFIG_HOME)

[production]
authUrl = https://keystone.example/v3
user = analyst
projectName = lake
key = …
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

from spark_storlets.errors import ConfigurationError

__all__ = ["profile"]


def profile(name: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Give the options of a profile, names in lower case.

    Raises:
        ConfigurationError: there is no such profile, or others may read the file.
    """
    home = Path(environment.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser())
    file = home / "spark-storlets" / "profiles.ini"
    # A key may hold any character, so nothing but lines and = means anything.
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    try:
        with file.open(encoding="utf-8") as opened:
            if os.fstat(opened.fileno()).st_mode & 0o077:
                raise ConfigurationError(f"{file} may hold keys, and others may read it: chmod 600 {file}.")
            parser.read_file(opened)
    except OSError as error:
        raise ConfigurationError(
            f"the profile {name!r} would stand in {file}, which cannot be read: make it."
        ) from error
    except (configparser.Error, UnicodeDecodeError) as error:
        # The message of the error would show lines of the file.
        line = getattr(error, "lineno", None)
        where = f"line {line}" if line else "it"
        raise ConfigurationError(f"{file} is not understood ({where}): write [profile], then NAME = VALUE.") from None
    if not parser.has_section(name):
        known = ", ".join(parser.sections()) or "none"
        raise ConfigurationError(f"there is no profile {name!r} in {file}: it has {known}.")
    return dict(parser.items(name))

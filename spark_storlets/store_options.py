"""The options by which commands are told which store, and who asks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

__all__ = ["store_options"]

_OPTIONS = (
    click.option("--profile", help="A section of ~/.config/spark-storlets/profiles.ini [SPARK_STORLETS_PROFILE]."),
    click.option("--auth-url", help="Authentication URL [ST_AUTH, OS_AUTH_URL]."),
    click.option("--user", help="account:user, or Keystone's user [ST_USER, OS_USERNAME]."),
    click.option("--key", help="The user's key [ST_KEY, OS_PASSWORD]; better not on the command line."),
    click.option(
        "-O", "--option", "options", multiple=True, metavar="NAME=VALUE", help="A reader option, such as header=true."
    ),
)


def store_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as one dictionary of reader options, `given`.

    What is not given comes from the environment when somebody logs in.
    """

    @functools.wraps(command)
    def with_given(
        *args: Any,
        profile: str | None,
        auth_url: str | None,
        user: str | None,
        key: str | None,
        options: tuple[str, ...],
        **more: Any,
    ) -> Any:
        flags = {"profile": profile, "authUrl": auth_url, "user": user, "key": key}
        given = {name: value for name, value in flags.items() if value is not None}
        return command(*args, given={**given, **pairs(options, "--option")}, **more)

    decorated: Callable[..., Any] = with_given
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def pairs(texts: tuple[str, ...], option: str) -> dict[str, str]:
    """Take NAME=VALUE apart.

    Raises:
        UsageError: one is not of this form.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise click.UsageError(f"{option} {name}: write NAME=VALUE.")
        found[name] = value
    return found

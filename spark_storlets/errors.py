"""Every error that Spark-Storlets raises, by what the person who sees it can do.

    StorletError
    ├── ConfigurationError     change an option, a path or the installation
    ├── AuthenticationError    give other credentials
    ├── NotFoundError          correct the name, or upload what is missing
    ├── ChangedError           run the query again: an object was overwritten under it
    ├── UnsupportedError       leave the option or type out, or let Spark read the file itself
    ├── MalformedRecordError   correct the record, or read with another mode than FAILFAST
    ├── StorletFailedError     the storlet says what it could not do
    ├── IncompleteAnswerError  the answer broke off or was damaged: run the query again
    └── StoreUnavailableError  the store does not answer: see to it, then run again

A message says what happened, on which object and storlet, and what to do. The words for a failure while reading stand
here too (ANSWER_ERRORS) and travel to the connector with the plan, so that the JVM and Python say the same thing.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "AuthenticationError",
    "ChangedError",
    "ConfigurationError",
    "IncompleteAnswerError",
    "MalformedRecordError",
    "NotFoundError",
    "StoreUnavailableError",
    "StorletError",
    "StorletFailedError",
    "UnsupportedError",
    "error_from_spark",
]


class StorletError(Exception):
    """The base of all errors raised on purpose; str() of it is one message for a person."""

    kind: ClassVar[str] = "error"


class ConfigurationError(StorletError):
    """An option, a path or the installation is wrong."""

    kind = "configuration"


class AuthenticationError(StorletError):
    """The store refused the credentials, or they do not allow this."""

    kind = "authentication"


class NotFoundError(StorletError):
    """A container, an object or a storlet is not there."""

    kind = "not_found"


class ChangedError(StorletError):
    """An object is no longer the one that the query was planned on."""

    kind = "changed"


class UnsupportedError(StorletError):
    """The store cannot do this exactly as Spark would, so it does not do it."""

    kind = "unsupported"


class MalformedRecordError(StorletError):
    """A record does not fit the schema, and the mode is FAILFAST."""

    kind = "malformed"


class StorletFailedError(StorletError):
    """The storlet ran and reported a failure."""

    kind = "storlet_failed"


class IncompleteAnswerError(StorletError):
    """The answer ended early, was damaged, or is not a storlet's answer at all."""

    kind = "incomplete"


class StoreUnavailableError(StorletError):
    """The store could not be reached or could not do the work now."""

    kind = "unavailable"


KINDS: dict[str, type[StorletError]] = {c.kind: c for c in StorletError.__subclasses__()}

#: What to say when reading an answer fails: HTTP status or the connector's name for the case → kind and message.
#: Placeholders: {object} container/object, {range} its bytes, {storlet}, {status} of HTTP, {detail} what is known more.
ANSWER_ERRORS: dict[str, dict[str, str]] = {
    "401": {
        "kind": "authentication",
        "message": "Swift refused the token, or the user may not run {storlet}, on {object} ({detail}). "
        "Check user, key and the container's read ACL, and that the storlet is deployed.",
    },
    "403": {
        "kind": "authentication",
        "message": "Swift forbids this user to read {object} with {storlet} ({detail}). Ask for read access.",
    },
    "404": {
        "kind": "not_found",
        "message": "{object} is no longer there: it was deleted after the query was planned ({detail}). "
        "Run the query again.",
    },
    "412": {
        "kind": "changed",
        "message": "{object} was overwritten after the query was planned, so its rows would be a mix of two versions "
        "({detail}). Run the query again.",
    },
    "422": {
        "kind": "storlet_failed",
        "message": "{storlet} failed on {object}, bytes {range}, before its first row ({detail}). "
        "The object servers' worker.log of this storlet says more.",
    },
    "503": {
        "kind": "unavailable",
        "message": "The store could not run {storlet} on {object}, bytes {range}: HTTP 503 ({detail}). "
        "The object servers' logs say why; run the query again when the store is well.",
    },
    "status": {
        "kind": "unavailable",
        "message": "The store answered HTTP {status} to {storlet} on {object}, bytes {range} ({detail}). "
        "The proxy's log has that transaction.",
    },
    "connect": {
        "kind": "unavailable",
        "message": "Could not reach the store for {object}: {detail}. Check that the cluster is up and reachable "
        "from the executors.",
    },
    "changed": {
        "kind": "incomplete",
        "message": "The answer of {storlet} on {object}, bytes {range}, broke off and could not be resumed: repeated, "
        "{detail}. No row of it was used for a result. Run the query again.",
    },
    "cut": {
        "kind": "incomplete",
        "message": "The answer of {storlet} on {object}, bytes {range}, broke off: {detail}. No row of it was used "
        "for a result. Run the query again; if it repeats, see the object servers' logs.",
    },
    "corrupt": {
        "kind": "incomplete",
        "message": "The answer of {storlet} on {object}, bytes {range}, was damaged on its way: {detail}. "
        "Run the query again.",
    },
    "version": {
        "kind": "configuration",
        "message": "The deployed {storlet} speaks another version of the protocol ({detail}). "
        "Deploy this release's storlets: spark-storlets deploy.",
    },
    "schema": {
        "kind": "configuration",
        "message": "{storlet} answered other columns for {object} than were asked for: {detail}. "
        "Deploy this release's storlets: spark-storlets deploy.",
    },
    "storlet": {
        "kind": "storlet_failed",
        "message": "{storlet} failed on {object}, bytes {range}: {detail}",
    },
}

#: The same for a request to a container's listing, or for an object's metadata; {object} is the container.
LISTING_ERRORS: dict[str, dict[str, str]] = {
    "401": {
        "kind": "authentication",
        "message": "Swift refused the token while {object} was listed ({detail}). Check user and key.",
    },
    "403": {
        "kind": "authentication",
        "message": "Swift forbids this user to list {object} ({detail}). Ask for read access to the container.",
    },
    "404": {
        "kind": "not_found",
        "message": "{object} is no longer there: it was deleted after the query was planned ({detail}).",
    },
    "status": {
        "kind": "unavailable",
        "message": "The store answered HTTP {status} while {object} was listed ({detail}). "
        "The proxy's log has that transaction.",
    },
    "connect": ANSWER_ERRORS["connect"],
    "cut": {
        "kind": "incomplete",
        "message": "The listing of {object} broke off: {detail}. Run the query again.",
    },
}


def error_of(kind: str, message: str) -> StorletError:
    """Make the error of a kind, as kinds come over a wire; an unknown kind gives the base class."""
    return KINDS.get(kind, StorletError)(message)


def error_from_spark(error: BaseException) -> StorletError | None:
    """Find the StorletError inside an exception raised by PySpark.

    A query's failure reaches Python as Spark's own exception with the connector's somewhere in its chain of causes.

    Returns:
        The same failure as a Python error with the exception given as its cause, or None if it is none of ours.
    """
    java: Any = getattr(error, "_origin", None) or getattr(error, "java_exception", None)
    while java is not None:
        if java.getClass().getName() == "org.sparkstorlets.StorletException":
            found = error_of(java.kind(), java.getMessage())
            found.__cause__ = error
            return found
        java = java.getCause()
    return None

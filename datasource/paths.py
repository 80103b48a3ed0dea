"""What the paths of a read name: objects and folders, as Spark's file sources find them in a file system.

A folder is what objects' names have in common up to a slash. A path that names a folder means the objects in it, and
those in its folders only if these are partitions (key=value) or the option recursiveFileLookup says so. In a pattern
`*`, `?`, `[…]`, `[^…]` and `{…,…}` mean what they mean to Hadoop: none of them but the last crosses a slash, and a
backslash takes a character for itself. Names that begin with `_` or `.` are no data.

See org.apache.hadoop.fs.Globber and org.apache.spark.sql.execution.datasources.PartitioningAwareFileIndex.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from spark_storlets.datasource.client import Listed, StoredObject, SwiftClient

from spark_storlets.errors import ConfigurationError, NotFoundError

HEADS_AT_ONCE = 16
_SPECIAL = re.compile(r"[{}\[\]*?\\]")
#: What begins here, up to a slash, is no name that Spark leaves out: see _is_data.
_DATA = r"(?!\.|_[^=/]*(?![^/])|[^/]*\._COPYING_(?![^/]))"
_PATH = re.compile(r"(?:swift|s3)://([^/]+)(?:/(.*))?", re.DOTALL)


class Root(NamedTuple):
    """An object or a folder that a path names, and the data at or below it."""

    folder: str  # the folder itself, or the one that the object is in
    is_object: bool
    objects: tuple[Listed, ...]


@dataclass(frozen=True)
class Found:
    """What all paths of a read name.

    Attributes:
        roots: one for each folder and object that a path, or its pattern, names; twice if it is named twice.
        base: where partition columns begin, if the option basePath says so.
        recursive: are folders below folders read, and none of them a partition?
    """

    roots: tuple[Root, ...]
    base: str | None
    recursive: bool

    def every(self) -> list[Listed]:
        """Give all objects below the roots, once."""
        return list(dict.fromkeys(item for root in self.roots for item in root.objects))

    def flat(self) -> list[Listed]:
        """Give the objects of a table without partitions.

        Raises:
            NotFoundError: there are only folders.
        """
        if self.recursive:
            return self.every()
        items = [i for root in self.roots for i in root.objects if root.is_object or i.folder == root.folder]
        if not items:
            raise NotFoundError(
                f"there are no objects in {self.roots[0].folder}, only folders: name these (…/*), or set "
                "recursiveFileLookup = true."
            )
        return items

    def folders(self) -> list[str]:
        """Give the folders that hold data, if any may be a partition."""
        folders = list(dict.fromkeys(item.folder for item in self.every()))
        return folders if not self.recursive and any("=" in folder for folder in folders) else []

    def bases(self) -> list[str]:
        """Give the folders above which no partition column is looked for."""
        return [self.base] if self.base is not None else sorted({root.folder for root in self.roots})


def find(client: SwiftClient, paths: Sequence[str | Listed], base: str | None, recursive: bool) -> Found:
    """List what paths name.

    Args:
        client: logged in.
        paths: of the read; or objects that are known by name, whose size is negative if it is not known.
        base: the option basePath.
        recursive: the option recursiveFileLookup.

    Raises:
        ConfigurationError: a path is none of ours, or not below the base.
        NotFoundError: a path names nothing.
    """
    named = [path for path in paths if isinstance(path, Listed)]
    unknown = [item for item in named if item.size < 0]
    sizes = {item: found.size for item, found in zip(unknown, look_at(client, unknown), strict=True)}
    objects = (item._replace(size=sizes.get(item, item.size)) for item in named)
    roots = (
        *(root for path in paths if isinstance(path, str) for root in _roots(client, path)),
        *(Root(item.folder, True, (item,)) for item in objects),
    )
    folder = None if base is None else _folder(*parse_path(base))
    for root in roots:
        if folder is not None and not f"{root.folder}/".startswith(f"{folder}/"):
            raise ConfigurationError(f"the option basePath = {base!r} is no folder above {root.folder}.")
    return Found(roots, folder, recursive)


def look_at(client: SwiftClient, items: Sequence[Listed], trusting: bool = False) -> list[StoredObject]:
    """Find out what objects are now.

    Args:
        client: logged in.
        items: the objects.
        trusting: is what the listing says enough, where it says all? It may be some moments old, and a request that is
            made by it fails then.

    Raises:
        NotFoundError: one has gone.
    """

    def look(item: Listed) -> StoredObject:
        if trusting and item.etag:
            return StoredObject(item.container, item.name, item.size, item.etag, False)
        return client.object(item.container, item.name)

    with ThreadPoolExecutor(HEADS_AT_ONCE) as threads:
        return list(threads.map(look, items))


def parse_path(path: str) -> tuple[str, str]:
    """Take swift://container/name apart; slashes at the end, or several in a row, mean nothing.

    Raises:
        ConfigurationError: the path has another form.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise ConfigurationError(f"{path!r} is no path in Swift: write swift://container/object, or s3://bucket/key.")
    return found[1], re.sub("/+", "/", found[2] or "").strip("/")


def literal(pattern: str) -> str:
    """Give what all names begin with that match a pattern; all of it if it is none."""
    return _SPECIAL.split(pattern, maxsplit=1)[0]


def matcher(pattern: str) -> Callable[[str], str | None]:
    """Give what finds out which matches a pattern: a name, a folder that it is in, or neither.

    Raises:
        ConfigurationError: the pattern cannot be read.
    """
    choices = [[re.compile(_regex(part)) for part in one.split("/")] for one in _unbraced(pattern)]

    def matched(name: str) -> str | None:
        found = name.split("/")
        for parts in choices:
            if len(found) >= len(parts) and all(map(re.Pattern.fullmatch, parts, found)):
                return "/".join(found[: len(parts)])
        return None

    return matched


class Scope(NamedTuple):
    """Where the names stand that a folder or a pattern means."""

    container: str
    object: str  # that is meant instead, if there is one of this name; may be empty
    prefix: str  # of all of them
    names: str  # a regular expression that they match, written as both Python and Java read it


def scope_of(path: str, recursive: bool) -> Scope:
    """Tell which objects a path means, without a look at the store.

    An object of no bytes with others below its name is none of them all the same.
    """
    container, pattern = parse_path(path)
    below = f"(?:{_DATA}[^/]*/)*{_DATA}[^/]+" if recursive else f"{_DATA}[^/]+"
    if not _SPECIAL.search(pattern):
        prefix = f"{pattern}/" if pattern else ""
        return Scope(container, "" if path.endswith("/") else pattern, prefix, re.escape(prefix) + below)
    folder = "/" if recursive else "(?<=[^/])/"
    names = []
    for one in _unbraced(pattern):
        *above, last = map(_regex, one.split("/"))
        names.append("".join(f"{part}/" for part in above) + f"(?:{_DATA}{last}(?<!/)|{last}{folder}{below})")
    return Scope(container, "", literal(pattern), "|".join(names))


def _roots(client: SwiftClient, path: str) -> list[Root]:
    container, pattern = parse_path(path)
    try:
        found = _found(client, container, pattern, path.endswith("/"))
    except NotFoundError as error:
        raise NotFoundError(f"{path} does not exist in Swift: there is no container {container!r}.") from error
    roots = []
    for (name, is_object), items in sorted(found.items()):
        above = name.rfind("/") + 1 if is_object else len(name)
        data = tuple(item for item in items if _is_data(item.name[above:]))
        if data or not is_object:
            roots.append(Root(data[0].folder if is_object else _folder(container, name), is_object, data))
    if not roots:
        hint = "; names that begin with _ or . are no data for Spark" if found else ""
        hint = "; put a backslash before a bracket that is meant" if re.search(r"[\[{]", pattern) else hint
        raise NotFoundError(f"{path} does not exist in Swift: nothing in {container!r} matches it{hint}.")
    return roots


def _found(client: SwiftClient, container: str, pattern: str, is_folder: bool) -> dict[tuple[str, bool], list[Listed]]:
    """Give what a path names, each with whether it is an object, and the objects at or below it."""
    found: dict[tuple[str, bool], list[Listed]] = {}
    if _SPECIAL.search(pattern):
        for one in _unbraced(pattern):
            for name, is_object, item in _matches(client, container, one):
                found.setdefault((name, is_object), []).append(item)
    else:
        # Nothing says whether an object or a folder is meant, and an object of no bytes may stand for a folder.
        stored = client.found(container, pattern) if pattern and not is_folder else None
        below = [] if stored and stored.size else _listed(client, container, f"{pattern}/" if pattern else "")
        if below:
            found[pattern, False] = below
        elif stored:
            found[pattern, True] = [Listed(container, pattern, stored.size, None if stored.large else stored.etag)]
    return found


def _matches(client: SwiftClient, container: str, pattern: str) -> Iterator[tuple[str, bool, Listed]]:
    """Give what matches a pattern, with each object at or below it."""
    matched = matcher(pattern)
    for item in _listed(client, container, literal(pattern)):
        found = matched(item.name)
        if found is not None:
            yield found, found == item.name, item


def _listed(client: SwiftClient, container: str, prefix: str) -> list[Listed]:
    """List objects, but none that only says that there is a folder: one of no bytes with others below its name."""
    items = client.listed(container, prefix)
    above = {item.name[:at] for item in items for at, char in enumerate(item.name) if char == "/"}
    return [item for item in items if not item.name.endswith("/") and (item.size or item.name not in above)]


def _is_data(name: str) -> bool:
    """Tell whether Spark reads what has this name, or this path below a folder."""
    return not any(
        part.startswith(".") or (part.startswith("_") and "=" not in part) or part.endswith("._COPYING_")
        for part in name.strip("/").split("/")
    )


def _folder(container: str, name: str) -> str:
    return f"/{container}/{name}".rstrip("/")


def _unbraced(pattern: str) -> list[str]:
    """Write a pattern with slashes between braces as several without."""
    for start, end, choices in _braces(pattern):
        if any("/" in choice for choice in choices):
            return [one for choice in choices for one in _unbraced(pattern[:start] + choice + pattern[end:])]
    return [pattern]


def _braces(pattern: str) -> Iterator[tuple[int, int, list[str]]]:
    """Give where each outermost pair of braces begins and ends, and what stands between its commas."""
    depth, start, commas = 0, 0, [0]
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif char == "{":
            if depth == 0:
                start, commas = at, [at]
            depth += 1
        elif char == "," and depth == 1:
            commas.append(at)
        elif char == "}" and depth > 0:
            depth -= 1
            if depth == 0:
                bounds = zip(commas, [*commas[1:], at], strict=True)
                yield start, at + 1, [pattern[begin + 1 : end] for begin, end in bounds]
        at += 1


def _regex(part: str) -> str:
    """Write a pattern for one part of a name as a regular expression.

    Raises:
        ConfigurationError: something in it is not closed.
    """
    written, depth, in_class, at = "", 0, False, 0
    while at < len(part):
        char = part[at]
        before = part[at - 1] if at else ""
        if char == "\\":
            at += 1
            if at == len(part):
                raise ConfigurationError(f"the pattern {part!r} ends in a backslash: put a character behind it.")
            written += re.escape(part[at])
        elif in_class:
            in_class = char != "]"
            written += "^" if char in "!^" and before == "[" else char if char in "]-" else re.escape(char)
        elif char == "[":
            written, in_class = written + "(?!/)[", True
        elif char == "{":
            written, depth = written + "(?:", depth + 1
        elif char == "}" and depth:
            written, depth = written + ")", depth - 1
        else:
            written += {"*": "[^/]*", "?": "[^/]", ",": "|" if depth else ","}.get(char, re.escape(char))
        at += 1
    try:
        re.compile(written)
    except re.error as error:
        raise ConfigurationError(f"the pattern {part!r} in a path cannot be read ({error}).") from error
    return written

"""Names as numbers, so that a name in the middle between two others can be made.

Which characters stand where is learned from names that were seen. Characters that stand where only one ever stood
(a shared prefix, a hyphen) take no room, and digits take that of ten: half-way between two numbers lies about half of
the names between them, if names are made as names are.

Names are in the order of their characters' code points here, which is that of their UTF-8 bytes in Swift.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator

#: The numbers are below 2 to this.
BITS = 512
_ONE = 1 << BITS
_END = ""
_LAST = "\U0010ffff"
#: Where two of a class stand, all others of it may stand; of two classes the smaller one is right if it has all.
_CLASSES = (
    ("01", "0123456789"),
    ("ABCDEF", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("abcdef", "abcdefghijklmnopqrstuvwxyz"),
)
#: Of other scripts whatever lies between two seen, if it is no more than this.
_FOREIGN = 30_000
_Place = tuple[int, int]


class Numbering:
    """Numbers names by the characters that were seen in their places.

    A place is a folder's depth, and the distance from the last slash: so names behind folders' names of different
    lengths have their places in common.
    """

    def __init__(self) -> None:
        self._seen: dict[_Place, set[str]] = defaultdict(set)
        self._alphabets: dict[_Place, list[str]] = {}

    def learn(self, name: str) -> None:
        """See a name."""
        for place, character in _places(name):
            seen = self._seen[place]
            if character not in seen:
                seen.add(character)
                self._alphabets.pop(place, None)

    def number(self, name: str) -> int:
        """Give a name's number; a larger name has no smaller one."""
        return min(self._walk(_places(name))[0], _ONE - 1)

    def room(self, folder: str) -> tuple[int, int]:
        """Give the least number of names in a folder, and how many numbers there are for them."""
        return self._walk(list(_places(folder))[:-1])

    def _walk(self, places: Iterable[tuple[_Place, str]]) -> tuple[int, int]:
        low, width = 0, _ONE
        for place, character in places:
            alphabet = self._alphabet(place)
            index = bisect_left(alphabet, character)
            width //= max(1, len(alphabet))
            low += width * index
            if index == len(alphabet) or alphabet[index] != character:
                break  # a character never seen: the name lies before all that begin with the next one
        return low, width

    def name(self, number: int, tolerance: int) -> str:
        """Give the shortest name that has about this number.

        Args:
            number: one that `number` could give.
            tolerance: what the number of the name may be less.
        """
        name, width, depth, offset = "", _ONE, 0, 0
        while width > max(1, tolerance):
            alphabet = self._alphabet((depth, offset))
            if not alphabet:
                break
            width //= len(alphabet)
            index = min(number // max(1, width), len(alphabet) - 1)
            number -= index * width
            character = alphabet[index]
            if character == _END:
                break
            name += character
            depth, offset = (depth + 1, 0) if character == "/" else (depth, offset + 1)
        return name

    def _alphabet(self, place: _Place) -> list[str]:
        known = self._alphabets.get(place)
        if known is None:
            seen = self._seen.get(place, set())
            filled: set[str] = set()
            for kinds in _CLASSES:
                of = next(kind for kind in kinds if kind is kinds[-1] or max(seen) <= kind[-1])
                if len(seen.intersection(of)) > 1 or (len(seen) > 1 and not seen.isdisjoint(of)):
                    filled.update(of)
            foreign = [ord(c) for c in seen if c > "\x7f"]
            if foreign and max(foreign) - min(foreign) <= _FOREIGN:
                filled.update(map(chr, range(min(foreign), max(foreign))))
            known = self._alphabets[place] = sorted(seen | filled)
        return known


def _places(name: str) -> Iterator[tuple[_Place, str]]:
    depth, offset = 0, 0
    for character in name:
        yield (depth, offset), character
        depth, offset = (depth + 1, 0) if character == "/" else (depth, offset + 1)
    yield (depth, offset), _END


def before(name: str) -> str:
    """Give a name that is less than this one, with hardly any other between them."""
    code = ord(name[-1]) - 1 if name else 0
    if code <= 0:
        return name[:-1]
    return name[:-1] + chr(0xD7FF if 0xD800 <= code <= 0xDFFF else code) + _LAST


def behind_prefix(prefix: str) -> str | None:
    """Give the least name behind all that begin with a prefix; None if there is none."""
    stripped = prefix.rstrip(_LAST)
    if not stripped:
        return None
    code = ord(stripped[-1]) + 1
    return stripped[:-1] + chr(0xE000 if 0xD800 <= code <= 0xDFFF else code)

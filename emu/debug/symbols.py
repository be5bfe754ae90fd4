"""Names of addresses, from the guests' symbol tables."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable


class Symbols:
    """Symbols of every image loaded, looked up by name or by address."""

    def __init__(self) -> None:
        self._by_name: dict[str, int] = {}
        self._addresses: list[int] = []
        self._names: list[str] = []
        self._sizes: list[int] = []
        self._functions: set[str] = set()
        self._data: list[tuple[int, int]] = []

    def add_data(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Add (first address, the one behind the last) of data among one image's code."""
        self._data = sorted([*self._data, *(each for each in ranges if each[0] < each[1])])

    def is_data(self, address: int) -> bool:
        """Whether an image says that data lies here among its code. A word counts by its first byte."""
        index = bisect_right(self._data, (address, 1 << 64)) - 1
        return index >= 0 and address < self._data[index][1]

    def add(self, symbols: list[tuple[str, int, int]], functions: Iterable[str] = ()) -> None:
        """Add (name, address, size in bytes; 0 where unknown) of one image. Later images win on equal names.

        Of several names at an address one of `functions` stands for it rather than a bare label.
        """
        for name, address, _ in symbols:
            self._by_name[name] = address
        self._functions.update(functions)
        known = list(zip(self._addresses, self._names, self._sizes, strict=True))
        known += [(address, name, size) for name, address, size in symbols]
        best: dict[int, tuple[str, int]] = {}
        for address, name, size in known:
            present = best.get(address)
            # A name with a size says more than a bare label, and so does a function's; a shorter one reads better.
            if present is None or self._worth(name, size) > self._worth(*present):
                best[address] = (name, size)
        self._addresses = sorted(best)
        self._names = [best[a][0] for a in self._addresses]
        self._sizes = [best[a][1] for a in self._addresses]

    def _worth(self, name: str, size: int) -> tuple[bool, bool, int]:
        return size > 0, name in self._functions, -len(name)

    def lookup(self, name: str) -> int | None:
        """Address of a symbol; None if there is none of that name."""
        return self._by_name.get(name)

    def nearest(self, address: int, reach: int = 1 << 16) -> tuple[str, int] | None:
        """The symbol at or before an address, and the distance from it in bytes; None beyond its size or reach."""
        index = bisect_right(self._addresses, address) - 1
        if index < 0:
            return None
        offset = address - self._addresses[index]
        size = self._sizes[index]
        if offset >= (size or reach):
            return None
        return self._names[index], offset

    def bounds(self, address: int, reach: int = 1 << 16) -> tuple[int, int] | None:
        """Where the symbol at or before an address begins, and where it ends or the next one begins.

        None beyond its size or reach.
        """
        index = bisect_right(self._addresses, address) - 1
        if index < 0:
            return None
        start, size = self._addresses[index], self._sizes[index]
        if address - start >= (size or reach):
            return None
        following = self._addresses[index + 1] if index + 1 < len(self._addresses) else start + reach
        return start, start + size if size else min(following, start + reach)

    def size_at(self, address: int) -> int:
        """The size in bytes of the symbol that starts at an address; 0 where that is not known."""
        index = bisect_right(self._addresses, address) - 1
        return self._sizes[index] if index >= 0 and self._addresses[index] == address else 0

    def describe(self, address: int) -> str:
        """ "name+0x10", or the address in hexadecimal."""
        found = self.nearest(address)
        if found is None:
            return f"{address:#x}"
        name, offset = found
        return f"{name}+{offset:#x}" if offset else name

    def names(self) -> list[str]:
        return sorted(self._by_name)

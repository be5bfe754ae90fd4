"""Compiled regions on disk: found again by their first words, used only if every word they were made of is there."""

from __future__ import annotations

import hashlib
import struct

from emu.engine.cache import ObjectCache
from emu.engine.region import Code

_FIRST_WORDS = 16
_LARGEST = 1 << 18
"""Bytes of object code beyond which a region is not kept."""
_COUNTS, _PAIR, _HEAD = struct.Struct("<II"), struct.Struct("<QI"), struct.Struct("<Q")


class RegionCache:
    """Object code of regions in an `ObjectCache`, each after the words and addresses it was made of and its heads."""

    def __init__(self, objects: ObjectCache) -> None:
        self._objects = objects

    @staticmethod
    def _name(head: int, code: Code) -> str:
        """A name from the head's address and the straight line there, as far as it has run."""
        digest = hashlib.sha256(_PAIR.pack(head, code.most))
        for address in range(head, head + 4 * _FIRST_WORDS, 4):
            decoded = code.at(address)
            if decoded is None or address >> 12 != head >> 12:
                break
            digest.update(decoded.word.to_bytes(4, "little"))
        return f"region-{digest.hexdigest()[:32]}"

    def load(self, head: int, code: Code) -> tuple[tuple[int, ...], bytes] | None:
        """(heads, object code) for a first head, if what it was made of is there now; `code.used` is filled."""
        kept = self._objects.load(self._name(head, code))
        if kept is None or len(kept) < _COUNTS.size:
            return None
        words, entries = _COUNTS.unpack_from(kept)
        first_head = _COUNTS.size + words * _PAIR.size
        body = first_head + entries * _HEAD.size
        used = {}
        for address, word in _PAIR.iter_unpack(kept[_COUNTS.size : first_head]):
            decoded = code.at(address)
            if decoded is None or decoded.word != word:
                return None
            used[address] = decoded
        code.used.update(used)
        return tuple(each for (each,) in _HEAD.iter_unpack(kept[first_head:body])), kept[body:]

    def store(self, head: int, code: Code, heads: tuple[int, ...], object_code: bytes) -> None:
        """Keep a region."""
        if len(object_code) <= _LARGEST:
            counts = _COUNTS.pack(len(code.used), len(heads))
            pairs = b"".join(_PAIR.pack(address, decoded.word) for address, decoded in code.used.items())
            entries = b"".join(map(_HEAD.pack, heads))
            self._objects.store(self._name(head, code), counts + pairs + entries + object_code)

"""Compiled regions on disk: found again by their first words, used only if every word they were made of is there."""

from __future__ import annotations

import hashlib
import struct

from emu.engine.cache import ObjectCache
from emu.engine.region import Code

_FIRST_WORDS = 16
_LARGEST = 1 << 18
"""Bytes of object code beyond which a region is not kept."""
_PAIR = struct.Struct("<QI")


class RegionCache:
    """Object code of regions in an `ObjectCache`, each after a list of the words and addresses it stands for."""

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

    def load(self, head: int, code: Code) -> bytes | None:
        """The object code for a head, if what it was made of is what is there now; `code.used` is filled."""
        kept = self._objects.load(self._name(head, code))
        if kept is None or len(kept) < 4:
            return None
        count = int.from_bytes(kept[:4], "little")
        used = {}
        for address, word in _PAIR.iter_unpack(kept[4 : 4 + count * _PAIR.size]):
            decoded = code.at(address)
            if decoded is None or decoded.word != word:
                return None
            used[address] = decoded
        code.used.update(used)
        return kept[4 + count * _PAIR.size :]

    def store(self, head: int, code: Code, object_code: bytes) -> None:
        """Keep a region."""
        if len(object_code) <= _LARGEST:
            pairs = b"".join(_PAIR.pack(address, decoded.word) for address, decoded in code.used.items())
            self._objects.store(self._name(head, code), len(code.used).to_bytes(4, "little") + pairs + object_code)

"""What translation needs from the rest of the machine: physical memory for descriptors, and the granule check."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from emu.architecture import PA, PAS
from emu.debug.events import Owner
from emu.rme.gpt import GptCache
from emu.translation.records import GpcResult


class WalkMemory(Protocol):
    """Physical memory as table walks see it. Granule protection is checked before it is read."""

    def read_u64(self, pa: PA, pas: PAS, mecid: int) -> tuple[int, int] | None:
        """A descriptor fetch: (little-endian value as this context sees it, owner id that it differs from or 0).

        None where there is no memory: an external abort.
        """

    def owner_of(self, pa: PA) -> Owner | None:
        """Who owns the block at this address; None when nobody does or there is no memory."""

    def unobserved(self) -> AbstractContextManager[None]:
        """While this is entered reads are somebody's looking, not the machine's own, and leave no trace."""


class GranuleCheck(Protocol):
    """Granule protection as a walk uses it."""

    def passes(self, pa: int, pas: PAS) -> bool: ...

    def check(self, pa: int, pas: PAS) -> GpcResult: ...


class LookingGranuleCheck:
    """Granule protection for somebody who only looks: it changes nothing of what is cached.

    With `as_cached` information that the cache holds is used, as an access would; else the tables as they are now.
    """

    def __init__(self, cache: GptCache, *, as_cached: bool) -> None:
        self._cache = cache
        self._as_cached = as_cached

    def passes(self, pa: int, pas: PAS) -> bool:
        return self.check(pa, pas).failure is None

    def check(self, pa: int, pas: PAS) -> GpcResult:
        return self._cache.look(pa, pas, as_cached=self._as_cached)

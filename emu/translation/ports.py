"""What translation needs from the rest of the machine: physical memory for descriptors, and the granule check."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from emu.architecture import PA, PAS, Security
from emu.debug.events import Owner
from emu.rme.gpt import GptCache
from emu.translation.records import GpcResult


class WalkMemory(Protocol):
    """Physical memory as table walks see it. Granule protection is checked before it is read."""

    def read_u64(self, pa: PA, pas: PAS, mecid: int, is_cacheable: bool = False) -> tuple[int, int] | None:
        """A descriptor fetch: (little-endian value as this context sees it, owner id that it differs from or 0).

        A cacheable one goes through the data cache, if the machine has one. None where there is no memory: an
        external abort.
        """

    def swap_u64(
        self, pa: PA, pas: PAS, mecid: int, expected: int, wanted: int, is_cacheable: bool = False
    ) -> int | None:
        """A hardware update of a descriptor: `wanted` is stored if `expected` is found, in one atomic step.

        Returns what was found, as this context sees it. None where there is no memory that can be written.
        """

    def owner_of(self, pa: PA) -> Owner | None:
        """Who owns the block at this address; None when nobody does or there is no memory."""

    def watch(self, pa: PA) -> None:
        """Have the next store to the descriptor at this address noticed, as one to decoded instructions is."""

    def unobserved(self) -> AbstractContextManager[None]:
        """While this is entered reads are somebody's looking, not the machine's own, and leave no trace."""


class WatchedMemory:
    """Physical memory whose descriptors are watched from the moment they are read."""

    def __init__(self, memory: WalkMemory) -> None:
        self._memory = memory

    def owner_of(self, pa: PA) -> Owner | None:
        return self._memory.owner_of(pa)

    def unobserved(self) -> AbstractContextManager[None]:
        return self._memory.unobserved()

    def watch(self, pa: PA) -> None:
        self._memory.watch(pa)

    def read_u64(self, pa: PA, pas: PAS, mecid: int, is_cacheable: bool = False) -> tuple[int, int] | None:
        self._memory.watch(pa)
        return self._memory.read_u64(pa, pas, mecid, is_cacheable)

    def swap_u64(
        self, pa: PA, pas: PAS, mecid: int, expected: int, wanted: int, is_cacheable: bool = False
    ) -> int | None:
        found = self._memory.swap_u64(pa, pas, mecid, expected, wanted, is_cacheable)
        self._memory.watch(pa)  # the update was a store: it ended the watch
        return found


class GranuleCheck(Protocol):
    """Granule protection as a walk uses it."""

    def passes(self, pa: int, pas: PAS, security: Security) -> bool: ...

    def check(self, pa: int, pas: PAS, security: Security) -> GpcResult: ...


class LookingGranuleCheck:
    """Granule protection for somebody who only looks: it changes nothing of what is cached.

    With `as_cached` information that the cache holds is used, as an access would; else the tables as they are now.
    """

    def __init__(self, cache: GptCache, *, as_cached: bool) -> None:
        self._cache = cache
        self._as_cached = as_cached

    def passes(self, pa: int, pas: PAS, security: Security) -> bool:
        return self.check(pa, pas, security).failure is None

    def check(self, pa: int, pas: PAS, security: Security) -> GpcResult:
        return self._cache.look(pa, pas, security, as_cached=self._as_cached)

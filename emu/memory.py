"""Physical memory: regions of RAM in one arena, devices beside them, and what each address space sees of them."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from emu.architecture import BLOCK, PA, PAGE, PAS
from emu.debug.events import Owner
from emu.errors import AddressError, ConfigurationError, UnwantedError
from emu.mec.cache import DataCache
from emu.mec.memory import CODE_TAG, OWNER_MASK, EncryptedMemory, Model, StoreResult
from emu.mec.writers import Words

PAGES_AT_ONCE = 64
"""Pages that are copied before somebody may say that the copy is unwanted: a millisecond or two."""


class Device(Protocol):
    """A block of memory-mapped registers. Offsets are from its base; sizes 1, 2, 4 or 8 bytes."""

    name: str
    base: int
    size: int
    spaces: frozenset[PAS]
    """The address spaces it answers in; in the others there is nothing at its place."""

    def read(self, offset: int, size: int) -> int: ...
    def write(self, offset: int, size: int, value: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Region:
    """A piece of RAM or ROM in the physical address map. `arena` is its place in the arena; all in bytes."""

    name: str
    base: int
    size: int
    arena: int
    is_writable: bool = True

    @property
    def end(self) -> int:
        return self.base + self.size


RAM_BASE = 0x4000_0000
FLASH = (0x0000_0000, 0x0800_0000)
SECURE_RAM = (0x0E00_0000, 0x0100_0000)
LARGEST_RAM = 1 << 34
"""16 GiB; pages cost host memory only once they are touched."""


class PageCopy(NamedTuple):
    """What a snapshot keeps of one page."""

    content: bytes
    tags: bytes
    writers: bytes | None
    """None where no guest has stored."""


_BLOCKS = PAGE // BLOCK
_RECORD_WORDS = 2 * _BLOCKS
_ZERO = PageCopy(bytes(PAGE), bytes(4 * _BLOCKS), None)
_NOTHING: Mapping[int, PageCopy] = {}
_OWNERS = int.from_bytes(OWNER_MASK.to_bytes(4, "little") * _BLOCKS, "little")


def _owners(tags: bytes) -> int:
    """The tags of a page without the marks of decoded code."""
    return int.from_bytes(tags, "little") & _OWNERS


class PhysicalMemory:
    """RAM, ROM and devices at their physical addresses (the map of QEMU's virt board).

    `walk_observer` hears of descriptor reads whose context differs from the owner's: (pa, pas, mecid, owner id).
    """

    def __init__(self, ram_size: int, *, model: Model = "cipher", pas_keys: bool = True, seed: int = 0) -> None:
        if ram_size % PAGE or not PAGE <= ram_size <= LARGEST_RAM:
            raise ConfigurationError(
                f"a memory of {ram_size} bytes cannot be built: give a multiple of 4K from 4K to 16G, such as 256M"
            )
        self.regions: tuple[Region, ...] = (
            Region("RAM", RAM_BASE, ram_size, 0),
            Region("secure RAM", *SECURE_RAM, ram_size),
            Region("flash", *FLASH, ram_size + SECURE_RAM[1], is_writable=False),
        )
        total = sum(region.size for region in self.regions)
        self._arena_map = _anonymous(total)
        self._tags_map = _anonymous(total // BLOCK * 4)
        self._writers_map = _anonymous(total)
        self.arena = memoryview(self._arena_map)
        self.tags = memoryview(self._tags_map).cast("I")
        self.writers = memoryview(self._writers_map).cast("Q")
        """Records of who stored, two words for each block."""
        self.arena_address = _address(self._arena_map)
        self.tags_address = _address(self._tags_map)
        self.writers_address = _address(self._writers_map)
        self.encrypted = EncryptedMemory(self.arena, self.tags, self.writers, model=model, pas_keys=pas_keys, seed=seed)
        self.cache: DataCache | None = None
        """The data cache, where it is modelled: part of the CPU's view and the walker's."""
        self._is_looking = False
        self.devices: list[Device] = []
        self.touched: set[int] = set()
        """Arena pages (by number) that may differ from zero: what a snapshot has to keep."""
        self.walk_observer: Callable[[PA, PAS, int, int], None] | None = None
        self.walk_watch: Callable[[PA, PAS, int, int, int | None], None] | None = None
        """A debugger's watchpoints: (pa, pas, mecid, value, the value before where a walk wrote one)."""
        self.walk_storer: Callable[[PA, PAS, int, int, bool], None] | None = None
        """Stores what hardware makes of a descriptor: (arena offset, value, owner id)."""

    # Where things are.

    def region_of(self, pa: int) -> Region | None:
        """The RAM or ROM that holds a physical address."""
        for region in self.regions:
            if region.base <= pa < region.end:
                return region
        return None

    def ram_offset(self, pa: int, *, is_store: bool = False) -> int | None:
        """Arena offset of a physical address; None for devices, holes, and stores to ROM."""
        region = self.region_of(pa)
        if region is None or (is_store and not region.is_writable):
            return None
        return pa - region.base + region.arena

    def physical(self, offset: int) -> PA:
        """The physical address of an arena offset."""
        for region in self.regions:
            if region.arena <= offset < region.arena + region.size:
                return PA(offset - region.arena + region.base)
        raise AddressError(f"arena offset {offset:#x} is outside memory")

    def device_of(self, pa: int, pas: PAS) -> Device | None:
        """The device that answers at an address of an address space."""
        for device in self.devices:
            if device.base <= pa < device.base + device.size and pas in device.spaces:
                return device
        return None

    def touch(self, pa: int) -> None:
        """Note that the page at this address may be written from now on."""
        offset = self.ram_offset(pa)
        if offset is not None:
            self.touched.add(offset // PAGE)

    # The debugger's and the loader's view: plaintext, whoever owns it.

    def _span(self, pa: int, size: int, what: str) -> int:
        region = self.region_of(pa)
        if size < 0:
            raise AddressError(f"cannot {what} {size} bytes at {pa:#x}: give 0 or more")
        if region is None or pa + size > region.end:
            places = ", ".join(f"{r.name} {r.base:#x}-{r.end - 1:#x}" for r in self.regions)
            raise AddressError(f"cannot {what} {size} bytes at {pa:#x}: memory is {places}")
        return pa - region.base + region.arena

    def peek(self, pa: int, size: int) -> bytes:
        """Plaintext as the owner of each block sees it, in memory: dirty cache lines are not there yet.

        Raises AddressError outside RAM and ROM.
        """
        return self.encrypted.peek(self._span(pa, size, "read"), size)

    def poke(self, pa: int, data: bytes) -> tuple[int, bool]:
        """Write plaintext for whoever owns each block. Returns (arena offset, whether decoded code was hit)."""
        offset = self._span(pa, len(data), "write")
        self.touched.update(range(offset // PAGE, (offset + max(len(data), 1) - 1) // PAGE + 1))
        if self.cache is not None:
            self.cache.poke(pa, data)
        return offset, self.encrypted.poke(offset, data)

    def view_as(self, pa: int, size: int, pas: PAS, mecid: int) -> bytes:
        """The bytes of memory as another context would see them, cache lines aside. Changes nothing."""
        return self.encrypted.view_as(self._span(pa, size, "read"), size, self.encrypted.owner_id(pas, mecid))

    # The walker's view.

    def read_u64(self, pa: PA, pas: PAS, mecid: int, is_cacheable: bool = False) -> tuple[int, int] | None:
        """A descriptor as the walk's context sees it, and the owner id it mismatches (0: none). None: nothing there."""
        offset = self.ram_offset(pa)
        if offset is None:
            return None
        if is_cacheable and self.cache is not None:
            value, mismatch = (self.cache.look if self._is_looking else self.cache.read)(pa, 8, pas, mecid)
        else:
            value, mismatch = self.encrypted.load(offset, 8, self.encrypted.owner_id(pas, mecid))
        if mismatch and self.walk_observer is not None:
            self.walk_observer(pa, pas, mecid, mismatch)
        if self.walk_watch is not None and not self._is_looking:
            self.walk_watch(pa, pas, mecid, value, None)
        return value, mismatch

    def swap_u64(
        self, pa: PA, pas: PAS, mecid: int, expected: int, wanted: int, is_cacheable: bool = False
    ) -> int | None:
        """A hardware update of a descriptor: store `wanted` where `expected` is found. Returns what was found.

        None where there is no memory that can be written.
        """
        offset = self.ram_offset(pa, is_store=True)
        if offset is None:
            return None
        if is_cacheable and self.cache is not None:
            value, _ = self.cache.read(pa, 8, pas, mecid)
        else:
            value, _ = self.encrypted.load(offset, 8, self.encrypted.owner_id(pas, mecid))
        if value == expected and self.walk_storer is not None:
            self.walk_storer(pa, pas, mecid, wanted, is_cacheable)
            if self.walk_watch is not None:
                self.walk_watch(pa, pas, mecid, wanted, value)
        return value

    def notice(self, pa: PA, size: int) -> tuple[int, int] | None:
        """Take the marks off the blocks of a store that stays in the cache for now.

        Returns (arena offset, size) where any had one: who watches a block hears of it as of a store to memory.
        """
        offset = self.ram_offset(pa)
        assert offset is not None
        marked = [at for at in range(offset // BLOCK, (offset + size - 1) // BLOCK + 1) if self.tags[at] & CODE_TAG]
        for at in marked:
            self.tags[at] &= OWNER_MASK
        return (marked[0] * BLOCK, (marked[-1] - marked[0] + 1) * BLOCK) if marked else None

    def watch(self, pa: PA) -> None:
        """Report the next store to the block at this address as one that hit decoded code."""
        offset = self.ram_offset(pa)
        if offset is not None:
            self.tags[offset // BLOCK] |= CODE_TAG

    def owner_of(self, pa: PA) -> Owner | None:
        """Who owns the block at an address; None for unowned memory, devices and holes."""
        offset = self.ram_offset(pa)
        return None if offset is None else self.encrypted.owner_at(offset)

    @contextmanager
    def unobserved(self) -> Iterator[None]:
        """Looking for the debugger's sake: reads in here are not the machine's own and tell nobody."""
        observer, self.walk_observer = self.walk_observer, None
        was_looking, self._is_looking = self._is_looking, True
        try:
            yield
        finally:
            self.walk_observer, self._is_looking = observer, was_looking

    # The CPU's view. Offsets come from `ram_offset`.

    def store(self, offset: int, size: int, value: int, owner: int, writer: Words) -> StoreResult:
        self.touched.add(offset // PAGE)
        return self.encrypted.store(offset, size, value, owner, writer)

    # Pages as wholes, for snapshots.

    def copy_pages(
        self, before: Mapping[int, PageCopy] = _NOTHING, is_unwanted: Callable[[], bool] | None = None
    ) -> dict[int, PageCopy]:
        """Every page that may differ from zero; a copy of `before` that still holds is used again.

        `is_unwanted` is asked now and then: once it says so, UnwantedError is raised.
        """
        copies: dict[int, PageCopy] = {}
        for at, page in enumerate(self.touched):
            if is_unwanted is not None and at % PAGES_AT_ONCE == 0 and is_unwanted():
                raise UnwantedError("the copy of memory is not wanted any more")
            copies[page] = self._copy_page(page, before.get(page))
        return copies

    def _copy_page(self, page: int, before: PageCopy | None = None) -> PageCopy:
        content = bytes(self.arena[page * PAGE : (page + 1) * PAGE])
        tags = bytes(self.tags[page * _BLOCKS : (page + 1) * _BLOCKS])
        writers: bytes | None = bytes(self.writers[page * _RECORD_WORDS : (page + 1) * _RECORD_WORDS])
        if writers == _ZERO.content:
            writers = None
        is_same = before is not None and content == before.content and writers == before.writers
        if before is not None and is_same and (tags == before.tags or _owners(tags) == _owners(before.tags)):
            return before
        return PageCopy(content, tags, writers)

    def restore_pages(self, pages: dict[int, PageCopy]) -> Iterator[int]:
        """Make memory what these pages say and zero elsewhere; yields the number of each page that was written.

        Marks of decoded code are not put back: engines set them again when they decode. Pages that are as they should
        be keep theirs.
        """
        for page in self.touched - pages.keys():
            self._put_page(page, _ZERO)
            yield page
        for page, copy in pages.items():
            if self._copy_page(page, copy) is not copy:
                self._put_page(page, copy)
                yield page
        self.touched = set(pages)

    def _put_page(self, page: int, copy: PageCopy) -> None:
        self.arena[page * PAGE : (page + 1) * PAGE] = copy.content
        tags = memoryview(bytearray(copy.tags)).cast("I")
        for index, tag in enumerate(tags):
            tags[index] = tag & OWNER_MASK
        self.tags[page * _BLOCKS : (page + 1) * _BLOCKS] = tags
        place = self.writers[page * _RECORD_WORDS : (page + 1) * _RECORD_WORDS]
        if copy.writers is not None:
            place[:] = memoryview(copy.writers).cast("Q")
        elif bytes(place) != _ZERO.content:  # looking costs the host no memory, writing would
            place[:] = memoryview(bytes(PAGE)).cast("Q")


def _anonymous(size: int) -> mmap.mmap:
    """Zeroed host memory that costs nothing until it is touched."""
    try:
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"the host refused {size >> 20} MiB of address space for guest memory ({error}): try less, such as 256M"
        ) from error


def _address(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))

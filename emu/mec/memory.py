"""What memory holds and what each encryption context sees of it: owner tags per block over a plaintext arena."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from emu.architecture import BLOCK, PAGE, PAS
from emu.debug.events import Owner
from emu.mec.cipher import BlockCipher
from emu.mec.pages import PageMap, Pages, PageTable, Scan
from emu.mec.writers import Words, Writer, writer_of

Model = Literal["cipher", "substitute"]

CODE_TAG = 1 << 31
"""Mark in a tag: an engine has decoded instructions from this block. Loads ignore it, stores clear and report it."""
OWNER_MASK = CODE_TAG - 1
"""The bits of a tag that hold the owner id; 0 means that nobody owns the block."""

_BLOCKS_PER_PAGE = PAGE // BLOCK
_PAGE_SHIFT = PAGE.bit_length() - 1
_BLOCK_SHIFT = BLOCK.bit_length() - 1
_SUBSTITUTE = (0xDEADBEEF).to_bytes(4, "little")


class Region(NamedTuple):
    """Where a piece of the arena appears in the physical address map; all three in bytes, page aligned."""

    pa: int
    offset: int
    size: int


class OwnerChange(NamedTuple):
    """A block that a store gave a new owner."""

    offset: int
    """Arena offset of the block (of the page, in the substitute model, where whole pages change hands)."""
    before: int
    """Owner id before the store, 0 for memory nobody had stored to."""
    is_partial: bool
    """Less than the whole block was written over a foreign owner's bytes: the rest is now noise to everybody."""


@dataclass(frozen=True, slots=True)
class StoreResult:
    """What a store changed besides the bytes themselves."""

    changes: tuple[OwnerChange, ...] = ()
    touched_code: bool = False
    """A block marked with CODE_TAG was written (or changed hands): decoded instructions are stale."""


_NOTHING_CHANGED = StoreResult()
_ONLY_CODE = StoreResult(touched_code=True)


@dataclass(frozen=True, slots=True)
class Bookkeeping:
    """What a snapshot keeps of this memory besides the bytes of the arena, the tags and the writers."""

    generations: dict[int, int]


class EncryptedMemory:
    """Physical memory behind the memory protection engine (mec-reference.md 1.10).

    The arena holds plaintext as the owner of each 16-byte block sees it. `tags` names that owner, one 32-bit word a
    block: 0 for unowned memory, which every context reads as it is, else an owner id, perhaps with CODE_TAG.
    An access under the owner's context sees the arena. Under any other it sees, in the `cipher` model, the block
    encrypted under the owner's key and decrypted under its own; in the `substitute` model, 0xDEADBEEF.
    `writers` has 16 bytes for each block, `emu.mec.writers` says what they mean; every store of a guest sets them.
    Offsets are arena offsets; owner ids come from `owner_id`.
    """

    def __init__(
        self,
        arena: memoryview,
        tags: memoryview,
        writers: memoryview | None = None,
        *,
        model: Model = "cipher",
        pas_keys: bool = True,
        seed: int = 0,
    ) -> None:
        """`tags` is a view of u32, index = offset >> 4; `writers` one of u64, index = offset >> 4 << 1.

        Without `pas_keys` address spaces share the keys of MECIDs.
        """
        self.model: Model = model
        self.pas_keys = pas_keys
        self.seed = seed
        self._is_cipher = model == "cipher"
        self._arena = arena
        self._tags = tags
        self._owners: list[Owner | None] = [None]
        self._keys: list[tuple[int, int, int]] = [(-2, 0, 0)]
        self._ciphers: list[BlockCipher | None] = [None]
        self._ids: dict[Owner, int] = {}
        self._current: dict[tuple[PAS, int], int] = {}
        self._generations: dict[int, int] = {}
        self._writers = memoryview(bytearray(len(arena))).cast("Q") if writers is None else writers
        self._pages = PageMap(tags, OWNER_MASK)

    # --- contexts -------------------------------------------------------------------------------------------------

    def owner_id(self, pas: PAS, mecid: int) -> int:
        """Id of the context {PAS, MECID, current key generation}, from 1. Only the Realm PAS has MECIDs."""
        known = self._current.get((pas, mecid))
        if known is not None:
            return known
        number = mecid if pas == PAS.REALM else 0
        has_generation = pas == PAS.REALM or not self.pas_keys
        owner = Owner(PAS(pas), number, self._generations.get(number, 0) if has_generation else 0)
        identity = self._ids.get(owner)
        if identity is None:
            identity = len(self._owners)
            self._ids[owner] = identity
            self._owners.append(owner)
            self._keys.append((int(owner.pas) if self.pas_keys else -1, owner.mecid, owner.generation))
            space = owner.pas if self.pas_keys else None
            self._ciphers.append(BlockCipher(self.seed, space, owner.mecid, owner.generation))
        self._current[pas, mecid] = identity
        return identity

    def owner(self, identity: int) -> Owner:
        """The context that an owner id stands for. Raises IndexError for 0 and ids never given out."""
        owner = self._owners[identity & OWNER_MASK]
        if owner is None:
            raise IndexError("owner id 0 stands for unowned memory")
        return owner

    def generation(self, mecid: int) -> int:
        """How many times the key of a Realm MECID has been refreshed."""
        return self._generations.get(mecid, 0)

    def refresh(self, mecid: int) -> int:
        """Replace the key of a Realm MECID; what was stored under the old one is noise from now on.

        Returns the new generation. Contexts cached elsewhere must be asked for again with `owner_id`.
        """
        generation = self._generations.get(mecid, 0) + 1
        self._generations[mecid] = generation
        self._current.clear()
        return generation

    # --- accesses -------------------------------------------------------------------------------------------------

    def load(self, offset: int, size: int, owner_id: int) -> tuple[int, int]:
        """(little-endian value as this context sees it, id of the first owner that differs or 0). Changes nothing."""
        tags = self._tags
        for block in range(offset >> _BLOCK_SHIFT, ((offset + size - 1) >> _BLOCK_SHIFT) + 1):
            tag = tags[block] & OWNER_MASK
            if tag and tag != owner_id and self._keys[tag] != self._keys[owner_id]:
                return int.from_bytes(self.view_as(offset, size, owner_id), "little"), tag
        return int.from_bytes(self._arena[offset : offset + size], "little"), 0

    def store(self, offset: int, size: int, value: int, owner_id: int, writer: Words = (0, 0)) -> StoreResult:
        """Write the low `size` bytes of `value`, little-endian, under a context; `writer` is who does."""
        data = (value & ((1 << (size * 8)) - 1)).to_bytes(size, "little")
        first = offset >> _BLOCK_SHIFT
        last = (offset + size - 1) >> _BLOCK_SHIFT
        tags, writers = self._tags, self._writers
        is_same = True
        for block in range(first, last + 1):
            if tags[block] != owner_id:
                is_same = False
            writers[2 * block], writers[2 * block + 1] = writer
        if is_same:
            self._arena[offset : offset + size] = data
            return _NOTHING_CHANGED
        if self._is_cipher:
            return self._store_encrypting(offset, data, owner_id)
        return self._store_retagging(offset, data, owner_id)

    def open_page(self, offset: int) -> bool:
        """Let an engine write tags of unowned blocks in the page at this arena offset by itself, as `store` would.

        Returns whether it may: in the substitute model pages change hands as wholes. It may until `restore`.
        """
        if self._is_cipher:
            self._pages.open(offset)
        return self._is_cipher

    def _store_encrypting(self, offset: int, data: bytes, owner_id: int) -> StoreResult:
        arena, tags, end = self._arena, self._tags, offset + len(data)
        changes: list[OwnerChange] = []
        touched_code = False
        for block in range(offset >> _BLOCK_SHIFT, ((end - 1) >> _BLOCK_SHIFT) + 1):
            tag = tags[block]
            if tag & CODE_TAG:
                touched_code = True
            before = tag & OWNER_MASK
            tags[block] = owner_id
            if before == owner_id:
                continue
            start = block << _BLOCK_SHIFT
            is_garbled = False
            if before and self._keys[before] != self._keys[owner_id] and (offset > start or end < start + BLOCK):
                is_garbled = True
                plain = bytes(arena[start : start + BLOCK])
                arena[start : start + BLOCK] = self._as_seen(block, plain, before, owner_id)
            changes.append(OwnerChange(start, before, is_garbled))
            self._pages.note(start)
        arena[offset:end] = data
        if changes:
            return StoreResult(tuple(changes), touched_code)
        return _ONLY_CODE

    def _store_retagging(self, offset: int, data: bytes, owner_id: int) -> StoreResult:
        """The substitute model: the page changes hands as a whole, its bytes stay (QEMU RFC series, patch 6)."""
        tags, end = self._tags, offset + len(data)
        changes: list[OwnerChange] = []
        touched_code = False
        for page in range(offset >> _PAGE_SHIFT, ((end - 1) >> _PAGE_SHIFT) + 1):
            start = max(offset, page << _PAGE_SHIFT)
            stop = min(end, (page + 1) << _PAGE_SHIFT)
            first, last = start >> _BLOCK_SHIFT, (stop - 1) >> _BLOCK_SHIFT
            before = tags[first] & OWNER_MASK
            if before != owner_id:
                first = page * _BLOCKS_PER_PAGE
                last = first + _BLOCKS_PER_PAGE - 1
                changes.append(OwnerChange(page << _PAGE_SHIFT, before, False))
                self._pages.note(page << _PAGE_SHIFT)
            for block in range(first, min(last + 1, len(tags))):
                if tags[block] & CODE_TAG:
                    touched_code = True
                tags[block] = owner_id
        self._arena[offset:end] = data
        return StoreResult(tuple(changes), touched_code)

    def writers_of(self, offset: int, size: int) -> list[int]:
        """The records of the blocks of a store that is about to be made, for `earlier_writer`."""
        first, last = offset >> _BLOCK_SHIFT, (offset + size - 1) >> _BLOCK_SHIFT
        return self._writers[2 * first : 2 * last + 2].tolist()

    def earlier_writer(self, change: OwnerChange, before: Owner, offset: int, kept: list[int]) -> Writer | None:
        """The last store to a block under its owner before; `kept` is `writers_of` the store that made the change.

        In the substitute model a whole page changed hands: the last store to any of its blocks.
        """
        first, block = offset >> _BLOCK_SHIFT, change.offset >> _BLOCK_SHIFT
        if self._is_cipher:
            at = 2 * (block - first)
            return writer_of(kept[at], kept[at + 1], before)
        records = self._writers[2 * block : 2 * (block + _BLOCKS_PER_PAGE)].tolist()
        own = kept[max(2 * (block - first), 0) :]
        start = max(2 * (first - block), 0)
        records[start : start + len(own)] = own
        del records[2 * _BLOCKS_PER_PAGE :]
        newest = max(range(0, len(records), 2), key=lambda at: records[at])
        return writer_of(records[newest], records[newest + 1], before)

    # --- looking --------------------------------------------------------------------------------------------------

    def peek(self, offset: int, size: int) -> bytes:
        """Plaintext as each block's own owner sees it."""
        return bytes(self._arena[offset : offset + size])

    def view_as(self, offset: int, size: int, owner_id: int) -> bytes:
        """What a load of any length under this context would see. Changes nothing."""
        if not self._is_cipher:
            return self._view_substituted(offset, size, owner_id)
        first = offset >> _BLOCK_SHIFT
        last = (offset + size - 1) >> _BLOCK_SHIFT
        seen = bytearray(self._arena[first << _BLOCK_SHIFT : (last + 1) << _BLOCK_SHIFT])
        own_key = self._keys[owner_id]
        for block in range(first, last + 1):
            tag = self._tags[block] & OWNER_MASK
            if tag and tag != owner_id and self._keys[tag] != own_key:
                at = (block - first) << _BLOCK_SHIFT
                seen[at : at + BLOCK] = self._as_seen(block, bytes(seen[at : at + BLOCK]), tag, owner_id)
        skip = offset & (BLOCK - 1)
        return bytes(seen[skip : skip + size])

    def raw(self, offset: int, size: int) -> bytes:
        """Ciphertext, as a probe on the memory bus would see it; memory that nobody owns is not encrypted."""
        if not self._is_cipher:
            return self.peek(offset, size)
        first = offset >> _BLOCK_SHIFT
        last = (offset + size - 1) >> _BLOCK_SHIFT
        seen = bytearray(self._arena[first << _BLOCK_SHIFT : (last + 1) << _BLOCK_SHIFT])
        for block in range(first, last + 1):
            cipher = self._ciphers[self._tags[block] & OWNER_MASK]
            if cipher is not None:
                at = (block - first) << _BLOCK_SHIFT
                seen[at : at + BLOCK] = cipher.encrypt(block, bytes(seen[at : at + BLOCK]))
        skip = offset & (BLOCK - 1)
        return bytes(seen[skip : skip + size])

    def poke(self, offset: int, data: bytes) -> bool:
        """Write plaintext for whoever owns each block, as a loader or debugger does; owners stay.

        Returns whether a block marked with CODE_TAG was written.
        """
        self._arena[offset : offset + len(data)] = data
        touched_code = False
        if data:
            for block in range(offset >> _BLOCK_SHIFT, ((offset + len(data) - 1) >> _BLOCK_SHIFT) + 1):
                tag = self._tags[block]
                if tag & CODE_TAG:
                    self._tags[block] = tag & OWNER_MASK
                    touched_code = True
        return touched_code

    def owner_at(self, offset: int) -> Owner | None:
        """Who owns the block that holds this byte; None when nobody has stored to it."""
        return self._owners[self._tags[offset >> _BLOCK_SHIFT] & OWNER_MASK]

    def is_readable_as(self, offset: int, owner_id: int) -> bool:
        """Whether this context sees the true bytes of the block that holds this byte."""
        tag = self._tags[offset >> _BLOCK_SHIFT] & OWNER_MASK
        return not tag or self._keys[tag] == self._keys[owner_id]

    def last_writer(self, offset: int) -> Writer | None:
        """The last store to the block that holds this byte; None where no guest has stored.

        In the substitute model pages change hands as a whole, so there it is the last store to the page. What a
        loader or debugger writes is no store and leaves the record.
        """
        block = offset >> _BLOCK_SHIFT
        owner = self.owner_at(offset)
        if owner is None:
            return None
        writers = self._writers
        if not self._is_cipher:
            page = block - block % _BLOCKS_PER_PAGE
            block = max(range(page, page + _BLOCKS_PER_PAGE), key=lambda number: writers[2 * number])
        return writer_of(writers[2 * block], writers[2 * block + 1], owner)

    def pages(self, regions: Iterable[tuple[int, int, int]]) -> Pages:
        """Every page of these regions (physical address, arena offset, size) with an owned block, in their order."""
        return self._pages.pages(regions, self.owner)

    def scan_with(self, scan: Scan) -> None:
        """Have the tags of many pages looked at by native code."""
        self._pages.scan = scan

    def page_table(self, regions: Iterable[tuple[int, int, int]]) -> PageTable:
        """The same as arrays, for maps of millions of pages."""
        return self.pages(regions).table

    # --- snapshots ------------------------------------------------------------------------------------------------

    def bookkeeping(self) -> Bookkeeping:
        """What must be put back, beside the arena, the tags and the writers, to return to this instant."""
        return Bookkeeping(dict(self._generations))

    def restore(self, kept: Bookkeeping) -> None:
        """Return to an instant. Owner ids stay as they were given out, so tags of that instant still mean the same."""
        self._generations = dict(kept.generations)
        self._current.clear()
        self._pages.forget()

    def adopt(self, other: EncryptedMemory) -> None:
        """Take over the contexts of another memory of the same model, so that its tags mean the same here."""
        self._owners, self._keys, self._ciphers = list(other._owners), list(other._keys), list(other._ciphers)
        self._ids, self._current = dict(other._ids), dict(other._current)
        self._generations = dict(other._generations)
        self._pages.forget()

    def note_tags(self, offset: int, size: int) -> None:
        """Tell that tags of this range were written from outside (a state loaded from a file)."""
        for page in range(offset >> _PAGE_SHIFT, ((offset + size - 1) >> _PAGE_SHIFT) + 1):
            self._pages.note(page << _PAGE_SHIFT)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _as_seen(self, block: int, plain: bytes, owner: int, reader: int) -> bytes:
        """A block encrypted under its owner's key and decrypted under the reader's."""
        writing, reading = self._ciphers[owner], self._ciphers[reader]
        assert writing is not None
        assert reading is not None
        return reading.decrypt(block, writing.encrypt(block, plain))

    def _view_substituted(self, offset: int, size: int, owner_id: int) -> bytes:
        seen = bytearray(self._arena[offset : offset + size])
        for index in range(size):
            if not self.is_readable_as(offset + index, owner_id):
                seen[index] = _SUBSTITUTE[(offset + index) & 3]
        return bytes(seen)

"""What memory shows to whom: vectors V13 to V15, and the tag model against one that really stores ciphertext."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.architecture import PAS, VA, MecidSource, Security
from emu.debug.events import Owner
from emu.mec.cipher import BlockCipher
from emu.mec.memory import CODE_TAG, EncryptedMemory, Model, OwnerChange, StoreResult
from emu.mec.writers import Words, Writer, flags_of, words_of, writer_of

SIZE = 1 << 16
PAGE = bytes(range(256)) * 16


def memory_of(model: Model = "cipher", *, pas_keys: bool = True, seed: int = 0) -> EncryptedMemory:
    arena, tags = memoryview(bytearray(SIZE)), memoryview(bytearray(SIZE // 4)).cast("I")
    return EncryptedMemory(arena, tags, model=model, pas_keys=pas_keys, seed=seed)


def store_bytes(memory: EncryptedMemory, offset: int, data: bytes, context: int) -> None:
    for at in range(0, len(data), 64):
        piece = data[at : at + 64]
        memory.store(offset + at, len(piece), int.from_bytes(piece, "little"), context)


def test_memory_nobody_stored_to_reads_alike_for_all() -> None:
    memory = memory_of()
    memory.poke(0x100, b"firmware image..")
    for context in (memory.owner_id(PAS.REALM, 5), memory.owner_id(PAS.NON_SECURE, 0)):
        assert memory.view_as(0x100, 16, context) == b"firmware image.."
        assert memory.load(0x100, 8, context) == (int.from_bytes(b"firmware", "little"), 0)
    assert memory.owner_at(0x100) is None


def test_v13_a_foreign_mecid_reads_noise_and_the_owner_its_bytes() -> None:
    memory = memory_of()
    five, six = memory.owner_id(PAS.REALM, 5), memory.owner_id(PAS.REALM, 6)
    store_bytes(memory, 0x1000, PAGE, five)
    seen = memory.view_as(0x1000, 4096, six)
    for block in range(0, 4096, 16):
        assert seen[block : block + 16] != PAGE[block : block + 16]
    assert memory.view_as(0x1000, 4096, five) == PAGE
    value, mismatch = memory.load(0x1000, 8, six)
    assert (value.to_bytes(8, "little"), mismatch) == (seen[:8], five)


def test_v14_a_foreign_byte_store_garbles_its_block_for_all_and_nothing_else() -> None:
    memory = memory_of()
    five, six = memory.owner_id(PAS.REALM, 5), memory.owner_id(PAS.REALM, 6)
    store_bytes(memory, 0x1000, PAGE, five)
    result = memory.store(0x1035, 1, 0xA5, six)
    assert result == StoreResult((OwnerChange(0x1030, five, True),), False)
    after = memory.view_as(0x1000, 4096, five)
    assert after[:0x30] == PAGE[:0x30]
    assert after[0x40:] == PAGE[0x40:]
    assert after[0x30:0x40] != PAGE[0x30:0x40]
    seen = memory.view_as(0x1030, 16, six)
    assert seen[5] == 0xA5
    assert seen[:5] != PAGE[0x30:0x35]
    assert seen[6:] != PAGE[0x36:0x40]
    assert memory.owner_at(0x1035) == Owner(PAS.REALM, 6, 0)
    assert memory.owner_at(0x1020) == Owner(PAS.REALM, 5, 0)


def test_v15_a_key_refresh_makes_old_content_noise_and_new_stores_work() -> None:
    memory = memory_of()
    old = memory.owner_id(PAS.REALM, 5)
    store_bytes(memory, 0x1000, PAGE, old)
    assert memory.refresh(5) == 1
    new = memory.owner_id(PAS.REALM, 5)
    assert new != old
    assert memory.owner(new) == Owner(PAS.REALM, 5, 1)
    assert memory.view_as(0x1000, 16, new) != PAGE[:16]
    store_bytes(memory, 0x1000, PAGE, new)
    assert memory.view_as(0x1000, 4096, new) == PAGE


def test_a_refresh_leaves_other_mecids_and_address_spaces_alone() -> None:
    memory = memory_of()
    kept = [memory.owner_id(PAS.REALM, 6), memory.owner_id(PAS.ROOT, 0), memory.owner_id(PAS.NON_SECURE, 0)]
    memory.refresh(5)
    memory.refresh(0)
    assert kept == [memory.owner_id(PAS.REALM, 6), memory.owner_id(PAS.ROOT, 0), memory.owner_id(PAS.NON_SECURE, 0)]


def test_two_wrong_readers_see_different_noise() -> None:
    memory = memory_of()
    contexts = [memory.owner_id(PAS.REALM, mecid) for mecid in range(1, 20)]
    memory.store(0, 16, 0, contexts[0])
    views = {memory.view_as(0, 16, context) for context in contexts}
    assert len(views) == len(contexts)


def test_noise_depends_on_the_address() -> None:
    memory = memory_of()
    one, two = memory.owner_id(PAS.REALM, 1), memory.owner_id(PAS.REALM, 2)
    store_bytes(memory, 0, bytes(256), one)
    seen = memory.view_as(0, 256, two)
    assert len({seen[at : at + 16] for at in range(0, 256, 16)}) == 16


def test_the_four_address_spaces_have_different_ciphertext() -> None:
    """rme-sysarch-acs: the same plaintext in the four PAS's gives different ciphertext."""
    raw = []
    for pas in PAS:
        memory = memory_of()
        memory.store(0x40, 16, 0x1234, memory.owner_id(pas, 0))
        raw.append(memory.raw(0x40, 16))
    assert len(set(raw)) == 4
    assert (0x1234).to_bytes(16, "little") not in raw


def test_without_pas_keys_address_spaces_alias_but_mecids_do_not() -> None:
    memory = memory_of(pas_keys=False)
    memory.store(0, 16, 0x1234, memory.owner_id(PAS.ROOT, 0))
    assert memory.load(0, 16, memory.owner_id(PAS.REALM, 0)) == (0x1234, 0)
    assert memory.load(0, 16, memory.owner_id(PAS.NON_SECURE, 0)) == (0x1234, 0)
    assert memory.load(0, 16, memory.owner_id(PAS.REALM, 1))[1] == memory.owner_id(PAS.ROOT, 0)
    memory.store(4, 1, 0x77, memory.owner_id(PAS.REALM, 0))
    assert memory.load(0, 16, memory.owner_id(PAS.ROOT, 0)) == (0x77_0000_1234, 0)


def test_other_address_spaces_have_only_mecid_0() -> None:
    memory = memory_of()
    assert memory.owner(memory.owner_id(PAS.ROOT, 9)) == Owner(PAS.ROOT, 0, 0)


def test_a_whole_block_store_is_clean_under_the_new_context() -> None:
    memory = memory_of()
    one, two = memory.owner_id(PAS.REALM, 1), memory.owner_id(PAS.REALM, 2)
    memory.store(0, 64, (1 << 512) - 1, one)
    result = memory.store(8, 40, 0, two)
    assert result.changes == (OwnerChange(0, one, True), OwnerChange(16, one, False), OwnerChange(32, one, False))
    assert memory.view_as(16, 32, two) == bytes(32)
    assert memory.view_as(8, 8, two) == bytes(8)
    assert memory.view_as(48, 16, one) == b"\xff" * 16


def test_a_partial_store_to_unowned_memory_keeps_the_rest() -> None:
    memory = memory_of()
    memory.poke(0, bytes(range(16)))
    one = memory.owner_id(PAS.REALM, 1)
    assert memory.store(3, 1, 0xFF, one).changes == (OwnerChange(0, 0, False),)
    assert memory.view_as(0, 16, one) == bytes([0, 1, 2, 0xFF, *range(4, 16)])


def test_a_poke_keeps_owners() -> None:
    memory = memory_of()
    one, two = memory.owner_id(PAS.REALM, 1), memory.owner_id(PAS.REALM, 2)
    memory.store(0, 16, 0, one)
    assert memory.poke(0, b"x" * 16) is False
    assert memory.owner_at(0) == Owner(PAS.REALM, 1, 0)
    assert memory.view_as(0, 16, one) == b"x" * 16
    assert memory.view_as(0, 16, two) != b"x" * 16


def test_owner_id_0_stands_for_nobody() -> None:
    with pytest.raises(IndexError):
        memory_of().owner(0)


def test_substitute_memory_holds_plaintext() -> None:
    memory = memory_of("substitute")
    memory.store(0, 8, 0x1234, memory.owner_id(PAS.REALM, 1))
    assert memory.raw(0, 8) == (0x1234).to_bytes(8, "little")


def test_tags_written_from_outside_are_found_once_told() -> None:
    memory = memory_of()
    memory._tags[0x2000 >> 4] = memory.owner_id(PAS.REALM, 3)
    memory.note_tags(0x2000, 16)
    assert [(page.pa, page.mecid) for page in memory.pages([(0, 0, SIZE)])] == [(0x2000, 3)]
    memory._tags[0x2000 >> 4] = 0
    memory.note_tags(0x2000, 16)
    assert memory.pages([(0, 0, SIZE)]) == []


def test_code_marks_do_not_disturb_loads_and_are_cleared_by_stores_and_pokes() -> None:
    memory = memory_of()
    one = memory.owner_id(PAS.REALM, 1)
    memory.store(0, 32, 7, one)
    for block in (0, 1):
        memory._tags[block] |= CODE_TAG
    assert memory.load(0, 8, one) == (7, 0)
    assert memory.owner_at(0) == Owner(PAS.REALM, 1, 0)
    assert memory.store(0, 4, 8, one) == StoreResult((), True)
    assert memory.store(0, 4, 8, one) == StoreResult((), False)
    assert memory.poke(20, b"z") is True
    assert memory.poke(20, b"z") is False


@pytest.mark.parametrize("model", ["cipher", "substitute"])
def test_looking_changes_nothing(model: Model) -> None:
    memory = memory_of(model)
    one, two = memory.owner_id(PAS.REALM, 1), memory.owner_id(PAS.REALM, 2)
    store_bytes(memory, 0, PAGE, one)
    before = bytes(memory._arena), memory._tags.tolist()
    memory.load(5, 33, two)
    memory.view_as(1, 100, two)
    memory.raw(3, 50)
    memory.pages([(0, 0, SIZE)])
    assert (bytes(memory._arena), memory._tags.tolist()) == before


def test_substitute_shows_deadbeef_to_others() -> None:
    memory = memory_of("substitute")
    one, two = memory.owner_id(PAS.REALM, 1), memory.owner_id(PAS.REALM, 2)
    memory.store(0x1000, 8, 0x1122334455667788, one)
    assert memory.load(0x1000, 4, two) == (0xDEADBEEF, one)
    assert memory.load(0x1004, 8, two)[0] == 0xDEADBEEF_DEADBEEF
    assert memory.load(0x1001, 4, two)[0] == 0xEFDEADBE
    assert memory.load(0x1FFC, 4, two)[1] == one
    assert memory.load(0x2000, 4, two) == (0, 0)


def test_substitute_retags_whole_pages_and_leaks() -> None:
    """Flaw g of mec-reference.md 2.3, kept on purpose for comparison."""
    memory = memory_of("substitute")
    one, two = memory.owner_id(PAS.REALM, 1), memory.owner_id(PAS.REALM, 2)
    store_bytes(memory, 0x1000, PAGE, one)
    assert memory.store(0x1800, 1, 0xFF, two).changes == (OwnerChange(0x1000, one, False),)
    assert memory.view_as(0x1000, 16, two) == PAGE[:16]
    assert memory.load(0x1000, 4, one)[0] == 0xDEADBEEF
    assert memory.owner_at(0x1FF0) == Owner(PAS.REALM, 2, 0)


def test_substitute_reports_code_anywhere_in_a_retagged_page() -> None:
    memory = memory_of("substitute")
    one, two = memory.owner_id(PAS.REALM, 1), memory.owner_id(PAS.REALM, 2)
    memory.store(0x1000, 8, 0, one)
    memory._tags[0x1FF0 >> 4] |= CODE_TAG
    assert memory.store(0x1000, 8, 0, one).touched_code is False
    assert memory.store(0x1000, 8, 0, two).touched_code is True


def test_pages_name_the_owner_of_most_blocks() -> None:
    memory = memory_of()
    one, two = memory.owner_id(PAS.REALM, 1), memory.owner_id(PAS.NON_SECURE, 0)
    memory.store(0x1000, 64, 0, one)
    memory.store(0x1040, 16, 0, two)
    memory.store(0x3000, 1, 0, two)
    found = memory.pages([(0x8000_0000, 0, SIZE // 2), (0x9000_0000, SIZE // 2, SIZE // 2)])
    assert [(page.pa, page.pas, page.mecid, page.mixed, page.owned_blocks) for page in found] == [
        (0x8000_1000, PAS.REALM, 1, True, 5),
        (0x8000_3000, PAS.NON_SECURE, 0, False, 1),
    ]
    assert memory.pages([(0x9000_0000, SIZE // 2, SIZE // 2)]) == []


def record(instruction: int, pc: int, el: int, security: Security, source: MecidSource = MecidSource.P0) -> Words:
    return words_of(instruction, pc, flags_of(el, security, source))


@pytest.mark.parametrize("model", ["cipher", "substitute"])
def test_the_last_writer_is_the_last_store_whoever_owned_the_block(model: Model) -> None:
    memory = memory_of(model)
    one, two = memory.owner_id(PAS.REALM, 1), memory.owner_id(PAS.REALM, 2)
    first = record(10, 0xFFFF_0000_0000_1000, 2, Security.REALM, MecidSource.A1)
    second = record(20, 0x2000, 1, Security.NON_SECURE, MecidSource.ZERO)
    assert memory.last_writer(0x100) is None
    memory.store(0x100, 16, 0, one, first)
    expected = Writer(10, VA(0xFFFF_0000_0000_1000), 2, Security.REALM, MecidSource.A1, False, Owner(PAS.REALM, 1, 0))
    assert memory.last_writer(0x108) == expected
    memory.store(0x100, 16, 0, one, second)
    assert memory.last_writer(0x10F) == Writer(
        20, VA(0x2000), 1, Security.NON_SECURE, MecidSource.ZERO, False, Owner(PAS.REALM, 1, 0)
    )
    memory.store(0x104, 4, 0, two, record(30, 4, 3, Security.ROOT, MecidSource.RL3))
    found = memory.last_writer(0x100)
    assert found == Writer(30, VA(4), 3, Security.ROOT, MecidSource.RL3, False, Owner(PAS.REALM, 2, 0))
    assert memory.last_writer(0x2200) is None


def test_a_block_beside_a_store_keeps_its_writer_and_a_store_across_two_has_both() -> None:
    memory = memory_of()
    one = memory.owner_id(PAS.REALM, 1)
    memory.store(0x100, 64, 0, one, record(1, 4, 2, Security.REALM))
    memory.store(0x11C, 8, 0, one, record(2, 8, 2, Security.REALM))
    counts = [memory.last_writer(at) for at in range(0x100, 0x140, 16)]
    assert [writer and writer.instruction for writer in counts] == [1, 2, 2, 1]


def test_in_the_substitute_model_the_writer_is_the_pages_latest() -> None:
    """The unit of ownership is the page: who stored to it last gave every block its owner."""
    memory = memory_of("substitute")
    one, two = memory.owner_id(PAS.REALM, 1), memory.owner_id(PAS.REALM, 2)
    memory.store(0x1000, 8, 0, one, record(7, 4, 2, Security.REALM))
    memory.store(0x1800, 8, 0, two, record(9, 8, 1, Security.REALM))
    for offset in (0x1000, 0x1400, 0x1FFF):
        found = memory.last_writer(offset)
        assert found is not None
        assert (found.instruction, found.owner.mecid) == (9, 2)


def test_a_poke_is_no_store() -> None:
    memory = memory_of()
    memory.store(0, 16, 0, memory.owner_id(PAS.REALM, 1), record(5, 4, 2, Security.REALM))
    before = memory.last_writer(0)
    memory.poke(0, bytes(16))
    assert memory.last_writer(0) == before
    memory.poke(0x40, b"x")
    assert memory.last_writer(0x40) is None


@given(
    st.integers(0, (1 << 48) - 1), st.integers(0, (1 << 64) - 1), st.integers(0, 3), st.sampled_from(Security),
    st.sampled_from(MecidSource), st.booleans(),
)  # fmt: skip
def test_a_record_says_what_was_put_into_it(
    count: int, pc: int, el: int, security: Security, source: MecidSource, is_walk: bool
) -> None:
    owner = Owner(PAS.REALM, 3, 1)
    first, second = words_of(count, pc, flags_of(el, security, source, is_walk=is_walk))
    assert writer_of(first, second, owner) == Writer(count, VA(pc), el, security, source, is_walk, owner)
    assert max(first, second) < 1 << 64


def test_bookkeeping_brings_generations_back() -> None:
    memory = memory_of()
    one = memory.owner_id(PAS.REALM, 1)
    kept = memory.bookkeeping()
    memory.refresh(1)
    assert memory.owner_id(PAS.REALM, 1) != one
    memory.restore(kept)
    assert memory.owner_id(PAS.REALM, 1) == one
    assert memory.generation(1) == 0


def test_pages_follow_every_change_of_owners() -> None:
    """Summaries are kept between looks; what a store, a restored tag or another question changes is made again."""
    memory = memory_of()
    regions = [(0x8000_0000, 0, SIZE)]

    def summary() -> list[tuple[int, int, bool, int]]:
        return [(page.pa & 0xFFFF, page.mecid, page.mixed, page.owned_blocks) for page in memory.pages(regions)]

    one, two = memory.owner_id(PAS.REALM, 1), memory.owner_id(PAS.REALM, 2)
    memory.store(0x3000, 32, 0, one)
    memory.store(0x1000, 16, 0, two)
    assert summary() == [(0x1000, 2, False, 1), (0x3000, 1, False, 2)]
    assert summary() == [(0x1000, 2, False, 1), (0x3000, 1, False, 2)]
    memory.store(0x3000, 16, 0, two)
    memory.store(0x3020, 16, 0, one)
    assert summary() == [(0x1000, 2, False, 1), (0x3000, 1, True, 3)]
    kept = memory.bookkeeping()
    memory._tags[0x1000 >> 4] = 0
    memory.restore(kept)
    assert summary() == [(0x3000, 1, True, 3)]
    assert memory.pages([(0, 0x2000, 0x1000)]) == []
    assert [page.pa for page in memory.pages([(0x7000_0000, 0x3000, 0x1000)])] == [0x7000_0000]


def test_noise_is_the_same_for_the_same_seed_and_differs_for_another() -> None:
    def noise(seed: int) -> bytes:
        memory = memory_of(seed=seed)
        memory.owner_id(PAS.REALM, seed + 77)  # ids given out in another order must not matter
        one, two = memory.owner_id(PAS.REALM, 1), memory.owner_id(PAS.REALM, 2)
        memory.store(0, 16, 0, one)
        return memory.view_as(0, 16, two)

    assert noise(3) == noise(3)
    assert noise(3) != noise(4)


@given(st.binary(min_size=16, max_size=16), st.integers(0, 1 << 40), st.integers(0, 0xFFFF))
def test_the_cipher_is_a_permutation_of_each_block(plain: bytes, block: int, mecid: int) -> None:
    cipher = BlockCipher(0, PAS.REALM, mecid, 0)
    assert cipher.decrypt(block, cipher.encrypt(block, plain)) == plain
    assert cipher.encrypt(block, cipher.decrypt(block, plain)) == plain


@given(st.binary(min_size=16, max_size=16), st.integers(0, 127))
def test_one_bit_garbles_the_whole_block(plain: bytes, bit: int) -> None:
    cipher = BlockCipher(0, PAS.REALM, 1, 0)
    flipped = (int.from_bytes(plain, "little") ^ 1 << bit).to_bytes(16, "little")
    for transform in (cipher.encrypt, cipher.decrypt):
        one, two = transform(3, plain), transform(3, flipped)
        for half in (slice(0, 8), slice(8, 16)):
            difference = int.from_bytes(one[half], "little") ^ int.from_bytes(two[half], "little")
            assert difference.bit_count() > 8


@dataclass
class CiphertextMemory:
    """mec-reference.md 1.10 taken literally: memory holds ciphertext, stores read, modify and write blocks."""

    seed: int = 0
    plain: dict[int, bytes] = field(default_factory=dict)
    cipher: dict[int, bytes] = field(default_factory=dict)

    def block(self, number: int, key: BlockCipher) -> bytes:
        if number in self.cipher:
            return key.decrypt(number, self.cipher[number])
        return self.plain.get(number, bytes(16))

    def store(self, offset: int, data: bytes, key: BlockCipher) -> None:
        for number in range(offset // 16, (offset + len(data) - 1) // 16 + 1):
            seen = bytearray(self.block(number, key))
            for at in range(16):
                if 0 <= number * 16 + at - offset < len(data):
                    seen[at] = data[number * 16 + at - offset]
            self.cipher[number] = key.encrypt(number, bytes(seen))


contexts = st.sampled_from([(PAS.REALM, 1), (PAS.REALM, 2), (PAS.REALM, 0), (PAS.NON_SECURE, 0), (PAS.ROOT, 0)])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(1, 64), st.binary(min_size=64, max_size=64), contexts)),
    st.integers(0, 100),
)
def test_tags_over_plaintext_equal_memory_full_of_ciphertext(
    stores: list[tuple[int, int, bytes, tuple[PAS, int]]], start: int
) -> None:
    memory, literal = memory_of(), CiphertextMemory()
    memory.poke(0, bytes(range(176)))
    literal.plain = {number: bytes(range(number * 16, number * 16 + 16)) for number in range(11)}
    for offset, size, data, context in stores:
        memory.store(offset, size, int.from_bytes(data[:size], "little"), memory.owner_id(*context))
        literal.store(offset, data[:size], BlockCipher(0, *context, 0))
    for pas, mecid in [(PAS.REALM, 1), (PAS.REALM, 2), (PAS.REALM, 0), (PAS.NON_SECURE, 0), (PAS.ROOT, 0)]:
        key, context_id = BlockCipher(0, pas, mecid, 0), memory.owner_id(pas, mecid)
        expected = b"".join(literal.block(number, key) for number in range(11))
        assert memory.view_as(0, 176, context_id) == expected
        value, _ = memory.load(start, 64, context_id)
        assert value.to_bytes(64, "little") == expected[start : start + 64]
    for number in range(11):
        assert memory.raw(number * 16, 16) == literal.cipher.get(number, literal.plain[number])

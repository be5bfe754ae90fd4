"""Vectors V13 to V15 of mec-reference.md 6.5: what each MECID sees of memory that another one stored."""

from __future__ import annotations

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import DATA, EMEC, Board

SECRET = [0x0102_0304_0506_0708 * (index + 1) & 0xFFFF_FFFF_FFFF_FFFF for index in range(8)]
GARBAGE = 0xDEAD_BEEF_DEAD_BEEF
"""What the substitute model shows of foreign memory (mec-reference.md 2.1, part 5)."""


def realm_with(board: Board, mecid: int) -> None:
    """Realm EL2, MMU off: everything goes to MECID_P0_EL2."""
    board.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=mecid)


def store_secret(board: Board) -> None:
    realm_with(board, 5)
    for index, value in enumerate(SECRET):
        board.store(DATA + 8 * index, value)


def test_v13_another_mecid_reads_different_bytes_and_the_owner_the_original_ones(board: Board) -> None:
    store_secret(board)
    board.set("MECID_P0_EL2", 6)
    seen = board.load_words(DATA, 8)
    assert all(word != true for word, true in zip(seen, SECRET, strict=True))
    assert len(set(seen)) == 8
    board.set("MECID_P0_EL2", 5)
    assert board.load_words(DATA, 8) == SECRET


def test_v13_each_wrong_mecid_sees_its_own_noise_and_always_the_same(board: Board) -> None:
    store_secret(board)
    views = {}
    for mecid in (6, 7, 0):
        board.set("MECID_P0_EL2", mecid)
        views[mecid] = board.load_words(DATA, 8)
        assert board.load_words(DATA, 8) == views[mecid]
    assert not set(views[6]) & set(views[7])
    assert not set(views[6]) & set(views[0])


def test_v13_equal_blocks_at_different_addresses_look_different(board: Board) -> None:
    """1.7: a tweak by address for each 16 bytes."""
    realm_with(board, 5)
    for offset in (0, 8, 16, 24):
        board.store(DATA + offset, 0x4141_4141_4141_4141)
    board.set("MECID_P0_EL2", 6)
    first, second, third, fourth = board.load_words(DATA, 4)
    assert (first, second) != (third, fourth)


def test_v13_in_the_substitute_model_another_mecid_reads_0xdeadbeef(engine: str) -> None:
    board = Board(engine, "substitute")
    store_secret(board)
    board.set("MECID_P0_EL2", 6)
    assert board.load_words(DATA, 8) == [GARBAGE] * 8
    board.set("MECID_P0_EL2", 5)
    assert board.load_words(DATA, 8) == SECRET


def test_v14_a_byte_stored_under_another_mecid_destroys_its_block_alone(board: Board) -> None:
    store_secret(board)
    board.set("MECID_P0_EL2", 6)
    board.store_byte(DATA + 0x12, 0xEE)
    board.set("MECID_P0_EL2", 5)
    seen = board.load_words(DATA, 8)
    assert seen[:2] + seen[4:] == SECRET[:2] + SECRET[4:]
    assert seen[2] != SECRET[2]
    assert seen[3] != SECRET[3]


def test_v14_the_writer_sees_its_byte_among_noise(board: Board) -> None:
    store_secret(board)
    board.set("MECID_P0_EL2", 6)
    noise_before = [board.load_byte(DATA + 0x10 + at) for at in range(16)]
    board.store_byte(DATA + 0x12, 0xEE)
    seen = [board.load_byte(DATA + 0x10 + at) for at in range(16)]
    secret = b"".join(word.to_bytes(8, "little") for word in SECRET[2:4])
    assert seen[2] == 0xEE
    assert bytes(seen) != secret
    # The memory controller decrypts the block with the access's own key, merges the byte, encrypts (1.10).
    assert seen[:2] + seen[3:] == noise_before[:2] + noise_before[3:]


def test_v14_in_the_substitute_model_the_page_changes_hands(engine: str) -> None:
    """QEMU series, part 6: a store writes its MECID into the map of 4 KiB pages."""
    board = Board(engine, "substitute")
    store_secret(board)
    board.set("MECID_P0_EL2", 6)
    board.store_byte(DATA + 0x12, 0xEE)
    assert board.load_byte(DATA + 0x12) == 0xEE
    board.set("MECID_P0_EL2", 5)
    assert board.load_words(DATA, 8) == [GARBAGE] * 8
    assert board.load(DATA + 0xFF8) == GARBAGE


def test_v15_after_a_refresh_old_memory_is_noise_and_new_memory_works(board: Board) -> None:
    store_secret(board)
    board.machine.mec.refresh(5)
    seen = board.load_words(DATA, 8)
    assert all(word != true for word, true in zip(seen, SECRET, strict=True))
    board.store(DATA, 0x5EED)
    assert board.load(DATA) == 0x5EED
    owner = board.machine.mec.owner_of(DATA)
    assert owner is not None
    assert (owner.mecid, owner.generation) == (5, 1)


def test_v15_in_the_substitute_model_too(engine: str) -> None:
    board = Board(engine, "substitute")
    store_secret(board)
    board.machine.mec.refresh(5)
    assert board.load_words(DATA, 8) == [GARBAGE] * 8
    board.store(DATA, 0x5EED)
    assert board.load(DATA) == 0x5EED


def test_v15_a_refresh_leaves_other_mecids_alone(any_board: Board) -> None:
    any_board.store_as(6, {DATA + 0x1000: 0x66})
    realm_with(any_board, 6)
    any_board.machine.mec.refresh(5)
    assert any_board.load(DATA + 0x1000) == 0x66
    any_board.does(w.NOP)

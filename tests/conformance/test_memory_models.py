"""The two memory models through instructions: partial stores, exclusives, DC ZVA, fetches, new keys, spaces, hits."""

from __future__ import annotations

import pytest

import emu
from emu import PAS, MecidSource, Security
from emu.debug.events import Moment
from tests.conformance import words as w
from tests.conformance.board import CODE, DATA, EMEC, SCTLR, SCTLR_M, Board, esr
from tests.conformance.realm import PRIMARY, PRIMARY_PA, el2_tables, realm_el2
from tests.conformance.tables import MAIR, NORMAL, NS_LEAF, NSE_LEAF, TCR_ONE, XN, Tables

BLOCK = 16
OLD = 0x1111_2222_3333_4444
GARBAGE = 0xDEAD_BEEF_DEAD_BEEF


@pytest.fixture
def substitute(engine: str) -> Board:
    return Board(engine, "substitute")


def realm(board: Board, mecid: int) -> None:
    """Realm EL2 on Normal memory (so that exclusives and DC ZVA work), everything under MECID_P0_EL2."""
    tables = el2_tables(board).put()
    realm_el2(board, tables, MECID_P0_EL2=mecid)


def filled(board: Board, mecid: int = 5, blocks: int = 6) -> None:
    """Memory at DATA stored under a MECID, block by block."""
    board.store_as(mecid, {DATA + 8 * index: OLD + index for index in range(2 * blocks)})


def block(board: Board, index: int) -> list[int]:
    return board.load_words(PRIMARY + BLOCK * index, 2)


def original(index: int) -> list[int]:
    return [OLD + 2 * index, OLD + 2 * index + 1]


def as_seen_by_owner(board: Board, mecid: int, index: int) -> list[int]:
    board.set("MECID_P0_EL2", mecid)
    return block(board, index)


# Partial stores under a foreign MECID.


@pytest.mark.parametrize(
    ("store", "size"),
    [(w.strb(0, 1), 1), (0x7900_0020, 2), (0xB900_0020, 4), (w.str_(0, 1), 8)],
    ids=["strb", "strh", "str w", "str x"],
)
@pytest.mark.parametrize("at", [0, 8])
def test_a_partial_store_takes_the_block_and_no_more(board: Board, store: int, size: int, at: int) -> None:
    filled(board)
    realm(board, 6)
    value = 0xA1A2_A3A4_A5A6_A7A8
    board.does(w.mov(1, PRIMARY + BLOCK + at), w.mov(0, value), store)
    assert board.owner(DATA + BLOCK) == (PAS.REALM, 6)
    assert board.owner(DATA) == board.owner(DATA + 2 * BLOCK) == (PAS.REALM, 5)
    assert board.load(PRIMARY + BLOCK + at) & (1 << 8 * size) - 1 == value & (1 << 8 * size) - 1
    assert as_seen_by_owner(board, 5, 0) == original(0)
    assert as_seen_by_owner(board, 5, 2) == original(2)
    assert all(word != true for word, true in zip(as_seen_by_owner(board, 5, 1), original(1), strict=True))


def test_the_bytes_beside_a_partial_store_are_lost_for_both(board: Board) -> None:
    """1.10: they were decrypted under the wrong key and encrypted again."""
    filled(board)
    realm(board, 6)
    board.store_byte(PRIMARY, 0x77)
    other_half = board.load(PRIMARY + 8)
    assert other_half != original(0)[1]
    assert as_seen_by_owner(board, 5, 0)[1] != original(0)[1]
    board.set("MECID_P0_EL2", 6)
    assert board.load(PRIMARY + 8) == other_half


def test_a_store_of_a_whole_block_leaves_no_noise(board: Board) -> None:
    filled(board)
    realm(board, 6)
    board.does(w.mov(1, PRIMARY + BLOCK), w.mov(2, 7), w.mov(3, 8), 0xA900_0C22)  # STP X2, X3, [X1]
    assert block(board, 1) == [7, 8]
    assert as_seen_by_owner(board, 5, 0) == original(0)
    assert as_seen_by_owner(board, 5, 2) == original(2)


def test_a_store_across_two_blocks_takes_both(board: Board) -> None:
    filled(board)
    realm(board, 6)
    board.store(PRIMARY + BLOCK - 4, 0x0102_0304_0506_0708)
    assert board.load(PRIMARY + BLOCK - 4) == 0x0102_0304_0506_0708
    assert board.owner(DATA) == board.owner(DATA + BLOCK) == (PAS.REALM, 6)
    assert board.owner(DATA + 2 * BLOCK) == (PAS.REALM, 5)
    assert as_seen_by_owner(board, 5, 2) == original(2)


def test_a_load_across_two_owners_sees_each_half_as_it_may(board: Board) -> None:
    filled(board)
    realm(board, 6)
    board.does(w.mov(1, PRIMARY + BLOCK), w.mov(2, 0x5555), 0xA900_0822)  # STP X2, X2, [X1]
    value = board.load(PRIMARY + BLOCK - 4)
    assert value >> 32 == 0x5555
    assert value & 0xFFFF_FFFF != original(0)[1] >> 32
    assert (board.hits[-1].owner, board.hits[-1].mecid, board.hits[-1].size) == (5, 6, 8)


def test_in_the_substitute_model_a_partial_store_takes_the_page_with_its_bytes(substitute: Board) -> None:
    """QEMU series: the owner map is by page, and no data is ever transformed (2.3, flaw g)."""
    filled(substitute)
    realm(substitute, 6)
    substitute.store_byte(PRIMARY, 0x77)
    assert substitute.owner(DATA) == substitute.owner(DATA + 0xFF0) == (PAS.REALM, 6)
    assert block(substitute, 1) == original(1)
    assert as_seen_by_owner(substitute, 5, 1) == [GARBAGE] * 2


# Exclusives and DC ZVA.


def test_the_load_of_an_exclusive_pair_sees_noise_and_the_store_changes_the_owner(any_board: Board) -> None:
    filled(any_board)
    realm(any_board, 6)
    any_board.does(w.mov(1, PRIMARY), w.ldxr(0, 1))
    assert any_board.x[0] != OLD
    assert (any_board.hits[-1].access, any_board.hits[-1].owner) == ("read", 5)
    any_board.does(w.mov(2, 0x99), w.stxr(3, 2, 1))
    assert any_board.x[3] == 0
    assert any_board.owner(DATA) == (PAS.REALM, 6)
    assert any_board.load(PRIMARY) == 0x99


def test_an_exclusive_store_that_fails_leaves_the_owner(any_board: Board) -> None:
    filled(any_board)
    realm(any_board, 6)
    any_board.does(w.CLREX, w.mov(1, PRIMARY), w.mov(2, 0x99), w.stxr(3, 2, 1))
    assert any_board.x[3] == 1
    assert any_board.owner(DATA) == (PAS.REALM, 5)


def test_dc_zva_takes_four_blocks_and_clears_them(board: Board) -> None:
    filled(board)
    realm(board, 6)
    board.does(w.mov(1, PRIMARY + 8), w.sys("DC ZVA", 1))
    assert [block(board, index) for index in range(4)] == [[0, 0]] * 4
    assert {board.owner(DATA + BLOCK * index) for index in range(4)} == {(PAS.REALM, 6)}
    assert board.owner(DATA + 4 * BLOCK) == (PAS.REALM, 5)
    assert as_seen_by_owner(board, 5, 4) == original(4)
    assert as_seen_by_owner(board, 5, 0) != original(0)


# Keys.


def test_a_new_key_makes_what_was_stored_under_it_noise_at_once(any_board: Board) -> None:
    filled(any_board)
    realm(any_board, 5)
    assert block(any_board, 0) == original(0)
    any_board.machine.mec.refresh(5)
    assert block(any_board, 0) != original(0)
    hit = any_board.hits[-1]
    assert (hit.mecid, hit.owner, hit.owned_by) == (5, 5, emu.Owner(PAS.REALM, 5, 0))


def test_a_new_key_does_not_bring_back_what_an_older_one_hid(any_board: Board) -> None:
    filled(any_board)
    realm(any_board, 5)
    views = []
    for _ in range(3):
        any_board.machine.mec.refresh(5)
        views.append(block(any_board, 0))
    assert original(0) not in views


def test_each_new_key_gives_other_noise(board: Board) -> None:
    filled(board)
    realm(board, 5)
    views = []
    for _ in range(3):
        board.machine.mec.refresh(5)
        views.append(tuple(block(board, 0)))
    assert len(set(views)) == 3


def test_a_new_key_garbles_the_code_that_runs_under_it(board: Board) -> None:
    """The program was stored under MECID 5; after the refresh its next instruction is fetched as noise."""
    program = w.assemble(w.NOP, w.NOP, w.svc(1), w.NOP)
    board.store_as(5, {DATA: int.from_bytes(program[:8], "little"), DATA + 8: int.from_bytes(program[8:], "little")})
    board.enter(2, Security.REALM, at=DATA, SCTLR2_EL2=EMEC, MECID_P0_EL2=5)
    board.machine.run(1)
    assert board.cpu.pc == DATA + 4
    assert board.hits == []
    board.machine.mec.refresh(5)
    board.machine.run(1)
    assert (board.hits[0].access, board.hits[0].pa, board.hits[0].owner) == ("fetch", DATA + 4, 5)


# Fetches.


def test_code_of_another_mecid_is_fetched_as_noise(board: Board) -> None:
    program = w.assemble(w.svc(1), w.svc(2))
    board.store_as(9, {DATA: int.from_bytes(program, "little")})
    board.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=5)
    taken = board.execute(w.mov(1, DATA), w.br(1))
    assert taken is None or taken.esr != esr(0x15, 1)
    hit = board.hits[0]
    assert (hit.access, hit.va, hit.pa, hit.size, hit.mecid, hit.owner) == ("fetch", DATA, DATA, 4, 5, 9)
    assert (hit.source, hit.pas, hit.el, hit.security) == (MecidSource.P0, PAS.REALM, 2, Security.REALM)


def test_in_the_substitute_model_it_is_the_word_deadbeef(substitute: Board) -> None:
    program = w.assemble(w.svc(1), w.svc(2))
    substitute.store_as(9, {DATA: int.from_bytes(program, "little")})
    substitute.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=5)
    substitute.put(CODE, w.mov(1, DATA), w.br(1))
    substitute.machine.run(len(w.mov(1, DATA)) + 1)
    assert substitute.cpu.pc == DATA
    assert substitute.machine.fetch_word(DATA) == 0xDEAD_BEEF
    substitute.machine.run(1)
    assert (substitute.hits[0].access, substitute.hits[0].owner) == ("fetch", 9)


def test_code_of_ones_own_mecid_runs(any_board: Board) -> None:
    program = w.assemble(w.svc(1), w.svc(2))
    any_board.store_as(5, {DATA: int.from_bytes(program, "little")})
    any_board.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=5)
    assert any_board.takes(w.mov(1, DATA), w.br(1)).esr == esr(0x15, 1)
    assert any_board.hits == []


def test_code_that_another_mecid_overwrites_is_fetched_anew(board: Board) -> None:
    """Whatever an engine keeps of decoded instructions, a change of owner is a change of what is fetched."""
    program = w.assemble(w.svc(1), w.svc(2), w.svc(3), w.svc(4))
    words = {DATA: int.from_bytes(program[:8], "little"), DATA + 8: int.from_bytes(program[8:], "little")}
    board.store_as(5, words)
    board.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=5)
    assert board.takes(w.mov(1, DATA), w.br(1)).esr == esr(0x15, 1)
    board.set("MECID_P0_EL2", 6)
    board.store_byte(DATA + 12, 0)
    board.set("MECID_P0_EL2", 5)
    board.cpu.pc = CODE
    before = len(board.hits)
    taken = board.execute(w.mov(1, DATA), w.br(1))
    assert taken is None or taken.esr != esr(0x15, 1)
    assert (board.hits[before].access, board.hits[before].owner) == ("fetch", 6)


# Physical address spaces.


def el3(board: Board, leaf: int) -> None:
    tables = Tables(board).map_code(NORMAL | NSE_LEAF)
    tables.map(PRIMARY, DATA, NORMAL | XN | leaf)
    tables.put()
    board.enter(3, TCR_EL3=TCR_ONE, MAIR_EL3=MAIR, TTBR0_EL3=tables.root, SCTLR_EL3=SCTLR | SCTLR_M)


SPACES = {PAS.SECURE: 0, PAS.NON_SECURE: NS_LEAF, PAS.ROOT: NSE_LEAF, PAS.REALM: NSE_LEAF | NS_LEAF}


@pytest.mark.parametrize("writer", SPACES)
@pytest.mark.parametrize("reader", SPACES)
@pytest.mark.parametrize("pas_keys", [True, False])
def test_each_space_has_a_key_of_its_own_unless_switched_off(
    engine: str, model: str, writer: PAS, reader: PAS, pas_keys: bool
) -> None:
    """1.7: same plaintext, other space, other ciphertext. MECID 0 everywhere."""
    board = Board(engine, model, pas_keys=pas_keys)
    el3(board, SPACES[writer])
    board.store(PRIMARY, OLD)
    assert board.owner(DATA) == (writer, 0)
    el3(board, SPACES[reader])
    seen = board.load(PRIMARY)
    if reader is writer or not pas_keys:
        assert seen == OLD
        assert board.hits == []
    else:
        assert seen != OLD
        assert model == "cipher" or seen == GARBAGE
        assert (board.hits[0].pas, board.hits[0].owned_by.pas, board.hits[0].mecid) == (reader, writer, 0)


@pytest.mark.parametrize("pas_keys", [True, False])
def test_without_keys_by_space_mecids_still_differ(engine: str, model: str, pas_keys: bool) -> None:
    board = Board(engine, model, pas_keys=pas_keys)
    board.store_as(5, {DATA: OLD})
    board.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=6)
    assert board.load(DATA) != OLD


def test_memory_nobody_stored_to_is_everybodys(any_board: Board) -> None:
    any_board.machine.write(DATA, OLD.to_bytes(8, "little"))
    for mecid in (0, 5, 0xFFFF):
        any_board.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=mecid)
        assert any_board.load(DATA) == OLD
    assert any_board.owner(DATA) is None
    assert any_board.hits == []


# What a hit says.


def test_a_hit_tells_who_read_what_of_whom(any_board: Board) -> None:
    any_board.store_as(7, {PRIMARY_PA + 0x40: OLD})
    stored_at = any_board.machine.mec.last_writer(PRIMARY_PA + 0x40)
    realm_el2(any_board)
    address = any_board.cpu.pc + 4 * len(w.mov(1, PRIMARY + 0x43))
    any_board.load_byte(PRIMARY + 0x43)
    instruction = any_board.machine.instructions - 1
    [hit] = any_board.hits
    assert hit.moment == Moment(instruction, address, 2, Security.REALM)
    assert (hit.va, hit.pa, hit.access, hit.size) == (PRIMARY + 0x43, PRIMARY_PA + 0x43, "read", 1)
    assert (hit.pas, hit.mecid, hit.source) == (PAS.REALM, 5, MecidSource.P0)
    assert hit.owned_by == emu.Owner(PAS.REALM, 7, 0)
    assert hit.writer == stored_at
    assert (stored_at.el, stored_at.security) == (2, Security.REALM)


def test_stores_are_no_hits(any_board: Board) -> None:
    filled(any_board)
    realm(any_board, 6)
    any_board.store(PRIMARY, 1)
    any_board.store_byte(PRIMARY + 0x20, 1)
    assert any_board.hits == []


def test_a_pair_that_is_foreign_is_a_hit_for_what_it_loads(any_board: Board) -> None:
    filled(any_board)
    realm(any_board, 6)
    any_board.does(w.mov(1, PRIMARY), w.ldp(2, 3, 1))
    assert {hit.owner for hit in any_board.hits} == {5}
    assert {hit.pa for hit in any_board.hits} <= {DATA, DATA + 8}
    assert sum(hit.size for hit in any_board.hits) == 16


def test_every_access_is_a_hit_of_its_own_also_through_a_cached_translation(any_board: Board) -> None:
    filled(any_board)
    realm(any_board, 6)
    for count in range(1, 5):
        any_board.load(PRIMARY)
        assert len(any_board.hits) == count


def test_looking_is_no_access(any_board: Board) -> None:
    filled(any_board)
    realm(any_board, 6)
    machine = any_board.machine
    machine.translate(PRIMARY)
    machine.read(DATA, 16)
    machine.read_virtual(PRIMARY, 16)
    machine.mec.view_as(DATA, 16, PAS.REALM, 6)
    assert any_board.hits == []
    assert any_board.owner(DATA) == (PAS.REALM, 5)


def test_view_as_is_what_a_load_sees(any_board: Board) -> None:
    filled(any_board)
    realm(any_board, 6)
    seen = block(any_board, 0)
    expected = b"".join(word.to_bytes(8, "little") for word in seen)
    assert any_board.machine.mec.view_as(DATA, 16, PAS.REALM, 6) == expected


def test_a_page_of_two_owners_is_mixed(board: Board) -> None:
    filled(board)
    realm(board, 6)
    board.store(PRIMARY, 1)
    [page] = [page for page in board.machine.mec.pages() if page.pa == DATA]
    assert page.mixed
    assert (page.pas, page.mecid) == (PAS.REALM, 5)  # the owner of most of its blocks

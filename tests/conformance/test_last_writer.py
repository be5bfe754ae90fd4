"""Every store says who made it: for each block the instruction, its place and level, and the MECID's register."""

from __future__ import annotations

import pytest

from emu import PAS, MecidSource, Security
from emu.mec.writers import Writer
from tests.conformance import words as w
from tests.conformance.board import CODE, DATA, EMEC, HCR_RW, SCTLR, SCTLR_M, Board
from tests.conformance.realm import ALTERNATE, ALTERNATE_PA, NON_SECURE, NON_SECURE_PA, PRIMARY, PRIMARY_PA, realm_el2

LINE = 64
STORES: dict[str, tuple[list[w.Code], set[int]]] = {
    "strb": ([w.strb(2, 1)], {0}),
    "str": ([w.str_(2, 1)], {0}),
    "stur over two blocks": ([0xF800_C022], {0, 16}),  # STUR X2, [X1, #12]
    "stp": ([0xA900_0C22], {0}),
    "stp q": ([0xAD00_0420], {0, 16}),  # STP Q0, Q1, [X1]
    "str q": ([0x3D80_0020], {0}),
    "st4": ([0x4C00_0020], {0, 16, 32, 48}),  # ST4 {V0.16B-V3.16B}, [X1]
    "ldadd": ([0xF822_0023], {0}),  # LDADD X2, X3, [X1]
    "swp": ([0xF822_8023], {0}),
    "casp": ([0x4824_7C26], {0}),  # CASP X4, X5, X6, X7, [X1]
    "stlr": ([w.stlr(2, 1)], {0}),
    "stxr": ([w.ldxr(3, 1), w.stxr(4, 2, 1)], {0}),
    "stxp": ([0xC87F_0C22, 0xC824_0C22], {0}),  # LDXP X2, X3, [X1]; STXP W4, X2, X3, [X1]
    "dc zva": ([w.sys("DC ZVA", 1)], {0, 16, 32, 48}),
    "sttr": ([w.sttr(2, 1)], {0}),
}


@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("rounds", [1, 3])
def test_each_kind_of_store_is_recorded(board: Board, name: str, rounds: int) -> None:
    """The first round gives the blocks their owner, the others find everything cached that an engine caches."""
    realm_el2(board)
    code, offsets = STORES[name]
    for _ in range(rounds):
        board.cpu.pc = CODE
        board.does(w.mov(2, 7), w.mov(1, PRIMARY), *[w.mov(at, 0) for at in (4, 5, 6, 7)], *code)
    last = Writer(
        board.machine.instructions - 1, board.cpu.pc - 4, 2, Security.REALM, MecidSource.P0, False,
        board.machine.mec.owner_of(PRIMARY_PA),
    )  # fmt: skip
    assert last.owner is not None
    assert (last.owner.pas, last.owner.mecid) == (PAS.REALM, 5)
    for at in range(0, LINE, 16):
        assert board.machine.mec.last_writer(PRIMARY_PA + at) == (last if at in offsets else None)


@pytest.mark.parametrize("copy", [True, False], ids=["cpy", "set"])
def test_copy_and_set_instructions_are_recorded(board: Board, copy: bool) -> None:
    realm_el2(board)
    # CPYP, CPYM, CPYE [X0]!, [X1]!, X2!, or SETP, SETM, SETE [X0]!, X2!, X3
    words = [0x1D01_0440, 0x1D41_0440, 0x1D81_0440] if copy else [0x19C3_0440, 0x19C3_4440, 0x19C3_8440]
    board.does(w.mov(0, PRIMARY), w.mov(1, PRIMARY + 0x800), w.mov(2, 48), w.mov(3, 1), *words)
    for at in range(0, 48, 16):
        writer = board.machine.mec.last_writer(PRIMARY_PA + at)
        assert writer is not None
        assert (writer.pc, writer.el, writer.source) == (board.cpu.pc - 8, 2, MecidSource.P0)
    assert board.machine.mec.last_writer(PRIMARY_PA + 48) is None


def test_semihosting_writes_are_the_instructions_own(board: Board) -> None:
    realm_el2(board)
    board.does(w.mov(0, 0x30), w.mov(1, PRIMARY), w.hlt(0xF000))
    writer = board.machine.mec.last_writer(PRIMARY_PA)
    assert writer is not None
    assert (writer.instruction, writer.pc) == (board.machine.instructions - 1, board.cpu.pc - 4)


@pytest.mark.parametrize(
    ("va", "pa", "source", "owner"),
    [
        (PRIMARY, PRIMARY_PA, MecidSource.P0, (PAS.REALM, 5)),
        (ALTERNATE, ALTERNATE_PA, MecidSource.A0, (PAS.REALM, 9)),
        (NON_SECURE, NON_SECURE_PA, MecidSource.ZERO, (PAS.NON_SECURE, 0)),
    ],
)
def test_the_register_behind_the_mecid_is_recorded(
    board: Board, va: int, pa: int, source: MecidSource, owner: tuple[PAS, int]
) -> None:
    realm_el2(board)
    for _ in range(3):
        board.store(va, 1)
    writer = board.machine.mec.last_writer(pa)
    assert writer is not None
    assert (writer.source, writer.owner.pas, writer.owner.mecid) == (source, *owner)


@pytest.mark.parametrize(("el", "security"), [(3, Security.ROOT), (2, Security.NON_SECURE), (1, Security.SECURE)])
def test_level_and_state_are_recorded(board: Board, el: int, security: Security) -> None:
    board.enter(el, security if el < 3 else Security.NON_SECURE, HCR_EL2=HCR_RW)
    for _ in range(3):
        board.store(DATA, 1)
    writer = board.machine.mec.last_writer(DATA)
    assert writer is not None
    assert (writer.el, writer.security, writer.owner.pas) == (el, security, PAS(security))


def test_a_store_of_the_same_owner_moves_the_record(board: Board) -> None:
    """Not only changes of owner count."""
    realm_el2(board)
    seen = []
    for value in range(4):
        board.store(PRIMARY, value)
        writer = board.machine.mec.last_writer(PRIMARY_PA)
        assert writer is not None
        seen.append((writer.instruction, writer.pc))
        assert seen[-1] == (board.machine.instructions - 1, board.cpu.pc - 4)
    assert len(set(seen)) == 4


def test_a_hit_names_the_last_store_of_its_owner(board: Board) -> None:
    realm_el2(board)
    board.store(PRIMARY, 1)
    board.store(PRIMARY + 8, 2)
    expected = board.machine.mec.last_writer(PRIMARY_PA)
    board.set("MECID_P0_EL2", 6)
    board.load(PRIMARY)
    assert board.hits[-1].writer == expected
    assert isinstance(expected, Writer)
    assert expected.owner.mecid == 5


def test_snapshots_and_resets_take_records_along(board: Board) -> None:
    realm_el2(board)
    board.store(PRIMARY, 1)
    board.store(PRIMARY + 32, 1)
    mec = board.machine.mec
    kept = [mec.last_writer(PRIMARY_PA + at) for at in range(0, 64, 16)]
    assert [writer is None for writer in kept] == [False, True, False, True]
    snapshot = board.machine.snapshot()
    board.store(PRIMARY, 2)
    board.store(PRIMARY + 16, 2)
    board.store(PRIMARY + 0x800, 2)
    board.machine.restore(snapshot)
    assert [mec.last_writer(PRIMARY_PA + at) for at in range(0, 64, 16)] == kept
    assert mec.last_writer(PRIMARY_PA + 0x800) is None
    board.machine.reset()
    assert mec.last_writer(PRIMARY_PA) is None
    assert not any(board.machine.memory.writers[(DATA - 0x4000_0000) // 8 :][:1024])


def test_a_hardware_update_of_a_descriptor_is_the_walks(board: Board) -> None:
    """FEAT_HAFDBS: the Access flag is set on behalf of the load that needed it."""
    tables = realm_el2(board)
    slot = tables.slot(PRIMARY, 3)
    tables.entries[slot] &= ~(1 << 10)
    tables.put()
    realm_el2(board, tables, TCR_EL2=board.sysreg["TCR_EL2"] | 1 << 21, SCTLR_EL2=SCTLR | SCTLR_M, SCTLR2_EL2=EMEC)
    board.load(PRIMARY)
    assert board.machine.read(slot, 8)[1] & 4
    writer = board.machine.mec.last_writer(slot)
    assert writer is not None
    assert writer.is_walk
    assert (writer.pc, writer.el, writer.source, writer.owner.mecid) == (board.cpu.pc - 4, 2, MecidSource.P0, 5)

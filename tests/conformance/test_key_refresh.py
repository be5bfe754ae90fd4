"""New keys (mec-reference.md 5.3, 5.4 #21 and #22, V15): the engine's register block, and the calls of EL3 firmware."""

from __future__ import annotations

import pytest

import emu
from emu import PAS, Security
from emu.debug.events import FirmwareCalled, KeyRefreshed
from tests.conformance import words as w
from tests.conformance.board import CODE, DATA, EMEC, HCR_RW, RAM, SCTLR, SCTLR_M, TSC, Board, esr
from tests.conformance.realm import LOW, realm_el2
from tests.conformance.tables import MAIR, NORMAL, NS_LEAF, NSE_LEAF, TCR_ONE, XN, Tables

BLOCK = 0x0A10_0000
ID, REFRESH, STATUS, COUNT = BLOCK, BLOCK + 8, BLOCK + 0x10, BLOCK + 0x18
DATA_SAME = 0x25


def read(board: Board, pa: int) -> int:
    board.does(w.mov(1, pa), w.ldr(3, 1))
    return board.x[3]


# The register block.


def test_el3_gives_a_mecid_a_new_key(board: Board) -> None:
    board.store_as(5, {DATA: 0x1234})
    board.store_as(6, {DATA + 0x40: 0x5678})
    board.enter(3)
    heard: list[object] = []
    board.machine.events.subscribe(heard.append, KeyRefreshed)
    assert (read(board, STATUS), read(board, COUNT)) == (0, 0)
    board.does(w.mov(1, REFRESH), w.mov(2, 5), w.str_(2, 1))
    assert (read(board, STATUS), read(board, COUNT)) == (1, 1)
    assert [(event.mecid, event.generation) for event in heard] == [(5, 1)]
    board.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=5)
    assert board.load(DATA) != 0x1234
    board.store(DATA, 0x9999)
    assert board.load(DATA) == 0x9999
    board.set("MECID_P0_EL2", 6)
    assert board.load(DATA + 0x40) == 0x5678, "another MECID's key is what it was"


@pytest.mark.parametrize(("width", "given", "is_known"), [(8, 255, True), (8, 256, False), (16, 1 << 16, False)])
def test_a_mecid_beyond_the_width_is_refused(engine: str, width: int, given: int, is_known: bool) -> None:
    board = Board(engine, width=width)
    board.enter(3)
    board.does(w.mov(1, REFRESH), w.mov(2, given), w.str_(2, 1))
    assert (read(board, STATUS), read(board, COUNT)) == ((1, 1) if is_known else (2, 0))


def test_the_block_says_what_it_is(engine: str) -> None:
    board = Board(engine, width=9)
    board.enter(3)
    assert read(board, ID) == 0x4D45 << 16 | 1 << 8 | 1 << 4 | 8
    board.does(w.mov(1, ID), w.ldr_w(4, 1), w.str_(31, 1))
    assert board.x[4] == read(board, ID)


@pytest.mark.parametrize(("el", "security"), [(2, Security.REALM), (2, Security.NON_SECURE), (1, Security.NON_SECURE)])
@pytest.mark.parametrize("word", [w.ldr(3, 1), w.str_(3, 1)])
def test_outside_the_root_space_nothing_is_there(board: Board, el: int, security: Security, word: int) -> None:
    board.enter(el, security, HCR_EL2=HCR_RW)
    taken = board.takes(w.mov(3, 5), w.mov(1, REFRESH), word)
    assert (taken.ec, taken.iss & 0x3F) == (DATA_SAME, 0x10)
    assert board.machine.memory.encrypted.generation(5) == 0


@pytest.mark.parametrize(("leaf", "is_there"), [(NSE_LEAF, True), (NS_LEAF, False), (NSE_LEAF | NS_LEAF, False)])
def test_it_is_the_space_of_the_access_that_counts(board: Board, leaf: int, is_there: bool) -> None:
    tables = Tables(board).map_code(NORMAL | NSE_LEAF)
    tables.map(LOW, BLOCK, NORMAL | XN | leaf)
    board.enter(3, TCR_EL3=TCR_ONE, MAIR_EL3=MAIR, TTBR0_EL3=tables.put().root, SCTLR_EL3=SCTLR | SCTLR_M)
    taken = board.execute(w.mov(1, LOW), w.ldr(3, 1))
    assert (taken is None) is is_there


def test_a_snapshot_keeps_the_block(board: Board) -> None:
    board.enter(3)
    kept = board.machine.snapshot()
    board.does(w.mov(1, REFRESH), w.mov(2, 5), w.str_(2, 1))
    board.machine.restore(kept)
    assert (read(board, STATUS), read(board, COUNT)) == (0, 0)


# References.


def test_references_name_registers_granules_and_tlb_entries(board: Board) -> None:
    board.store_as(9, {DATA + 0x1000: 1, DATA + 0x3000: 2})
    board.store_as(5, {DATA: 1})
    realm_el2(board, VMECID_P_EL2=9)
    board.load(LOW + 0x1000)  # AMEC=1: by A0, which is 9
    board.load(LOW)
    found = board.machine.mec.references(9)
    assert found.registers == ("MECID_A0_EL2", "VMECID_P_EL2")
    assert found.granules == (DATA + 0x1000, DATA + 0x3000)
    assert [entry.translation.va_base for entry in found.tlb] == [LOW + 0x1000]
    board.does(w.mov(2, 8), w.msr("MECID_A0_EL2", 2))
    assert "MECID_A0_EL2" in board.machine.mec.references(9).registers, "it acts until the next ISB"
    board.does(w.ISB)
    found = board.machine.mec.references(9)
    assert (found.registers, found.tlb) == (("VMECID_P_EL2",), ())
    board.machine.mec.refresh(9)
    assert board.machine.mec.references(9).granules == ()


# Firmware's calls, where the machine starts below EL3.

OK, NOT_SUPPORTED, INVALID, WRONG_SPACE, DENIED = 0, -1, -2, -3, -5
VERSION, ARCH_FEATURES = 0x8000_0000, 0x8000_0001
DELEGATE, UNDELEGATE, MEC_REFRESH, BOOT_COMPLETE = 0xC400_01B0, 0xC400_01B1, 0xC400_01B6, 0xC400_01CF
FIRME_VERSION, FIRME_FEATURES, GPI_SET, FIRME_REFRESH = 0xC400_0400, 0xC400_0401, 0xC400_0402, 0xC400_0407


class Realm:
    """A machine that starts at Realm EL2 (or EL1) with no firmware of its own."""

    def __init__(self, engine: str, el: int = 2, **options: int | bool) -> None:
        self.machine = emu.Machine(memory="32M", engine=engine, el=el, **options)
        self.machine.load_raw(w.assemble(w.smc(0), w.NOP), CODE)

    def call(self, function: int, *arguments: int) -> list[int]:
        """SMC: X0 to X17 afterwards, X0 as a signed number."""
        cpu = self.machine.cpu
        cpu.pc = CODE
        given = [function, *arguments]
        before = [*given, *(0x1111 * index for index in range(len(given), 31))]
        for index, value in enumerate(before):
            cpu.x[index] = value
        self.machine.run(1)
        assert (cpu.pc, self.machine.exceptions) == (CODE + 4, [])
        assert [cpu.x[index] for index in range(4, 31)] == before[4:]
        return [cpu.x[0] - (cpu.x[0] >> 63 << 64), *(cpu.x[index] for index in range(1, 4))]


@pytest.fixture
def realm(engine: str) -> Realm:
    return Realm(engine)


@pytest.mark.parametrize(
    ("call", "results"),
    [
        ((VERSION,), (0x1_0002,)),
        ((ARCH_FEATURES, VERSION), (OK,)),
        ((ARCH_FEATURES, 0x8000_8000), (NOT_SUPPORTED,)),
        ((FIRME_VERSION, 0), (0x1_0000,)),
        ((FIRME_VERSION, 1), (0x1_0000,)),
        ((FIRME_VERSION, 2), (NOT_SUPPORTED,)),  # IDE key management
        ((FIRME_VERSION, 3), (0x1_0000,)),
        ((FIRME_VERSION, 4), (NOT_SUPPORTED,)),
        ((FIRME_FEATURES, 0, 1), (OK, 1 << 16 | 1 << 18)),
        ((FIRME_FEATURES, 1, 0), (OK, 1)),
        ((FIRME_FEATURES, 3, 0), (OK, 1)),
        ((FIRME_FEATURES, 3, 1), (OK, 15)),
        ((FIRME_FEATURES, 2, 0), (NOT_SUPPORTED,)),
        ((FIRME_FEATURES, 3, 2), (NOT_SUPPORTED,)),
        ((MEC_REFRESH, 5 << 32), (OK,)),
        ((MEC_REFRESH, 5 << 32 | 1), (OK,)),
        ((MEC_REFRESH, 5 << 32 | 2), (INVALID,)),
        ((MEC_REFRESH, 1 << 48), (INVALID,)),
        ((FIRME_REFRESH, 0xFFFF << 32), (OK,)),
        ((DELEGATE, RAM + 0x1000), (OK,)),
        ((DELEGATE, RAM + 0x1001), (INVALID,)),
        ((DELEGATE, 0x0900_0000), (INVALID,)),  # the UART
        ((DELEGATE, RAM + (32 << 20)), (INVALID,)),
        ((UNDELEGATE, RAM + 0x1000), (WRONG_SPACE,)),
        ((GPI_SET, RAM, 2, 0xB), (OK, 2)),
        ((GPI_SET, RAM, 2, 0xA), (INVALID,)),
        ((GPI_SET, RAM, 0, 0xB), (INVALID,)),
        ((GPI_SET, RAM, 2, 9), (DENIED,)),
        ((BOOT_COMPLETE, 0), (OK,)),
        ((0xC400_01B2,), (NOT_SUPPORTED,)),
        ((0,), (NOT_SUPPORTED,)),
        ((VERSION | 0xABCD << 32,), (0x1_0002,)),  # the function id is W0
    ],
    ids=str,
)
def test_a_call_answers_as_firmware_does(realm: Realm, call: tuple[int, ...], results: tuple[int, ...]) -> None:
    assert tuple(realm.call(*call)[: len(results)]) == results


def test_delegation_goes_there_and_back(realm: Realm) -> None:
    assert [realm.call(function, RAM + 0x1000)[0] for function in (DELEGATE, DELEGATE, UNDELEGATE, UNDELEGATE)] == [
        OK, WRONG_SPACE, OK, WRONG_SPACE,
    ]  # fmt: skip
    assert realm.call(GPI_SET, RAM, 3, 0xB)[:2] == [OK, 3]
    assert realm.call(UNDELEGATE, RAM + 0x2000)[0] == OK
    assert realm.call(GPI_SET, RAM, 3, 9)[:2] == [OK, 2], "it stops at the granule that is not Realm's"


def test_a_refresh_makes_what_was_stored_noise(realm: Realm) -> None:
    machine = realm.machine
    machine.cpu.sysreg["SCTLR2_EL2"], machine.cpu.sysreg["MECID_P0_EL2"] = EMEC, 5
    machine.load_raw(w.assemble(w.str_(2, 1), w.ldr(3, 1)), CODE + 0x100)
    machine.cpu.x[1], machine.cpu.x[2], machine.cpu.pc = DATA, 0x1234, CODE + 0x100
    machine.run(2)
    assert machine.cpu.x[3] == 0x1234
    assert realm.call(FIRME_REFRESH, 5 << 32)[0] == OK
    machine.cpu.x[1], machine.cpu.pc = DATA, CODE + 0x104
    machine.run(1)
    assert machine.cpu.x[3] != 0x1234
    owner = machine.mec.owner_of(DATA)
    assert (owner.pas, owner.mecid, owner.generation) == (PAS.REALM, 5, 0)


def test_without_mec_there_is_no_mecid_service(engine: str) -> None:
    realm = Realm(engine, mec=False)
    assert realm.call(FIRME_VERSION, 3)[0] == NOT_SUPPORTED
    assert realm.call(FIRME_FEATURES, 0, 1)[:2] == [OK, 1 << 16]
    assert realm.call(MEC_REFRESH, 0)[0] == NOT_SUPPORTED


def test_the_width_of_the_service_is_the_machine_s(engine: str) -> None:
    realm = Realm(engine, mecid_width=8)
    assert realm.call(FIRME_FEATURES, 3, 1)[:2] == [OK, 7]
    assert realm.call(FIRME_REFRESH, 255 << 32)[0] == OK
    assert realm.call(FIRME_REFRESH, 256 << 32)[0] == INVALID


def test_el1_gets_the_calling_convention_s_calls_only(engine: str) -> None:
    realm = Realm(engine, el=1)
    assert realm.call(VERSION)[0] == 0x1_0002
    assert realm.call(MEC_REFRESH, 5 << 32)[0] == NOT_SUPPORTED


def test_a_snapshot_keeps_what_was_delegated(realm: Realm) -> None:
    kept = realm.machine.snapshot()
    assert realm.call(DELEGATE, RAM)[0] == OK
    realm.machine.restore(kept)
    assert realm.call(DELEGATE, RAM)[0] == OK


def test_a_call_synchronises(realm: Realm) -> None:
    """As the exception entry and return would that it stands for."""
    machine = realm.machine
    machine.load_raw(w.assemble(w.msr("MECID_P0_EL2", 2), w.smc(0)), CODE + 0x100)
    machine.cpu.sysreg["MECID_P0_EL2"] = 0
    machine.cpu.x[2], machine.cpu.pc = 5, CODE + 0x100
    machine.run(1)
    assert set(machine.registers.pending()) == {"MECID_P0_EL2"}
    machine.run(1)
    assert machine.registers.pending() == {}


def test_a_guest_with_firmware_of_its_own_gets_its_own_calls(board: Board) -> None:
    board.enter(2, Security.REALM)
    taken = board.takes(w.mov(0, MEC_REFRESH), w.mov(1, 5 << 32), w.smc(0x12))
    assert (taken.el, taken.esr) == (3, esr(0x17, 0x12))
    assert board.machine.memory.encrypted.generation(5) == 0


def test_calls_are_told_to_those_who_listen(board: Board) -> None:
    heard: list[FirmwareCalled] = []
    board.machine.events.subscribe(heard.append, FirmwareCalled)
    board.enter(2, Security.REALM)
    board.takes(w.mov(0, 7 << 32 | MEC_REFRESH), w.mov(1, 5 << 32), w.mov(7, 77), w.smc(3))
    board.enter(1, Security.REALM, HCR_EL2=HCR_RW)
    board.takes(w.mov(0, VERSION), w.hvc(2))
    board.enter(1, Security.REALM, HCR_EL2=HCR_RW | TSC)
    board.takes(w.smc(1))
    board.enter(0, Security.REALM, HCR_EL2=HCR_RW)
    board.takes(w.smc(1))  # UNDEFINED: no call
    told = [(event.instruction, event.immediate, event.moment.el) for event in heard]
    assert told == [("SMC", 3, 2), ("HVC", 2, 1), ("SMC", 1, 1)]
    assert (heard[0].function, heard[0].arguments[0], heard[0].arguments[6]) == (MEC_REFRESH, 5 << 32, 77)
    assert heard[1].function == VERSION

"""Extensions of the base instruction set: what unicorn lacks, what the ID registers claim, what is off, what traps."""

from __future__ import annotations

import dataclasses

import pytest

import emu
from emu import Security
from emu.errors import ConfigurationError
from emu.features import CPUS, ISA_MAX
from emu.isa.a64 import A64
from emu.registers.claims import CLAIMS
from tests.conformance import words as w
from tests.conformance.board import CODE, DATA, E2H, HCR_RW, OPEN, SCTLR, SCTLR_M, TGE, TWE, TWI, Board, esr, spsr
from tests.conformance.guest import VA, Guest
from tests.conformance.tables import MAIR, NORMAL, READ_ONLY, TCR_TWO, USER, UXN, Tables

API, APK = 1 << 41, 1 << 40
API3, APK3 = 1 << 17, 1 << 16
POINTERS = API3 | APK3
ENABLE = 1 << 31 | 1 << 30 | 1 << 27 | 1 << 13
GP = 1 << 50
UNDEFINED = esr(0)
NOP, RET = 0xD503_201F, 0xD65F_03C0
BTI, BTI_C, BTI_J, BTI_JC = (0xD503_241F | kind << 6 for kind in range(4))
PACIASP, PACIBSP, AUTIASP = 0xD503_233F, 0xD503_237F, 0xD503_23BF

# One word of each feature's instructions, or of the registers and operations that it adds.
WORDS = {
    "FEAT_LSE": 0xF821_0044,  # LDADD X1, X4, [X2]
    "FEAT_LRCPC": 0xF8BF_C044,  # LDAPR X4, [X2]
    "FEAT_LRCPC2": 0xD940_0044,  # LDAPUR X4, [X2]
    "FEAT_CRC32": 0x9AC3_4C24,  # CRC32X W4, W1, X3
    "FEAT_FlagM": 0xD500_401F,  # CFINV
    "FEAT_FlagM2": 0xD500_403F,  # XAFLAG
    "FEAT_SB": 0xD503_30FF,
    "FEAT_SSBS2": w.mrs(4, (3, 3, 4, 2, 6)),
    "FEAT_DIT": w.mrs(4, (3, 3, 4, 2, 5)),
    "FEAT_CSSC": 0xDAC0_2024,  # ABS X4, X1
    "FEAT_HBC": 0x5400_0030,  # BC.EQ .+4
    "FEAT_WFxT": 0xD503_101F,  # WFET XZR
    "FEAT_RNG": w.mrs(4, (3, 3, 2, 4, 0)),
    "FEAT_DPB": w.sys((3, 7, 12, 1), 2),
    "FEAT_DPB2": w.sys((3, 7, 13, 1), 2),
    "FEAT_SPECRES": w.sys((3, 7, 3, 4), 1),
    "FEAT_PAuth": 0xDAC1_0024,  # PACIA X4, X1
    "FEAT_MOPS": 0x1901_0483,  # CPYFP [X3]!, [X1]!, X4!
}
# What has no instruction of its own that could be UNDEFINED.
SILENT = {"FEAT_SSBS", "FEAT_BTI", "FEAT_LSE2", "FEAT_PAuth2", "FEAT_FPAC", "FEAT_FPACCOMBINE", "FEAT_PACQARMA5"}


@pytest.fixture(params=["reference", "interpreter"])
def board(request: pytest.FixtureRequest) -> Board:
    return Board(request.param)


def _without(board: Board, *features: str) -> None:
    """Take features away from the instruction set, and from the registers."""
    cpu = board.cpu
    cpu.features = dataclasses.replace(cpu.features, isa=cpu.features.isa - frozenset(features))
    cpu.regs._features = cpu.features.isa | {"FEAT_MEC"}


# --- features and ID registers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("feature", sorted(WORDS))
def test_an_instruction_of_each_feature_executes_and_is_undefined_without_it(board: Board, feature: str) -> None:
    board.enter(3)
    board.does(w.mov(2, DATA), WORDS[feature])
    _without(board, feature)
    board.enter(3)
    taken = board.takes(w.mov(2, DATA), WORDS[feature])
    assert (taken.el, taken.esr) == (3, UNDEFINED)


@pytest.mark.parametrize("feature", sorted(ISA_MAX & (set(WORDS) | SILENT)))
def test_the_id_registers_claim_each_feature(feature: str) -> None:
    machine = emu.Machine(memory="1M", engine="reference")
    if feature == "FEAT_PACQARMA5":
        return  # which algorithm it is, the field says that FEAT_PAuth sets
    for name, content in CLAIMS[feature]:
        register, _, field = name.partition(".")
        item = next(item for item in machine.cpu.system.registers.named(register).fields if item.name == field)
        assert item.of(machine.cpu.sysreg[register]) >= content > 0


@pytest.mark.parametrize(
    ("register", "low", "content"),
    [
        ("ID_AA64ISAR0_EL1", 20, 2), ("ID_AA64ISAR0_EL1", 16, 1), ("ID_AA64ISAR0_EL1", 52, 2),
        ("ID_AA64ISAR0_EL1", 60, 1), ("ID_AA64ISAR1_EL1", 0, 2), ("ID_AA64ISAR1_EL1", 4, 5),
        ("ID_AA64ISAR1_EL1", 8, 0), ("ID_AA64ISAR1_EL1", 24, 1), ("ID_AA64ISAR1_EL1", 20, 2),
        ("ID_AA64ISAR1_EL1", 36, 1), ("ID_AA64ISAR1_EL1", 40, 1), ("ID_AA64ISAR2_EL1", 0, 2),
        ("ID_AA64ISAR2_EL1", 16, 1), ("ID_AA64ISAR2_EL1", 20, 1), ("ID_AA64ISAR2_EL1", 52, 1),
        ("ID_AA64PFR0_EL1", 48, 1),
        ("ID_AA64PFR1_EL1", 0, 1), ("ID_AA64PFR1_EL1", 4, 2), ("ID_AA64MMFR2_EL1", 32, 1),
        ("ID_AA64MMFR1_EL1", 16, 0),
    ],
)  # fmt: skip
def test_the_manuals_id_fields_of_the_max_cpu(register: str, low: int, content: int) -> None:
    machine = emu.Machine(memory="1M", engine="reference")
    assert machine.cpu.sysreg[register] >> low & 0xF == content
    old = emu.Machine(memory="1M", engine="reference", cpu="v8.0")
    assert old.cpu.sysreg[register] >> low & 0xF == 0


def test_every_feature_of_an_encoding_is_one_of_the_max_cpu() -> None:
    assert {encoding.feature for encoding in A64.classes} - {""} <= ISA_MAX


def test_a_cpu_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="max"):
        emu.Machine(memory="1M", cpu="v99")
    assert set(CPUS) == {"max", "v8.0"}


# --- integer instructions that unicorn lacks --------------------------------------------------------------------------

M32, M64 = (1 << 32) - 1, (1 << 64) - 1
CSSC = [
    (0xDAC0_2041, 5, 0, 5), (0xDAC0_2041, M64, 0, 1), (0xDAC0_2041, 1 << 63, 0, 1 << 63),
    (0x5AC0_2041, 0xFFFF_FFFF_8000_0000, 0, 0x8000_0000), (0x5AC0_2041, M64 - 6, 0, 7), (0x5AC0_2041, M32 << 32, 0, 0),
    (0xDAC0_1C41, 0, 0, 0), (0xDAC0_1C41, M64, 0, 64), (0xDAC0_1C41, 0x8000_0100_0000_0013, 0, 5),
    (0x5AC0_1C41, M64, 0, 32), (0x5AC0_1C41, 0xFF_0000_0101, 0, 2),
    (0xDAC0_1841, 0, 0, 64), (0xDAC0_1841, 1 << 63, 0, 63), (0xDAC0_1841, 0x50, 0, 4),
    (0x5AC0_1841, 0xF_0000_0000, 0, 32), (0x5AC0_1841, 0x8000_0000, 0, 31),
    (0x9AC3_6041, M64, 1, 1), (0x1AC3_6041, 0x8000_0000, 1, 1), (0x1AC3_6041, 0x1_7FFF_FFFF, 1, 0x7FFF_FFFF),
    (0x9AC3_6441, M64, 1, M64), (0x1AC3_6441, 0x8000_0000, 1, 0x8000_0000), (0x1AC3_6441, 1 << 32, 1, 1),
    (0x9AC3_6841, M64, 1, M64), (0x1AC3_6841, 0x8000_0000, 1, 0x8000_0000), (0x1AC3_6841, 5, M32, M32),
    (0x9AC3_6C41, M64, 1, 1), (0x1AC3_6C41, 0x8000_0000, 1, 1), (0x1AC3_6C41, 1 << 32, 1, 0),
    (0x91C0_0041 | 0xFE << 10, 1 << 63, 0, M64 - 1), (0x11C0_0041 | 0xFE << 10, 1 << 31, 0, M32 - 1),
    (0x11C0_0041 | 0x7F << 10, M32, 0, 0x7F), (0x91C4_0041 | 0xFE << 10, 5, 0, 0xFE),
    (0x11C4_0041 | 0xFE << 10, M64, 0, M32), (0x91C8_0041 | 0xFE << 10, 5, 0, M64 - 1),
    (0x11C8_0041 | 0xFE << 10, 5, 0, M32 - 1), (0x91CC_0041 | 0xFE << 10, M64, 0, 0xFE),
    (0x11CC_0041 | 0xFE << 10, 0x1_0000_0003, 0, 3),
]  # fmt: skip
"""(word with Rd=1, Rn=2, Rm=3; X2; X3; X1), by the pages of ABS, CNT, CTZ, SMAX, UMAX, SMIN and UMIN."""


@pytest.mark.parametrize(("word", "a", "b", "result"), CSSC)
def test_short_sequences(board: Board, word: int, a: int, b: int, result: int) -> None:
    board.enter(3)
    board.x[2], board.x[3] = a, b
    board.does(word)
    assert board.x[1] == result


@pytest.mark.parametrize("size", [0, 1, 2, 3])
@pytest.mark.parametrize(("opc", "keeps_less"), [(4, False), (5, True)])
def test_signed_extremes_in_memory(board: Board, size: int, opc: int, keeps_less: bool) -> None:
    """LDSMAX and LDSMIN of every size, in which QEMU before 6.2, and so unicorn, errs."""
    bits = 8 << size
    word = size << 30 | 0x3820_0000 | 1 << 16 | opc << 12 | 2 << 5 | 4
    for old, operand in ((-1, 1), (1, -1), (-(1 << bits - 1), (1 << bits - 1) - 1), (-2, -3), (5, 5)):
        board.enter(3)
        board.machine.write(DATA, (old & (1 << bits) - 1).to_bytes(bits // 8, "little") + b"\xa5")
        board.x[1], board.x[2] = operand & M64, DATA
        board.does(word)
        left = min(old, operand) if keeps_less else max(old, operand)
        assert board.x[4] == old & (1 << bits) - 1
        expected = (left & (1 << bits) - 1).to_bytes(bits // 8, "little") + b"\xa5"
        assert board.machine.read(DATA, bits // 8 + 1) == expected


def test_hinted_branches_are_conditional_branches(board: Board) -> None:
    board.enter(3)
    board.cpu.nzcv = 0b0100
    board.does(0x5400_0050, w.mov(1, 7), NOP)  # BC.EQ over the MOV
    assert board.x[1] != 7
    board.cpu.nzcv = 0
    board.does(0x5400_0050, w.mov(1, 7), NOP)
    assert board.x[1] == 7


def test_random_numbers_repeat_with_the_seed_and_clear_the_flags() -> None:
    def draw(seed: int, engine: str) -> list[int]:
        machine = emu.Machine(memory="1M", engine=engine, seed=seed)
        code = [w.mrs(1, (3, 3, 2, 4, 0)), w.mrs(2, (3, 3, 2, 4, 0)), w.mrs(3, (3, 3, 2, 4, 1))]
        base = machine.memory.regions[0].base
        machine.write(base, w.assemble(*code))
        machine.cpu.pc, machine.cpu.nzcv = base, 0xF
        machine.run(3)
        assert machine.cpu.nzcv == 0
        return [machine.cpu.x[number] for number in (1, 2, 3)]

    first = draw(1, "reference")
    assert first == draw(1, "interpreter")
    assert len({*first, *draw(2, "reference")}) == 6


# --- PSTATE.SSBS and DIT ----------------------------------------------------------------------------------------------

SSBS, DIT = (3, 3, 4, 2, 6), (3, 3, 4, 2, 5)


@pytest.mark.parametrize("el", [0, 1, 2, 3])
@pytest.mark.parametrize(("register", "op2", "bit"), [(SSBS, 1, 12), (DIT, 2, 24)])
def test_pstate_bits_move_between_register_immediate_and_spsr(
    board: Board, el: int, register: tuple[int, ...], op2: int, bit: int
) -> None:
    board.enter(el, HCR_EL2=HCR_RW, pstate=1 << bit)
    immediate = 0xD503_401F | op2 << 5
    board.does(w.mrs(1, register))  # type: ignore[arg-type]
    board.does(immediate, w.mrs(2, register))  # type: ignore[arg-type]
    board.does(immediate | 1 << 8, w.mrs(3, register))  # type: ignore[arg-type]
    board.does(w.mov(4, 0), w.msr(register, 4), w.mrs(5, register))  # type: ignore[arg-type]
    board.does(w.mov(4, M64), w.msr(register, 4), w.mrs(6, register))  # type: ignore[arg-type]
    assert [board.x[number] for number in (1, 2, 3, 5, 6)] == [1 << bit, 0, 1 << bit, 0, 1 << bit]
    assert board.takes(w.UNALLOCATED).spsr == spsr(el) | 1 << bit


@pytest.mark.parametrize("content", [0, 1])
@pytest.mark.parametrize("el", [1, 2, 3])
def test_an_exception_takes_ssbs_from_dssbs_and_leaves_dit(board: Board, el: int, content: int) -> None:
    sctlr = 0x30C5_0830 if el == 3 else SCTLR
    board.enter(el, pstate=1 << 24, **{f"SCTLR_EL{el}": sctlr | content << 44, "HCR_EL2": HCR_RW})
    board.takes(w.UNALLOCATED)
    assert board.cpu.exceptions.spsr() >> 12 & 1 == content
    assert board.cpu.exceptions.spsr() >> 24 & 1 == 1


# --- atomics: faults --------------------------------------------------------------------------------------------------

LDADD, CASP, SWP = 0xF821_0044, 0x4826_7C44, 0xF821_8044
PERMISSION_3, TRANSLATION_3, ALIGNMENT = 0b001111, 0b000111, 0b100001


@pytest.mark.parametrize("word", [LDADD, CASP, SWP, 0xC8A1_7C44])
def test_an_atomic_without_write_permission_is_a_write_that_changed_nothing(board: Board, word: int) -> None:
    guest = Guest(board)
    guest.stage1.map(VA + 0x5000, DATA_IPA, NORMAL | UXN | READ_ONLY)
    guest.enter(1)
    taken = board.takes(w.mov(2, VA + 0x5000), word)
    assert (taken.el, taken.ec, taken.iss, taken.far) == (1, 0x25, 1 << 6 | PERMISSION_3, VA + 0x5000)


DATA_IPA = 0x2_0000_0000


@pytest.mark.parametrize("word", [LDADD, CASP, SWP])
def test_an_atomic_where_a_read_would_fault_too_is_a_read(board: Board, word: int) -> None:
    Guest(board).enter(1)
    taken = board.takes(w.mov(2, VA + 0x9000), word)
    assert (taken.ec, taken.iss & 0x7F) == (0x25, TRANSLATION_3)
    Guest(board).enter(0)
    taken = board.takes(w.mov(2, VA), word)
    assert (taken.ec, taken.iss & 0x7F) == (0x24, PERMISSION_3)


@pytest.mark.parametrize("has_lse2", [False, True])
def test_an_atomic_must_be_aligned_or_with_lse2_within_16_bytes(board: Board, has_lse2: bool) -> None:
    if not has_lse2:
        _without(board, "FEAT_LSE2")
        board.cpu._has_lse2 = False
    guest = Guest(board)
    guest.enter(1)
    for offset, size_word in ((4, LDADD), (12, LDADD), (8, CASP), (0x3C, SWP)):
        guest.enter(1)
        address = VA + offset
        size = 16 if size_word == CASP else 8
        crosses = offset % 16 + size > 16
        code = (w.mov(2, address), size_word)
        if has_lse2 and not crosses:
            board.does(*code)
        else:
            taken = board.takes(*code)
            assert (taken.ec, taken.iss, taken.far) == (0x25, ALIGNMENT, address)


def test_sctlr_a_makes_lse2_demand_alignment(board: Board) -> None:
    Guest(board).enter(1, SCTLR_EL1=SCTLR | SCTLR_M | 2)
    assert board.takes(w.mov(2, VA + 4), LDADD).iss == ALIGNMENT


@pytest.mark.parametrize("word", [w.ldar(0, 2), w.stlr(0, 2), 0xF8BF_C040, 0xD940_0040, 0xD900_0040])
def test_naa_lets_acquire_and_release_cross_16_bytes(board: Board, word: int) -> None:
    guest = Guest(board)
    guest.enter(1)
    board.does(w.mov(2, VA + 4), word)
    guest.enter(1)
    taken = board.takes(w.mov(2, VA + 12), word)
    is_write = word in (w.stlr(0, 2), 0xD900_0040)
    assert (taken.ec, taken.iss) == (0x25, is_write << 6 | ALIGNMENT)
    guest.enter(1, SCTLR_EL1=SCTLR | SCTLR_M | 1 << 6)
    board.does(w.mov(2, VA + 12), word)


def test_exclusives_with_lse2_may_be_unaligned_within_16_bytes(board: Board) -> None:
    guest = Guest(board)
    guest.enter(1)
    board.does(w.mov(2, VA + 4), w.ldxr(0, 2), w.stxr(3, 0, 2))
    assert board.x[3] == 0
    guest.enter(1)
    taken = board.takes(w.mov(2, VA + 12), w.stxr(3, 0, 2))
    assert (taken.ec, taken.iss) == (0x25, 1 << 6 | ALIGNMENT)
    guest.enter(1)
    assert board.takes(w.mov(2, VA + 12), w.ldxr(0, 2)).iss == ALIGNMENT


@pytest.mark.parametrize(
    ("word", "syndrome"),
    [
        (0xB8BF_C043, 1 << 24 | 2 << 22 | 3 << 16 | 1 << 14),  # LDAPR W3
        (0xD940_0043, 1 << 24 | 3 << 22 | 3 << 16 | 1 << 15 | 1 << 14),  # LDAPUR X3
        (0x1980_0043, 1 << 24 | 1 << 21 | 3 << 16 | 1 << 15 | 1 << 14),  # LDAPURSB X3
        (LDADD, 0),
    ],
)
def test_a_stage_2_abort_describes_rcpc_loads_but_no_atomics(board: Board, word: int, syndrome: int) -> None:
    guest = Guest(board)
    guest.stage1.map(VA + 0x5000, 0x2_0009_0000, NORMAL | UXN)
    guest.enter(1)
    taken = board.takes(w.mov(2, VA + 0x5000), word)
    assert (taken.el, taken.ec, taken.iss) == (2, 0x24, syndrome | TRANSLATION_3)


# --- traps of the small ones ------------------------------------------------------------------------------------------

WFX = 1 << 24 | 0xE << 20


@pytest.mark.parametrize(("word", "bit", "kind"), [(0xD503_1005, TWE, 0b11), (0xD503_1025, TWI, 0b10)])
def test_waiting_with_a_timeout_traps_only_while_there_is_time(board: Board, word: int, bit: int, kind: int) -> None:
    board.enter(1, HCR_EL2=HCR_RW | bit)
    board.cpu.slots[52] = 0
    taken = board.takes(w.mov(5, M64), word)
    assert (taken.el, taken.ec, taken.iss) == (2, 0x01, WFX | 5 << 5 | 1 << 2 | kind)
    board.enter(1, HCR_EL2=HCR_RW | bit)
    board.cpu.slots[52] = 0
    board.does(w.mov(5, 0), word)
    board.enter(1, HCR_EL2=HCR_RW)
    board.does(w.mov(5, M64), word)


@pytest.mark.parametrize("op2", [4, 5, 7])
def test_prediction_restriction_at_el0_needs_enrctx(board: Board, op2: int) -> None:
    word = w.sys((3, 7, 3, op2), 1)
    iss = 1 << 20 | op2 << 17 | 3 << 14 | 7 << 10 | 1 << 5 | 3 << 1
    board.enter(0, HCR_EL2=HCR_RW)
    taken = board.takes(word)
    assert (taken.el, taken.ec, taken.iss) == (1, 0x18, iss)
    board.enter(0, HCR_EL2=HCR_RW, SCTLR_EL1=SCTLR | 1 << 10)
    board.does(word)
    board.enter(0, HCR_EL2=HCR_RW | E2H | TGE)
    taken = board.takes(word)
    assert (taken.el, taken.ec, taken.iss) == (2, 0x18, iss)
    board.enter(0, HCR_EL2=HCR_RW | E2H | TGE, SCTLR_EL2=SCTLR | 1 << 10)
    board.does(word)


# --- pointer authentication: traps, enables, failures -----------------------------------------------------------------

PACIA, PACGA, AUTIA, AUTDB = 0xDAC1_0041, 0x9AC3_3041, 0xDAC1_1041, 0xDAC1_1C41


@pytest.mark.parametrize("word", [PACIA, AUTIA, PACGA, PACIASP])
def test_pointer_authentication_is_trapped_without_api(board: Board, word: int) -> None:
    for el in (0, 1):
        board.enter(el, scr=OPEN | POINTERS, HCR_EL2=HCR_RW, SCTLR_EL1=SCTLR | ENABLE)
        taken = board.takes(word)
        assert (taken.el, taken.esr, taken.elr) == (2, esr(0x09), CODE)
    for el in (0, 1, 2):
        board.enter(el, HCR_EL2=HCR_RW | API, SCTLR_EL1=SCTLR | ENABLE, SCTLR_EL2=SCTLR | ENABLE)
        taken = board.takes(word)
        assert (taken.el, taken.esr) == (3, esr(0x09))
    enabled = 0 if word == AUTIA else ENABLE  # what was never signed would not authenticate
    board.enter(1, scr=OPEN | POINTERS, HCR_EL2=HCR_RW | API, SCTLR_EL1=SCTLR | enabled)
    board.does(word)


@pytest.mark.parametrize("word", [PACIA, AUTIA, PACIASP, 0xDAC1_0441, 0xDAC1_0841, 0xDAC1_0C41])
def test_a_key_that_is_off_leaves_the_pointer_alone(board: Board, word: int) -> None:
    board.enter(1, HCR_EL2=HCR_RW)
    before = list(board.x)
    board.does(word)
    assert list(board.x) == before


@pytest.mark.parametrize("name", ["APIAKeyLo_EL1", "APIBKeyHi_EL1", "APDAKeyLo_EL1", "APDBKeyHi_EL1", "APGAKeyLo_EL1"])
def test_key_registers_are_trapped_without_apk(board: Board, name: str) -> None:
    encoding = board.cpu.system.registers.named(name).encoding
    _, op1, crn, crm, op2 = encoding
    iss = 3 << 20 | op2 << 17 | op1 << 14 | crn << 10 | 1 << 5 | crm << 1
    board.enter(1, scr=OPEN | POINTERS, HCR_EL2=HCR_RW)
    taken = board.takes(w.msr(encoding, 1))
    assert (taken.el, taken.ec, taken.iss) == (2, 0x18, iss)
    board.enter(1, HCR_EL2=HCR_RW | APK)
    assert (board.takes(w.mrs(1, encoding)).el, board.sysreg["ESR_EL3"]) == (3, esr(0x18, iss | 1))
    board.enter(2)
    assert board.takes(w.msr(encoding, 1)).el == 3
    board.enter(1, scr=OPEN | POINTERS, HCR_EL2=HCR_RW | APK)
    board.does(w.mov(1, 0x1234_5678), w.msr(encoding, 1), w.mrs(2, encoding))
    assert board.x[2] == 0x1234_5678


@pytest.mark.parametrize(("opcode", "code"), [(4, 0), (5, 1), (6, 2), (7, 3)])
@pytest.mark.parametrize("el", [0, 1, 2])
def test_a_wrong_code_takes_a_pac_fail_exception(board: Board, opcode: int, code: int, el: int) -> None:
    board.enter(
        el, scr=OPEN | POINTERS, HCR_EL2=HCR_RW | API, SCTLR_EL1=SCTLR | ENABLE, SCTLR_EL2=SCTLR | ENABLE,
        TCR_EL1=25 | 25 << 16, TCR_EL2=25,
    )  # fmt: skip
    board.x[1], board.x[2] = 0x1234_5678, 77
    authenticate = 0xDAC1_0041 | opcode << 10
    board.does(0xDAC1_0041 | (opcode & 3) << 10)
    signed = board.x[1]
    board.does(authenticate)
    assert board.x[1] == 0x1234_5678 != signed
    board.x[1] = signed ^ 1 << 60
    taken = board.takes(NOP, authenticate)
    assert (taken.el, taken.esr) == (el or 1, esr(0x1C, code))
    assert board.x[1] == signed ^ 1 << 60


def test_signing_a_signed_pointer_mixes_both_codes(board: Board) -> None:
    """FEAT_PAuth2: the code is XORed into the bits that are there, so signing twice gives the pointer back."""
    board.enter(1, scr=OPEN | POINTERS, HCR_EL2=HCR_RW | API, SCTLR_EL1=SCTLR | ENABLE, TCR_EL1=25 | 25 << 16)
    pointer = 0xFFFF_FFFF_8000_1234
    board.x[1], board.x[2] = pointer, 5
    board.does(PACIA)
    once = board.x[1]
    board.does(PACIA)
    twice = board.x[1]
    # Both times the code is that of the good pointer: the second one takes the first away.
    assert (once >> 55 & 1, twice) == (1, pointer)


def test_eretaa_authenticates_the_return_address(board: Board) -> None:
    board.enter(1, scr=OPEN | POINTERS, HCR_EL2=HCR_RW | API, SCTLR_EL1=SCTLR | ENABLE, TCR_EL1=25 | 25 << 16)
    target = CODE + 0x100
    board.put(target, NOP)
    board.x[1] = target
    board.cpu.sp = 0x40
    board.x[2] = 0x40
    board.does(PACIA, w.msr("ELR_EL1", 1))
    board.sysreg["SPSR_EL1"] = spsr(0)
    board.put(board.cpu.pc, 0xD69F_0BFF)
    board.machine.run(1)
    assert (board.cpu.pc, board.cpu.el) == (target, 0)


# --- branch target identification -------------------------------------------------------------------------------------


class Guarded:
    """EL1 code in a page at VA that is guarded, or not; the branch is at VA, the landing in the next page."""

    def __init__(self, board: Board, *, here: bool, there: bool, el: int = 1, **registers: int) -> None:
        self.board = board
        tables = Tables(board)
        tables.map_code(NORMAL | USER | READ_ONLY if el == 0 else NORMAL)
        access = NORMAL | (USER | READ_ONLY if el == 0 else 0)
        tables.map(VA, DATA, access | (GP if here else 0))
        tables.map(VA + 0x1000, DATA + 0x1000, access | (GP if there else 0))
        tables.put()
        settings = {"TCR_EL1": TCR_TWO, "MAIR_EL1": MAIR, "TTBR0_EL1": tables.root, "SCTLR_EL1": SCTLR | SCTLR_M}
        board.enter(el, at=VA, scr=OPEN | POINTERS, HCR_EL2=HCR_RW | API, **settings | registers)

    def branch(self, word: int, landing: int, register: int = 1) -> tuple[int, int, int] | None:
        """(EC, ISS, SPSR.BTYPE) of the exception after a branch at VA to VA+0x1000, if one is taken."""
        board = self.board
        board.put(DATA, word)
        board.put(DATA + 0x1000, landing)
        board.x[register] = VA + 0x1000
        board.machine.run(1)
        assert board.cpu.pc == VA + 0x1000
        board.machine.run(1)
        if board.cpu.pc == VA + 0x1004:
            return None
        esr_, spsr_ = board.sysreg["ESR_EL1"], board.sysreg["SPSR_EL1"]
        assert board.sysreg["ELR_EL1"] == VA + 0x1000
        return esr_ >> 26, esr_ & 0x1FF_FFFF, spsr_ >> 10 & 3


BR, BLR = 0xD61F_0020, 0xD63F_0020
LANDINGS = {
    # instruction: the BTYPEs that may arrive there
    NOP: set(), BTI: set(), BTI_C: {1, 2}, BTI_J: {1, 3}, BTI_JC: {1, 2, 3}, PACIASP: {1, 2, 3}, PACIBSP: {1, 2, 3},
    AUTIASP: set(),
}  # fmt: skip


@pytest.mark.parametrize("landing", LANDINGS, ids=hex)
@pytest.mark.parametrize(
    ("word", "register", "kind"), [(BR, 1, 3), (0xD61F_0200, 16, 1), (0xD61F_0220, 17, 1), (BLR, 1, 2)]
)
def test_branches_into_guarded_memory_need_a_landing_pad(
    board: Board, landing: int, word: int, register: int, kind: int
) -> None:
    guarded = Guarded(board, here=True, there=True)
    expected = None if kind in LANDINGS[landing] else (0x0D, kind, kind)
    for _ in range(2):  # the second time engines have seen both pages
        assert guarded.branch(word, landing, register) == expected
        guarded = Guarded(board, here=True, there=True)


def test_a_jump_from_unguarded_memory_is_of_type_1(board: Board) -> None:
    assert Guarded(board, here=False, there=True).branch(BR, NOP) == (0x0D, 1, 1)
    assert Guarded(board, here=False, there=True).branch(BR, BTI_C) is None


def test_unguarded_memory_is_open_to_every_branch(board: Board) -> None:
    assert Guarded(board, here=True, there=False).branch(BR, NOP) is None
    assert Guarded(board, here=True, there=False).branch(BLR, NOP) is None


@pytest.mark.parametrize("word", [0xD65F_0020, 0x1400_0400], ids=["RET", "B"])
def test_returns_and_direct_branches_need_none(board: Board, word: int) -> None:
    assert Guarded(board, here=True, there=True).branch(word, NOP) is None


@pytest.mark.parametrize(("el", "bit"), [(1, 36), (0, 35)])
def test_sctlr_bt_closes_paciasp_to_jumps(board: Board, el: int, bit: int) -> None:
    sctlr = SCTLR | SCTLR_M | 1 << bit
    assert Guarded(board, here=True, there=True, el=el, SCTLR_EL1=sctlr).branch(BR, PACIASP) == (0x0D, 3, 3)
    assert Guarded(board, here=True, there=True, el=el, SCTLR_EL1=sctlr).branch(BLR, PACIASP) is None
    other = SCTLR | SCTLR_M | 1 << (71 - bit)
    assert Guarded(board, here=True, there=True, el=el, SCTLR_EL1=other).branch(BR, PACIASP) is None


def test_brk_takes_its_own_exception_and_keeps_the_type(board: Board) -> None:
    assert Guarded(board, here=True, there=True).branch(BR, w.brk(5)) == (0x3C, 5, 3)
    assert Guarded(board, here=True, there=False).branch(BR, w.brk(5)) == (0x3C, 5, 3)


def test_other_exceptions_save_no_type(board: Board) -> None:
    assert Guarded(board, here=True, there=False).branch(BR, w.UNALLOCATED) == (0, 0, 0)


def test_an_exception_return_brings_the_type_back(board: Board) -> None:
    Guarded(board, here=True, there=True)
    board.put(DATA, w.ERET)
    board.put(DATA + 0x1000, NOP)
    board.sysreg["ELR_EL1"], board.sysreg["SPSR_EL1"] = VA + 0x1000, spsr(1) | 2 << 10
    board.machine.run(2)
    assert board.sysreg["ESR_EL1"] == esr(0x0D, 2)
    assert board.sysreg["SPSR_EL1"] == spsr(1) | 2 << 10


def test_without_bti_guarded_memory_is_like_any_other(board: Board) -> None:
    _without(board, "FEAT_BTI")
    board.cpu.mmu._walker._features = board.cpu.features
    assert Guarded(board, here=True, there=True).branch(BR, NOP) is None
    assert Guarded(board, here=True, there=True).branch(BR, w.brk(1)) == (0x3C, 1, 0)


def test_what_is_guarded_can_be_branched_to_again_and_again(board: Board) -> None:
    """A loop over a landing pad: every round goes through the check, and none of them faults."""
    guarded = Guarded(board, here=True, there=True)
    board.put(DATA, 0xF100_0442, 0x5400_0040, BR)  # SUBS X2, X2, #1; B.EQ +8; BR X1
    board.put(DATA + 0x1000, BTI_J, 0x17FF_FBFF)  # BTI j; B VA
    board.x[1], board.x[2] = VA + 0x1000, 50
    guarded.board.machine.breakpoints.add(VA + 12)
    board.machine.run(1000)
    assert (board.cpu.pc, board.x[2]) == (VA + 12, 0)


def test_secure_state_has_pointer_authentication_too(board: Board) -> None:
    """Without Secure EL2 HCR_EL2.API is not looked at."""
    board.enter(1, Security.SECURE, scr=OPEN | POINTERS, SCTLR_EL1=SCTLR | ENABLE, TCR_EL1=25 | 25 << 16)
    board.x[1], board.x[2] = 0x1234, 5
    board.does(PACIA)
    assert board.x[1] != 0x1234

"""What expressions find in a machine: registers, fields, symbols, memory through every context, ownership."""

from __future__ import annotations

import timeit

import pytest

from emu import PAS
from emu.debug.expressions import (
    ACCESS_WORDS,
    ExpressionError,
    Given,
    MachineEnvironment,
    NeedsMachineError,
    RegisterValues,
    compile,
    vocabulary,
)
from emu.registers.table import REGISTERS
from mectui.queries.registers import values
from tests.conformance import words as w
from tests.conformance.board import Board
from tests.conformance.realm import realm_el2
from tests.conformance.tables import (
    GPI_ANY,
    GPI_NON_SECURE,
    GPI_NONE,
    GPI_REALM,
    GPI_ROOT,
    GPI_SECURE,
    GranuleTable,
)
from tests.expressions.conftest import NOBODYS_PA, OTHER, OTHER_PA, OWN, OWN_PA, STORED, Value

HOLE = 0x7000_0000
UART = 0x0900_0000


def test_registers_have_the_names_people_use(board: Board, value: Value) -> None:
    board.x[3], board.x[29], board.x[30] = 0x1_0000_0002, 29, 30
    board.cpu.sp, board.cpu.nzcv = 0x4009_0000, 0b1010
    board.cpu.v[7] = 1 << 100
    assert [value(name) for name in ("x3", "X3", "$x3", "w3", "$w3")] == [1 << 32 | 2] * 3 + [2] * 2
    assert [value(name) for name in ("fp", "lr", "sp", "pc")] == [29, 30, 0x4009_0000, board.cpu.pc]
    assert [value(name) for name in ("nzcv", "n", "z", "c", "v", "NZCV", "NZCV.C")] == [10, 1, 0, 1, 0, 10 << 28, 1]
    assert value("v7[100]") == 1
    assert value("el") == 2
    assert value("insns") == board.machine.instructions > 0


def test_every_system_register_is_found_in_any_case(board: Board, value: Value) -> None:
    for register in REGISTERS:
        if register.name != "NZCV":  # in lower case the four flags
            assert value(register.name) == value(register.name.lower()) == board.sysreg[register.name], register.name


def test_looking_at_every_register_changes_nothing(board: Board, value: Value) -> None:
    board.cpu.nzcv = 0b1111
    value("PMCCNTR_EL0")  # counters are brought up to date when somebody looks
    before = board.cpu.architectural_state()
    for register in board.machine.registers.table:
        value(register.name)
    values(board.machine)
    for text in ("[0x1_0000_0000]", f"[mecid 77, realm:{OWN_PA}]", "pa(0x1_0000_0000)", f"pas({OWN_PA})", "mapped(5)"):
        value(text)
    assert board.cpu.architectural_state() == before


def test_fields_are_bits_of_their_register(board: Board, value: Value) -> None:
    board.sysreg["TCR_EL2"] = 0x19 | 1 << 16
    assert [value(name) for name in ("TCR_EL2.T0SZ", "tcr_el2.t0sz", "$TCR_EL2.PS", "TCR_EL2[5:0]")] == [25, 25, 1, 25]
    assert value("MECID_P0_EL2.MECID == 5 && SCTLR2_EL2.EMEC")


def test_a_field_of_another_layout_is_not_there(board: Board, value: Value) -> None:
    # CPTR_EL2: TFP, bit 10, with E2H=0; FPEN, bits [21:20], with E2H=1.
    board.sysreg["CPTR_EL2"] = 1 << 10
    assert value("CPTR_EL2.TFP") == 1
    with pytest.raises(ExpressionError, match=r"CPTR_EL2\.FPEN is not there while HCR_EL2.E2H is 0"):
        value("CPTR_EL2.FPEN")
    board.sysreg["HCR_EL2"] |= 1 << 34
    board.sysreg["CPTR_EL2"] = 3 << 20
    assert value("CPTR_EL2.FPEN") == 3


def test_effective_looks_at_what_switches_a_field_off(board: Board, value: Value) -> None:
    assert value("effective(SCTLR2_EL2.EMEC)") == value("effective(TCR2_EL2.AMEC0)") == 1
    board.sysreg["SCR_EL3"] &= ~(1 << 44 | 1 << 43 | 1 << 49)  # SCTLR2En, TCR2En, MECEn
    assert (value("SCTLR2_EL2.EMEC"), value("TCR2_EL2.AMEC0"), value("MECID_P0_EL2")) == (1, 1, 5)
    assert value("effective(SCTLR2_EL2.EMEC)") == value("effective(TCR2_EL2.AMEC0)") == 0
    assert value("effective(MECID_P0_EL2.MECID)") == 0


def test_acting_is_what_a_register_held_before_its_synchronisation(board: Board, value: Value) -> None:
    board.does(w.mov(0, 6), w.msr("MECID_P0_EL2", 0))
    assert (value("MECID_P0_EL2"), value("acting(MECID_P0_EL2)"), value("acting(MECID_P0_EL2.MECID)")) == (6, 5, 5)
    board.does(w.ISB)
    assert value("acting(MECID_P0_EL2)") == 6


def test_a_symbol_is_its_address_and_gives_way_to_registers_unless_quoted(board: Board, value: Value) -> None:
    board.x[1] = 7
    assert value("main + 4") == 0x4001_0004
    assert value("foo.bar") == value("'foo.bar'") == 0x4001_0040
    assert value("odd-name") == value("'odd-name'") == 0x4001_0080
    assert (value("x1"), value("'x1'"), value("'x1' - main")) == (7, 0x4001_00C0, 0xC0)


def test_words_mean_states_where_states_are_compared_and_symbols_elsewhere(value: Value) -> None:
    assert value("security == realm") == value("realm == security") == 1
    assert value("security != realm") == value("security == root") == 0
    assert value("realm") == 0x4001_0100
    assert value("root") == PAS.ROOT


def test_the_callers_values_come_first_and_with_each_evaluation(board: Board) -> None:
    names = vocabulary(board.machine, (Given("access", words=ACCESS_WORDS), Given("value"), Given("main", bits=32)))
    environment = MachineEnvironment(board.machine)
    expression = compile("access == write && value > 5", names)
    assert expression.names() == {"access", "value"}
    assert expression.evaluate(environment, {"access": ACCESS_WORDS["write"], "value": 6}) == 1
    assert expression.evaluate(environment, {"access": ACCESS_WORDS["read"], "value": 6}) == 0
    assert compile("s(main)", names).evaluate(environment, {"main": 0xFFFF_FFFF}) == (1 << 64) - 1
    with pytest.raises(ExpressionError, match="There is no “value” here"):
        compile("value", names).evaluate(environment)


# Memory. What other contexts see is what the CPU itself loads under them.


def seen_by(board: Board, pa: int, mecid: int) -> int:
    """A 64-bit load with the MMU off, Realm EL2 under this MECID."""
    realm_el2(board, SCTLR_EL2=0x30C5_0830 & ~1, MECID_P0_EL2=mecid)
    return board.load(pa)


def test_virtual_memory_is_what_a_load_would_see(board: Board, value: Value) -> None:
    assert value(f"[{OWN}]") == board.load(OWN) == STORED
    board.does(w.mov(0, 6), w.msr("MECID_P0_EL2", 0), w.ISB)
    assert value(f"[{OWN}]") == board.load(OWN) != STORED


def test_sizes_are_little_endian(value: Value) -> None:
    found = [value(f"[{OWN}]{suffix}") for suffix in (".b", ".h", ".w", ".x")]
    assert found == [0x88, 0x7788, 0x5566_7788, STORED]
    assert value(f"[{OWN} + 1].b == 0x77 && [{OWN}].w[31:24] == 0x55")


def test_physical_memory_is_the_owners_plaintext(board: Board, value: Value) -> None:
    assert value(f"[pa:{OWN_PA}]") == value(f"[pa:{OTHER_PA}]") == STORED


def test_realm_memory_is_seen_under_the_mecid_that_is_named_or_the_owners(board: Board, value: Value) -> None:
    assert value(f"[realm:{OWN_PA}]") == value(f"[realm:{OTHER_PA}]") == STORED
    assert value(f"[mecid 5, realm:{OWN_PA}]") == value(f"[mecid 5, {OWN_PA}]") == STORED
    expected = value(f"[mecid 9, realm:{OWN_PA}]")
    assert expected != STORED
    assert seen_by(board, OWN_PA, 9) == expected
    assert seen_by(board, OWN_PA, 5) == STORED


def test_other_address_spaces_see_noise_and_everybody_what_nobody_owns(board: Board, value: Value) -> None:
    for space in ("root", "secure", "ns"):
        assert value(f"[{space}:{OWN_PA}]") != STORED
        assert value(f"[{space}:{NOBODYS_PA}]") == 0
    board.enter(3)
    expected = value(f"[root:{OWN_PA}]")
    assert board.load(OWN_PA) == expected


def test_raw_memory_is_ciphertext_where_there_is_an_owner(board: Board, value: Value) -> None:
    assert value(f"[raw:{OWN_PA}]") not in (STORED, value(f"[mecid 9, {OWN_PA}]"))
    assert value(f"[raw:{NOBODYS_PA}]") == value(f"[pa:{NOBODYS_PA}]")


def test_questions_about_ownership_and_translation(board: Board, value: Value) -> None:
    assert [value(f"owner({pa})") for pa in (OWN_PA, OTHER_PA)] == [5, 9]
    assert value(f"owner({NOBODYS_PA}) == none && generation({NOBODYS_PA}) == none && owner({HOLE}) == none")
    assert value(f"owner_pas({OWN_PA}) == realm")
    assert [value(f"mecid({va})") for va in (OWN, OTHER)] == [5, 9]
    assert [value(f"pa({va})") for va in (OWN, OTHER + 8)] == [OWN_PA, OTHER_PA + 8]
    assert [value(f"mapped({va})") for va in (OWN, 0x2_0000_0000)] == [1, 0]
    board.machine.mec.refresh(5)
    assert value(f"generation({OWN_PA})") == 0
    board.store(OWN, 1)
    assert value(f"generation({OWN_PA})") == 1


@pytest.mark.parametrize(
    ("gpi", "word"),
    [(GPI_NONE, "none"), (GPI_SECURE, "secure"), (GPI_NON_SECURE, "nonsecure"), (GPI_ROOT, "root"),
     (GPI_REALM, "realm"), (GPI_ANY, "any")],
)  # fmt: skip
def test_pas_is_what_the_granule_protection_table_says(board: Board, value: Value, gpi: int, word: str) -> None:
    gpt = GranuleTable(board)
    gpt.set(OWN_PA, gpi)
    realm_el2(board, **gpt.registers)
    assert value(f"pas({OWN_PA}) == {word}") == 1
    assert value(f"pas({OWN_PA + 0x1000}) == any") == 1


def test_pas_is_what_the_table_says_now_whatever_is_cached(board: Board, value: Value) -> None:
    gpt = GranuleTable(board)
    gpt.set(OWN_PA, GPI_REALM)
    realm_el2(board, **gpt.registers)
    board.load(OWN)
    gpt.set(OWN_PA, GPI_ROOT)
    assert value(f"pas({OWN_PA}) == root") == 1
    assert board.load(OWN) == value(f"[{OWN}]") == STORED


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[0x2_0000_0000]", "0x200000000 cannot be read: Translation fault"),
        ("[pa:0x7000_0000]", "There is no memory at 0x70000000; there is RAM 0x40000000-"),
        ("[realm:0x900_0000]", "0x9000000 is the device PL011 UART: looking at it could change it."),
        ("pa(0x2_0000_0000)", "0x200000000 is not mapped: Translation fault"),
        ("[mecid 0x1_0000, 0x4000_0000]", "A MECID has 16 bits: 0x10000 is too large."),
        ("1 / (x0 - x0)", "“x0 - x0” is 0, and nothing can be divided by 0."),
    ],
)
def test_what_the_machine_cannot_answer_is_a_sentence(value: Value, text: str, sentence: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        value(text)
    assert sentence.lower() in str(caught.value).lower()
    assert caught.value.text == text


def test_registers_of_a_stop_suffice_where_no_memory_is_asked_for(board: Board) -> None:
    names, noted = vocabulary(board.machine), RegisterValues(values(board.machine))
    live = MachineEnvironment(board.machine)
    for text in ("x0 + w1", "n | z << 1", "el", "TCR_EL2.T0SZ", "CPTR_EL2.TFP", "pc in main..main+0x100", "v0[127:64]"):
        expression = compile(text, names)
        assert not expression.needs_machine
        assert expression.evaluate(noted) == expression.evaluate(live)
    for text in ("[sp]", "security == realm", "insns", "owner(0)", "effective(SCTLR2_EL2.EMEC)", "acting(TCR_EL2)"):
        expression = compile(text, names)
        assert expression.needs_machine
        with pytest.raises(NeedsMachineError):
            expression.evaluate(noted)


def test_a_condition_is_cheap(board: Board) -> None:
    """The bound is fifty times what it takes, so that a busy host does not fail it."""
    environment = MachineEnvironment(board.machine)
    condition = compile("x0 == 5 && TCR_EL2.T0SZ != 16 || sp > main + 0x10", vocabulary(board.machine))
    assert timeit.timeit(lambda: condition.evaluate(environment), number=1000) / 1000 < 50e-6

"""The command line's language: what lines mean, and what people are told about the others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.debug.expressions import RegisterValues
from mectui.commandline import COMMANDS, Command, CommandError, Known, completions, evaluate, parse
from mectui.editing import Assignment
from mectui.stop_orders import NewCode
from tests.tui.programs import START, factory

SYMBOLS = {"main": 0x4008_0000, "main_loop": 0x4008_0040, "x0": 0x1234_0000, "odd-name": 0x4008_0080}
KNOWN = Known(
    registers={"x0": 16, "x30": 0x4008_0044, "sp": 0x4009_0000, "nzcv": 0, "TTBR0_EL2": 0x4010_0000},
    symbol=SYMBOLS.get,
    symbols=lambda: sorted(SYMBOLS),
    themes=("dark", "light"),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x4000_0000", 0x4000_0000),
        ("42", 42),
        ("main", 0x4008_0000),
        ("main+0x10", 0x4008_0010),
        ("main + 16 - 4", 0x4008_000C),
        ("sp-16", 0x4008_FFF0),
        ("SP", 0x4009_0000),
        ("lr", 0x4008_0044),
        ("ttbr0_el2", 0x4010_0000),
        ("odd-name", 0x4008_0080),
        ("-1", 0xFFFF_FFFF_FFFF_FFFF),
        ("0 - 8", 0xFFFF_FFFF_FFFF_FFF8),
    ],
)
def test_addresses_are_numbers_symbols_and_registers_joined_by_plus_and_minus(text: str, value: int) -> None:
    assert evaluate(text, KNOWN) == value


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("s", Command("step")),
        ("step 10", Command("step", (10,))),
        ("  b main+4 ", Command("break", (NewCode(0x4008_0004),))),
        ("walk main write", Command("walk", (0x4008_0000, "write"))),
        ("walk main", Command("walk", (0x4008_0000,))),
        ("eyes mecid 5", Command("eyes", ("mecid", 5))),
        ("eyes owner", Command("eyes", ("owner",))),
        ("delete all", Command("delete", ("all",))),
        ("theme light", Command("theme", ("light",))),
        ("type hello  there", Command("type", ("hello  there",))),
        ("REG sp", Command("register", ("sp",))),
        ("q", Command("quit")),
    ],
)
def test_lines_mean_commands(text: str, command: Command) -> None:
    assert parse(text, KNOWN) == command


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Type a command; “help” lists them all."),
        ("stpe", "There is no command “stpe”; did you mean “step”?"),
        ("break", "“break” needs PLACE: break PLACE [if EXPRESSION]."),
        ("break mian", "There is no symbol or register “mian”; did you mean “main”?"),
        ("break 0xzz", "“0xzz” is no number; write 0x4000_0000, 42 or 0b101."),
        ("break 0x1_0000_0000_0000_0000", "“0x1_0000_0000_0000_0000” does not fit into 64 bits."),
        ("break main main", "“main” cannot stand at column 12; an operator is missing before it."),
        ("break main+", "A value is missing after “+” at column 11."),
        ("break sp + mian", "There is no symbol or register “mian” (column 12); did you mean “main”?"),
        ("step 0", "“step” takes a number from 1 up, not 0."),
        ("run fast", "“run” takes nothing after it, not “fast”."),
        ("set x0", "“set” needs a place and a value: set x0=5, set SCTLR_EL1.M=1, set [pa:0x4010_0000].w=5."),
        ("set x0==5", "“set” needs a place and a value: set x0=5, set SCTLR_EL1.M=1, set [pa:0x4010_0000].w=5."),
        ("set el=5", "el follows from the run and cannot be set."),
        ("set x0=mian", "There is no symbol or register “mian”; did you mean “main”?"),
        (
            "print/q x0",
            "“print/q” is not a way to write “print”; there is print/x, print/d, print/u, print/t, print/a, print/b.",
        ),
        ("step/x 5", "“step/x” is not a way to write “step”; there is step [N|line]."),
        ("set TTBR0_EL=5", "There is no register “TTBR0_EL”; did you mean TTBR0_EL2?"),
        ("set nzcv=16", "nzcv has 4 bits: 0x10 does not fit."),
        ("theme pink", "There is no theme “pink”; there are dark, light."),
        ("eyes mecid", "“eyes mecid” needs the MECID to look through: eyes mecid 5."),
        ("eyes mecid 0x10000", "A MECID has 16 bits: 0x10000 is too large."),
    ],
)
def test_other_lines_get_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(text, KNOWN)
    assert str(caught.value) == sentence


def assignment(text: str) -> tuple[str, int]:
    """The place and the value of a line that sets something."""
    (found,) = parse(text, KNOWN).arguments
    assert isinstance(found, Assignment)
    return found.target.name, found.value.evaluate(RegisterValues(KNOWN.registers))


def test_places_can_be_set() -> None:
    assert assignment("set x0=5") == ("x0", 5)
    assert assignment("set ttbr0_el2 = sp + 8") == ("TTBR0_EL2", 0x4009_0008)
    assert assignment("set ttbr0_el2.asid=x0==16") == ("TTBR0_EL2.ASID", 1)
    assert assignment("set [realm: x0 <= 5 ? 1 : 2].w = 7") == ("[realm: x0 <= 5 ? 1 : 2].w", 7)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("print x0", "x0 is 0x10 = 16"),
        ("p x0 - 11", "x0 - 11 is 5"),
        ("print/x sp", "sp is 0x4009_0000"),
        ("print/d 0-5", "0-5 is -5"),
        ("print/d w30", "w30 is 1074266180"),
        ("print/d x0[4:0]", "x0[4:0] is -16"),
        ("print/u 0-1", "0-1 is 18446744073709551615"),
        ("print/t x0", "x0 is 0b0001_0000"),
        ("print/a x30", "x30 is 0x4008_0044 main_loop+0x4"),
        ("print x30", "x30 is 0x4008_0044 = 1074266180 (main_loop+0x4)"),
        ("print s(0-16)", "s(0-16) is -16 = 0xffff_ffff_ffff_fff0"),
        ("print/b x0|3", "x0|3 is bits 4, 1, 0 are 1"),
        ("print/b TTBR0_EL2", "TTBR0_EL2 is BADDR=0x2008_0000"),  # bits [47:1]
    ],
)
def test_values_are_printed_in_many_ways(text: str, shown: str) -> None:
    known = replace(KNOWN, label=lambda address: "main_loop+0x4" if address == 0x4008_0044 else "")
    assert parse(text, known) == Command("print", (shown,))


def test_what_needs_memory_waits_for_the_machine() -> None:
    machine = factory(0xD503201F, 0x1234_5678)()  # NOP and some data
    machine.cpu.x[0] = START
    for text, arguments in (
        ("until [x0+4].w", (0x1234_5678,)),
        ("walk [x0+4].h write", (0x5678, "write")),
        ("print [x0+4].b", ("[x0+4].b is 0x78 = 120",)),
        ("print security", ("security is root (2)",)),
        ("step [x0 + 7].b", (0x12,)),
    ):
        assert parse(text, KNOWN) == Command(text.split()[0], (), text)
        assert parse(text, KNOWN.on(machine)) == Command(text.split()[0], arguments)
    with pytest.raises(CommandError, match="0x70000000 cannot be read: There is no memory at 0x70000000; there is RAM"):
        parse("print [0x7000_0000]", KNOWN.on(machine))
    with pytest.raises(CommandError, match="did you mean “main”"):
        parse("print [mian]", KNOWN)


def test_an_error_has_its_place_in_the_line() -> None:
    for text, place in (("break main + mian", "mian"), ("  set x0 = 0xzz", "0xzz"), ("print/x 1 + )", ")")):
        with pytest.raises(CommandError) as caught:
            parse(text, KNOWN)
        assert caught.value.position == text.index(place)


def understood(text: str) -> bool:
    """Whether a line is a command; anything but a CommandError fails the test."""
    try:
        parse(text, KNOWN)
    except CommandError:
        return False
    return True


def sentence(text: str) -> str:
    with pytest.raises(CommandError) as caught:
        parse(text, KNOWN)
    return str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_command_or_a_sentence(text: str) -> None:
    assert understood(text) or sentence(text).endswith((".", "?"))
    completions(text, KNOWN)


@given(st.sampled_from([spec.name for spec in COMMANDS]), st.text(max_size=40))
def test_any_argument_is_understood_or_refused(name: str, rest: str) -> None:
    text = f"{name} {rest}"
    assert parse(text, KNOWN).name == name if understood(text) else sentence(text).endswith((".", "?"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("br", ["break "]),
        ("break mai", ["break main", "break main_loop"]),
        ("break main+x", ["break main+'x0'", "break main+x0", "break main+x30"]),
        ("print TTBR0_EL2.A", ["print TTBR0_EL2.ASID"]),
        ("print/x [re", ["print/x [realm:"]),
        ("set ttbr0_el2.AS", ["set ttbr0_el2.ASID="]),
        ("set [pa:mai", ["set [pa:main", "set [pa:main_loop"]),
        ("set x0=mai", ["set x0=main", "set x0=main_loop"]),
        ("set el", []),
        ("theme ", ["theme dark", "theme light"]),
        ("set tt", ["set TTBR0_EL2="]),
        ("walk main w", ["walk main write"]),
        ("workspace m", ["workspace mec"]),
        ("nothing x", []),
    ],
)
def test_tab_completes_commands_symbols_registers_and_choices(text: str, found: list[str]) -> None:
    assert completions(text, KNOWN) == found


def test_names_and_aliases_are_unique() -> None:
    names = [name for spec in COMMANDS for name in (spec.name, *spec.aliases)]
    assert len(names) == len(set(names))

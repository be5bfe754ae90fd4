"""The command line's language: what lines mean, and what people are told about the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mectui.commandline import COMMANDS, Command, CommandError, Known, completions, evaluate, parse

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
        ("  b main+4 ", Command("break", (0x4008_0004,))),
        ("walk main write", Command("walk", (0x4008_0000, "write"))),
        ("walk main", Command("walk", (0x4008_0000,))),
        ("set x0=5", Command("set", ("x0", 5))),
        ("set ttbr0_el2 = sp + 8", Command("set", ("TTBR0_EL2", 0x4009_0008))),
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
        ("break", "“break” needs ADDRESS: break ADDRESS."),
        ("break mian", "There is no symbol or register “mian”; did you mean “main”?"),
        ("break 0xzz", "“0xzz” is no number; write 0x4000_0000, 42 or 0b101."),
        ("break 0x1_0000_0000_0000_0000", "“0x1_0000_0000_0000_0000” does not fit into 64 bits."),
        ("break main main", "“main main” is no address: join numbers, symbols and registers with + and -."),
        ("break main+", "“main+” is no address: join numbers, symbols and registers with + and -."),
        ("step 0", "“step” takes a number from 1 up, not 0."),
        ("run fast", "“run” takes nothing after it, not “fast”."),
        ("set x0", "“set” needs a register and a value: set x0=5."),
        ("set TTBR0_EL=5", "There is no register “TTBR0_EL”; did you mean TTBR0_EL2?"),
        ("set nzcv=16", "nzcv has four bits: give it a value from 0 to 15."),
        ("theme pink", "There is no theme “pink”; there are dark, light."),
        ("eyes mecid", "“eyes mecid” needs the MECID to look through: eyes mecid 5."),
        ("eyes mecid 0x10000", "A MECID has 16 bits: 0x10000 is too large."),
    ],
)
def test_other_lines_get_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(text, KNOWN)
    assert str(caught.value) == sentence


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
        ("br", ["break ", "breakpoints"]),
        ("break mai", ["break main", "break main_loop"]),
        ("break main+x", ["break main+x0", "break main+x0", "break main+x30"]),
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

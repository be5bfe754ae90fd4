"""Expressions and commands of every shape and length: a value or one short sentence, in no time."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import emu
from emu.debug.expressions import MachineEnvironment, compile, compile_target, completions, vocabulary
from emu.errors import EmuError
from mectui import commandline
from mectui.cli import main
from mectui.command_table import COMMANDS
from mectui.commandline import CommandError, Known
from mectui.resources import guest_path
from tests.pace import at_most

ENDLESS = {
    "brackets": "(" * 10_000 + "1" + ")" * 10_000,
    "digits": "9" * 10**6,
    "shifts": "1<<" * 600 + "1",
    "minus": "-" * 100_000 + "1",
    "memory": "[" * 30 + "x0" + "]" * 30,
    "open memory": "[" * 5_000,
    "answers": "1?" * 500 + "1" + ":1" * 500,
    "a shift": "1<<18446744073709551615",
    "name": "x" * 10**6,
    "quoted": "'" + "a" * 10**6 + "'",
    "open quote": "'" * 10**6,
    "hexadecimal": "0x" + "f" * 10**6,
    "arguments": "min(" + "1," * 120 + "1)",
    "blanks": "1" + " " * 10**6 + "1",
    "dots": "." * 1_999,
    "path": "../" * 600 + "two-realms.S:1",
    "slashes": "/" * 1_000 + "a.c:1",
    "line": "a.c:" + "9" * 1_900,
    "conditions": "x0 if " * 300,
    "braces": '"' + "{x0}" * 900 + '"',
    "digits of others": "٣" * 1_999,
    "zero": "\0" * 1_999,
}
ATOMS = (
    "0",
    "1",
    "63",
    "64",
    "128",
    "0xffffffffffffffff",
    "0x8000000000000000",
    "x0",
    "w5",
    "sp",
    "pc",
    "v0",
    "nzcv",
    "SCTLR_EL1",
    "SCTLR_EL1.M",
    "SCTLR_EL3.",
    "el",
    "security",
    "insns",
    "_start",
    "'two-realms.S:100'",
    "two-realms.S:99999",
    "realm",
    "owner(x0)",
    "mapped(0)",
    "pa(pc)",
    "mecid(pc)",
    "owner_pas(~0)",
    "generation(0xfffffffff0)",
    "pas(0x40000000)",
    "effective(SCTLR2_EL2.EMEC)",
    "acting(SCTLR_EL1)",
    "max()",
    "abs(s(x0))",
    "[0xffffffffffffffff]",
    "[0xfffffffffffffff9].x",
    "[pa:0x4fffffff].w",
    "[realm:0x40000000].b",
    "[raw:~0]",
    "[mecid 5, 0x40000000]",
    "[mecid 0x10000, 0]",
    "[ns:0x4fffffff].x",
    "[root:0xffffffffffff]",
    "[x0][7:4]",
    "v0[127:0]",
    "x0[127]",
    "٣",
    "𝟙",
    "²",
    "0b2",
    "0x",
    "9" * 50,
    "0xfG",
    "1e9",
    "",
    "é",
    "$x",
    "..",
    ".b",
    "'",
    '"',
    "\\",
    "\0",
    "\x1b",
    "\u202e",
    "in",
    "1 in 2..3",
    "any",
    "?",
    ":",
    "0x_",
)
OPERATORS = (
    "+",
    "-",
    "*",
    "/",
    "%",
    "<<",
    ">>",
    "&",
    "|",
    "^",
    "&&",
    "||",
    "==",
    "!=",
    "<",
    ">=",
    " in ",
    "..",
    "?",
    ":",
    ",",
    "=",
)


@cache
def machine() -> emu.Machine:
    made = emu.Machine(memory="64M", engine="interpreter")
    made.load(str(guest_path("two-realms")))
    made.run(20_000)
    return made


def known() -> Known:
    guest = machine()
    registers = {
        **{f"x{number}": number for number in range(31)},
        "sp": 0,
        "pc": guest.cpu.pc,
        "SCTLR_EL1": 0,
        "nzcv": 0,
    }
    return Known(
        registers, guest.symbols.lookup, guest.symbols.names, ("dark",), ("vim",), files=guest.lines.completions
    )


def understood(text: str) -> None:
    """Everything that a text is given to; anything but an error of one sentence is a bug."""
    guest = machine()
    names = vocabulary(guest)
    for ask in (
        lambda: compile(text, names).evaluate(MachineEnvironment(guest)),
        lambda: compile_target(text, names).check(5),
        lambda: completions(text, len(text), names),
    ):
        with suppress(EmuError):
            ask()


def sentence_of(text: str, names: Known) -> str:
    try:
        commandline.parse(text, names)
    except CommandError as error:
        return str(error)
    return ""


def obeyed(text: str) -> None:
    for names in (known(), known().on(machine())):
        said = sentence_of(text, names)
        assert "\n" not in said
        assert len(said) < 500
    commandline.completions(text, known())


def test_endless_texts_take_no_time() -> None:
    for name, text in ENDLESS.items():
        for ask in (understood, *(lambda text, spec=spec: obeyed(f"{spec.name} {text}") for spec in COMMANDS)):
            with at_most(600, name):
                ask(text)  # type: ignore[operator]


def test_an_endless_command_line_gets_a_short_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for text in (" " * 60_000, "'" * 60_000, "x y " * 15_000):
        assert main(["run", "hello", "--watch", text]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert len(err) < 700


@st.composite
def _texts(draw: st.DrawFn) -> str:
    atom = st.sampled_from(ATOMS)
    tree = st.recursive(
        atom,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(OPERATORS), inner).map("".join),
            st.tuples(
                st.sampled_from(("(", "[", "[pa:", "[realm:", "[raw:", "[zz:", "min(", "owner(", "pa(", "s(", "foo(")),
                inner,
                st.sampled_from((")", "]", "].b", "].q", "")),
            ).map("".join),
            st.tuples(inner, st.just("["), inner, st.sampled_from(("]", ":0]", ""))).map("".join),
            st.tuples(st.sampled_from("-~!+"), inner).map(lambda pair: pair[0] * 30 + pair[1]),
        ),
        max_leaves=8,
    )
    return draw(tree)


REST = st.sampled_from(("", " if x0", ",8", ",-1", ' "{x0}"', "=1", " read", " ignore 3", "/x"))


@settings(max_examples=150, deadline=1_000, suppress_health_check=list(HealthCheck))
@given(text=_texts(), command=st.sampled_from([spec.name for spec in COMMANDS]), rest=REST)
def test_near_to_the_grammar(text: str, command: str, rest: str) -> None:
    understood(text)
    obeyed(f"{command} {text}{rest}")


@pytest.mark.long
@settings(max_examples=20_000, deadline=1_000, suppress_health_check=list(HealthCheck))
@given(text=_texts(), command=st.sampled_from([spec.name for spec in COMMANDS]), rest=REST)
def test_near_to_the_grammar_for_long(text: str, command: str, rest: str) -> None:
    understood(text)
    obeyed(f"{command} {text}{rest}")

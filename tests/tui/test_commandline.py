"""The command line's language: what lines mean, and what people are told about the others."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.debug.expressions import RegisterValues
from mectui.actions import SCREEN_SCOPES, of_scope
from mectui.commandline import COMMANDS, Command, CommandError, Known, completions, evaluate, named, parse
from mectui.editing import Assignment
from mectui.gdb_words import ELSEWHERE
from mectui.keymaps import PRESETS
from mectui.render.text import plain
from mectui.screens.debugger import DebuggerScreen
from mectui.screens.help import help_lines
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
        ("pane Instruction", Command("pane", ("pipeline",))),
        ("pane ledger", Command("pane", ("ledger",))),
        ("until hit", Command("to", ("hit",))),
        ("until EL", Command("to", ("el",))),
        ("back exception", Command("backto", ("exception",))),
        ("runtil call", Command("backto", ("call",))),
        ("back 5", Command("back", (5,))),
        ("walk main", Command("walk", (0x4008_0000,))),
        ("eyes mecid 5", Command("eyes", ("mecid", 5))),
        ("eyes owner", Command("eyes", ("owner",))),
        ("delete all", Command("delete", ("all",))),
        ("theme light", Command("theme", ("light",))),
        ("type hello  there", Command("type", ("hello  there",))),
        ("REG sp", Command("register", ("sp",))),
        ("q", Command("quit")),
        ("si", Command("step")),
        ("ni 3", Command("next", (3,))),
        ("fin", Command("out")),
        ("r", Command("r")),
        ("u main", Command("until", (0x4008_0000,))),
        ("l", Command("list")),
        ("disas main", Command("list", (0x4008_0000,))),
        ("cont", Command("run")),
        ("tbr main", Command("tbreak", (NewCode(0x4008_0000, is_temporary=True),))),
        ("del 3", Command("delete", (3,))),
        ("dis 3", Command("disable", (3,))),
        ("br main", Command("break", (NewCode(0x4008_0000),))),
        ("rnext line", Command("rnext", ("line",))),
        ("i r", Command("info", ("registers", ""))),
        ("i r x0", Command("info", ("registers", "x0"))),
        ("info b", Command("info", ("breakpoints", ""))),
        ("info symbol x30-4", Command("info", ("symbol", "x30-4 is 0x4008_0040"))),
        ("x/4gx sp", Command("x", (0x4009_0000, "4gx"))),
        ("x sp", Command("x", (0x4009_0000, ""))),
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
        ("o", "“o” may be “out”."),
        ("re", "“re” may be “reverse-step”, “reverse-next”, “restart”, “register”."),
        ("kill", "There is no command “kill”: “restart” begins again, “quit” leaves."),
        ("info", "“info” needs registers|breakpoints|line|symbol: info registers|breakpoints|line|symbol."),
        (
            "info nothing",
            "“info” tells nothing of “nothing”; there is registers, breakpoints, watchpoints, line, symbol, address, "
            "source, frame, stack, locals, args.",
        ),
        ("up 0", "“up” takes a number from 1 up, not 0."),
        ("x/4q sp", "“x” is written as gdb has it: x/4gx ADDRESS, x/8wd ADDRESS, x/s ADDRESS, x/i ADDRESS."),
        ("x/999g sp", "“x” shows 1 to 1024 bytes at once; the memory pane shows more: mem ADDRESS."),
        ("x/c sp", "“x” shows no values as “c”; there is x, d, u, t, a, s for text, and i for code."),
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


def test_a_symbol_that_is_called_as_an_event_is_a_place() -> None:
    known = replace(KNOWN, symbol={"hit": 0x4008_0100}.get)
    assert parse("until hit", known) == Command("until", (0x4008_0100,))


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
        ("breakp", ["breakpoints"]),
        ("fin", ["finish"]),
        ("i reg", ["i registers"]),
        ("info sym", ["info symbol"]),
        ("info symbol mai", ["info symbol main", "info symbol main_loop"]),
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
    names = [*ELSEWHERE, *(name for spec in COMMANDS for name in (spec.name, *spec.aliases))]
    assert len(names) == len(set(names))


def test_a_beginning_that_two_commands_share_is_none_of_them() -> None:
    names = [spec.name for spec in COMMANDS]
    known = {name for spec in COMMANDS for name in (spec.name, *spec.aliases)} | set(ELSEWHERE)
    for name in names:
        for length in range(1, len(name)):
            start = name[:length]
            if start in known:
                continue
            meant = [each for each in names if each.startswith(start)]
            if meant == [name] and length > 1:
                assert named(start) == name
            else:
                assert named(start) == ""


def test_whatever_other_debuggers_say_leads_to_a_command_that_is_there() -> None:
    keys = {"O", "v", "/", "^z", "fg"}
    for word, instead in ELSEWHERE.items():
        said = sentence(word)
        assert said == f"There is no command “{word}”: {instead}."
        for quoted in re.findall(r"“([^”]+)”", instead):
            assert quoted.startswith("mectui ") or named(quoted), quoted
        assert keys >= set(re.findall(r"the key (\S+)", instead))


def test_every_command_and_action_is_carried_out_by_the_screen() -> None:
    for spec in COMMANDS:
        assert hasattr(DebuggerScreen, f"command_{spec.name.replace('-', '_')}"), spec.name
    for action in of_scope(*SCREEN_SCOPES):
        assert hasattr(DebuggerScreen, f"do_{action.name}"), action.name


def test_other_names_stand_in_the_help() -> None:
    text = plain(help_lines(120, None, PRESETS["default"]))
    for spec in COMMANDS:
        for alias in spec.aliases:
            assert re.search(rf"Also: [^.]*\b{alias}\b", " ".join(text.split())), alias

"""The command line's language: what a line of text asks for, or one sentence about what is wrong with it."""

from __future__ import annotations

import difflib
import itertools
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Union

from emu.debug import expressions, lines
from emu.debug.expressions import (
    Expression,
    ExpressionError,
    NeedsMachineError,
    Target,
    compile_target,
)
from emu.debug.expressions.environment import error_of
from emu.debug.expressions.names import GENERAL, STATE, VECTORS, RegisterName
from emu.errors import EmuError
from mectui import gdb_words
from mectui.command_table import COMMANDS, LONGEST, CommandSpec, Kind
from mectui.editing import Assignment
from mectui.known import Known
from mectui.layout import ALL as PANES
from mectui.queries.displays import register_fields
from mectui.render import values
from mectui.resources import typed_path

if TYPE_CHECKING:
    from mectui.stop_orders import NewStop

__all__ = ["COMMANDS", "Command", "CommandError", "CommandSpec", "Kind", "Known", "completions", "evaluate", "parse"]

MOST_STEPS = 10**12
LEAST = 2
"""Letters that may stand for a name: one alone is too easily pressed by mistake."""
MOST_MEANT = 4
"""Commands that an error names."""
MOST_FOLDERS = 10_000
"""Entries of a folder that are looked through for completions."""
WORKSPACES = ("debug", "translation", "mec", "lesson")
STEPS_OF_LESSONS = ("next", "back", "hint", "do", "restart", "step")
PANE_TABS = {"instruction": "pipeline", "mecids": "ledger"}
"""Panes whose tabs say another word than their name."""
TAB_NAMES = tuple({name: tab for tab, name in PANE_TABS.items()}.get(name, name) for name in PANES)
"""Every pane as people know it."""
ACCESSES = ("read", "write", "fetch")
EYES = ("seen", "owner", "mecid", "raw")
PAST = ("call", "el", "security", "exception", "hit", "finding", "stop", "start")
EVENTS = ("el", "security", "exception", "hit", "finding")

SAME_WAY = {"until": ("to", EVENTS), "back": ("backto", PAST), "runtil": ("backto", PAST)}
"""Commands that take a place or a number, and those for events that go the same way: "until hit" is "to hit"."""
Argument = Union[int, str, Assignment, "NewStop"]


class CommandError(Exception):
    """A line that cannot be understood; its text is one sentence for the person who typed it.

    `position` is the place in the line that is meant, from 0, where one place is.
    """

    def __init__(self, sentence: str, position: int | None = None) -> None:
        super().__init__(sentence)
        self.position = position


class ElsewhereError(CommandError):
    """A word of another debugger: its sentence says what to do instead, and no change of the line would help."""


class WaitingError(CommandError):
    """The line is well-formed, but only the machine itself can say what it means: parse it on the machine's thread."""


@dataclass(frozen=True, slots=True)
class Command:
    """A line that was understood: the command's name and its arguments as values."""

    name: str
    arguments: tuple[Argument, ...] = ()
    waits: str = ""
    """The line, where its values need memory or the like: parse it again with `Known.on` the machine's thread."""
    notes: tuple[str, ...] = ()
    """What there is to know about the values: which line of the source stands for one without code."""


def find(name: str) -> CommandSpec:
    """The command called `name`, or the only one with a name that begins so. Raises CommandError with the nearest."""
    lowered = name.lower()
    for spec in COMMANDS:
        if lowered == spec.name or lowered in spec.aliases:
            return spec
    if lowered in gdb_words.ELSEWHERE:
        raise ElsewhereError(f"There is no command “{lowered}”: {gdb_words.ELSEWHERE[lowered]}.")
    meant = [spec for spec in COMMANDS if spec.name.startswith(lowered)]
    meant = meant or [spec for spec in COMMANDS if any(each.startswith(lowered) for each in spec.aliases)]
    if len(meant) == 1 and len(lowered) >= LEAST:
        return meant[0]
    if meant:
        listed = ", ".join(f"“{spec.name}”" for spec in meant[:MOST_MEANT])
        raise CommandError(f"“{shortened(name)}” may be {listed}{', …' if len(meant) > MOST_MEANT else ''}.")
    names = [spec.name for spec in COMMANDS]
    near = sorted(difflib.get_close_matches(lowered, names), key=lambda near: near[0] != lowered[0])
    hint = f"did you mean “{near[0]}”?" if near else "“help” lists them all."
    raise CommandError(f"There is no command “{shortened(name)}”; {hint}")


def named(text: str) -> str:
    """The proper name of the command that a line begins with; "" where there is none."""
    try:
        return find(text.split(maxsplit=1)[0].partition("/")[0]).name
    except (CommandError, IndexError):
        return ""


def shortened(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def parse(text: str, known: Known) -> Command:
    """What `text` asks for. Raises CommandError."""
    if len(text) > LONGEST:
        raise CommandError(f"A command of {len(text):,} characters is too long: {LONGEST:,} are allowed.")
    called, _, rest = text.strip().partition(" ")
    if not called:
        raise CommandError("Type a command; “help” lists them all.")
    name, slash, form = called.partition("/")
    spec = find(name)
    if spec.name == "x":
        how = gdb_words.examine(form)
        if isinstance(how, str):
            raise CommandError(how)
    elif slash and (not spec.formats or form not in spec.formats or len(form) != 1):
        offered = f"{spec.name}/{f', {spec.name}/'.join(spec.formats)}" if spec.formats else spec.usage
        raise CommandError(f"“{shortened(called)}” is not a way to write “{spec.name}”; there is {offered}.")
    rest = rest.strip()
    if not rest:
        if spec.needs:
            raise CommandError(f"“{spec.name}” needs {spec.needs[0].value}: {spec.usage}.")
        return Command(spec.name)
    if not spec.needs and not spec.may:
        raise CommandError(f"“{spec.name}” takes nothing after it, not “{shortened(rest)}”.")
    other, words = SAME_WAY.get(spec.name, ("", ()))
    if rest.lower() in words and known.symbol(rest) is None:
        return Command(other, (rest.lower(),))
    # Blanks instead of what stands before keep the columns of errors those of the whole line.
    line = " " * (len(text.rstrip()) - len(rest)) + rest
    try:
        found = arguments(spec, line, known, form)
    except WaitingError:
        return Command(spec.name, (), text)
    return Command(spec.name, found, notes=known.notes)


def arguments(spec: CommandSpec, line: str, known: Known, form: str = "") -> tuple[Argument, ...]:
    """The arguments in a line whose command has been blanked out."""
    kind = (spec.needs or spec.may)[0]
    rest = line.strip()
    match kind:
        case Kind.ADDRESS if Kind.ACCESS in spec.may:
            head, _, last = line.rpartition(" ")
            if head.strip() and last.lower() in ACCESSES:
                return evaluate(head, known), last.lower()
            return (evaluate(line, known),)
        case Kind.ADDRESS if spec.name == "x":
            return evaluate(line, known), form
        case Kind.INFO:
            return information(line, known)
        case Kind.ADDRESS if spec.name == "until":
            return (line_meant(line, known) or evaluate(line, known),)
        case Kind.ADDRESS:
            return (evaluate(line, known),)
        case Kind.EXPRESSION:
            return (printed(line, known, form),)
        case Kind.SHOWN:
            return shown(line, known, form)
        case Kind.STEPS if rest.lower() == "line":
            return ("line",)
        case Kind.NUMBER:
            return (evaluate(line, known),)
        case Kind.COUNT | Kind.STEPS:
            count = evaluate(line, known)
            if not 0 < count <= MOST_STEPS:
                raise CommandError(f"“{spec.name}” takes a number from 1 up, not {shortened(rest)}.")
            return (count,)
        case Kind.BREAKPOINT:
            if rest.lower() == "all":
                return ("all",)
            return (evaluate(line, known),)
        case Kind.PLACE | Kind.RANGE | Kind.CATCH | Kind.LOGGED:
            return (stop_language().new_stop(spec.name, line, known),)
        case Kind.CONDITION:
            number, text = stop_language().number_and(line, known)
            return int(number), str(text)
        case Kind.IGNORE:
            number, count = stop_language().number_and(line, known)
            return int(number), evaluate(count, known)
        case Kind.MOMENT:
            return (evaluate(line.replace("#", " ", 1).replace(",", ""), known),)
        case Kind.PAST:
            return (one_of(rest, PAST, "moment"),)
        case Kind.EVENT:
            return (one_of(rest, EVENTS, "event"),)
        case Kind.ASSIGNMENT:
            return (assignment(line, known),)
        case Kind.REGISTER:
            register = known.register(rest)
            if register is None:
                raise CommandError(unknown_register(rest, known))
            return (register,)
        case Kind.EYES:
            return eyes(rest, known)
        case Kind.THEME:
            return (one_of(rest, known.themes, "theme"),)
        case Kind.KEYMAP:
            return (one_of(rest, known.keymaps, "keymap"),)
        case Kind.WORKSPACE:
            return (one_of(rest, WORKSPACES, "workspace"),)
        case Kind.PANE:
            name = rest.lower()
            return (name if name in PANES else PANE_TABS.get(chosen := one_of(rest, TAB_NAMES, "pane"), chosen),)
        case _:
            return (rest,)


def information(line: str, known: Known) -> tuple[Argument, ...]:
    """(what `info` is asked for, of what: a register's name, a sentence, or "")."""
    word, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    wanted = gdb_words.INFO_LETTERS.get(word.lower(), word.lower())
    meant = [name for name in gdb_words.INFO if name.startswith(wanted)]
    if len(meant) != 1:
        listed = ", ".join(gdb_words.INFO)
        raise CommandError(f"“info” tells nothing of “{shortened(word)}”; there is {listed}.")
    if meant[0] in ("line", "symbol", "address"):
        if not rest:
            raise CommandError(f"“info {meant[0]}” needs an address or a name: info {meant[0]} pc.")
        return meant[0], printed(" " * (len(line.rstrip()) - len(rest)) + rest, known, "a")
    if meant[0] == "registers" and rest:
        register = known.register(rest.removeprefix("$"))
        if register is None:
            raise CommandError(unknown_register(rest, known))
        return meant[0], register
    return meant[0], ""


def stop_language() -> ModuleType:
    """It builds on this module, and is needed where somebody types a stop."""
    from mectui import stop_language

    return stop_language


def one_of(text: str, choices: Sequence[str], what: str) -> str:
    wanted = text.lower()
    for choice in choices:
        if choice.lower() == wanted:
            return choice
    raise CommandError(f"There is no {what} “{shortened(text)}”; there are {', '.join(choices)}.")


def eyes(rest: str, known: Known) -> tuple[Argument, ...]:
    word, _, number = rest.partition(" ")
    chosen = one_of(word, EYES, "view of memory")
    if chosen != "mecid":
        return (chosen,)
    if not number.strip():
        raise CommandError("“eyes mecid” needs the MECID to look through: eyes mecid 5.")
    mecid = evaluate(number, known)
    if mecid > 0xFFFF:
        raise CommandError(f"A MECID has 16 bits: {mecid:#x} is too large.")
    return chosen, mecid


EQUALS = re.compile(r"(?<![=!<>])=(?!=)")


REPLACES = re.compile(r"\s*([0-9]{1,6})\s*=(?!=)")
"""How `display` begins that replaces one."""


def assignment(line: str, known: Known) -> Assignment:
    """ "PLACE=VALUE", to be computed when it is carried out. Whether it fits is told now, where that is known."""
    found = EQUALS.search(line)
    if found is None or not line[found.end() :].strip() or not line[: found.start()].strip():
        raise CommandError("“set” needs a place and a value: set x0=5, set SCTLR_EL1.M=1, set [pa:0x4010_0000].w=5.")
    try:
        target = compile_target(line[: found.start()], known.vocabulary)
        expression = compiled(" " * found.end() + line[found.end() :], known)
        if known.call:
            require_present(known.call, target, expression, known)
        if not expression.needs_machine:
            target.check(expression.evaluate(known.values))
    except ExpressionError as error:
        raise CommandError(str(error), error.start) from None
    return Assignment(target, expression)


def require_present(call: int, target: Target, value: Expression, known: Known) -> None:
    """What is set is the present state, and must not depend on a call. Raises CommandError."""
    used = [target.base.name] if isinstance(target.base, RegisterName) else []
    for part in (value, target.address, target.mecid):
        used += () if part is None else sorted(part.names())
    for name in used:
        register = known.vocabulary.find_register(name)
        if register is not None and register.source in (*GENERAL, *STATE, *VECTORS):
            raise CommandError(
                f"{register.name} would be that of the present instruction here, and not that of call {call}: "
                "type “frame 0” first."
            )


def unknown_register(name: str, known: Known) -> str:
    near = difflib.get_close_matches(name.upper(), list(known.registers), 1)
    hint = f"; did you mean {near[0]}?" if near else "."
    return f"There is no register “{shortened(name)}”{hint}"


def evaluate(text: str, known: Known) -> int:
    """The value of an expression, an address or a number. Raises CommandError; WaitingError where it needs memory."""
    return valued(compiled(text, known), known)


def line_meant(text: str, known: Known) -> str:
    """The line of the source that a text is as a whole, "mec.c:40"; "" where it is anything else.

    It may begin in several places: who can do something with all of them keeps the text.
    """
    word = text.strip()
    is_quoted = len(word) > 2 and word[0] == word[-1] == "'"
    name = word[1:-1] if is_quoted else word
    if known.symbol(name) is not None or "'" in name or lines.parsed(name, is_quoted) is None:
        return ""
    return name


def compiled(text: str, known: Known) -> Expression:
    """An expression that has been understood."""
    try:
        return expressions.compile(text, known.vocabulary)
    except ExpressionError as error:
        raise CommandError(str(error), error.start) from None


def valued(expression: Expression, known: Known) -> int:
    try:
        return expression.evaluate(known.values)
    except NeedsMachineError as error:
        raise WaitingError(str(error), error.start) from None
    except ExpressionError as error:
        raise CommandError(str(error), error.start) from None
    except EmuError as error:
        raise CommandError(error_of(error)) from None


def printed(line: str, known: Known, form: str) -> str:
    """What `print` shows: the expression and its value."""
    expression = compiled(line, known)
    number = valued(expression, known)
    fields = register_fields(expression, known.values)
    return f"{shortened(line.strip())} is {values.value(expression, number, form, known.label, fields)}"


def shown(line: str, known: Known, form: str) -> tuple[Argument, ...]:
    """What `display` shows: (the number it replaces or 0, the expression, its format). It need have no value now."""
    place = REPLACES.match(line)
    number = 0 if place is None else int(place[1])
    if place is not None:
        if not number:
            raise CommandError("Displays are numbered from 1: display 1=x0 shows another expression in the first.")
        line = " " * place.end() + line[place.end() :]
    compiled(line, known)
    return number, line.strip(), form


def completions(text: str, known: Known, most: int = 40) -> list[str]:
    """Whole lines that `text` could become, the likeliest first."""
    if len(text) > LONGEST:
        return []
    called, space, rest = text.partition(" ")
    if not space:
        name = called.lower()
        names = [(spec, spec.name) for spec in COMMANDS if spec.name.startswith(name)]
        if not names:
            names = [(spec, each) for spec in COMMANDS for each in starting(spec.aliases, name)]
        return [f"{each} " if spec.needs else each for spec, each in names]
    try:
        spec = find(called.partition("/")[0])
    except CommandError:
        return []
    kinds = (*spec.needs, *spec.may)
    if not kinds:
        return []
    start = len(called) + 1
    found = [(at + start, word) for at, word in candidates(kinds, rest, known, most)]
    return [f"{text[:at]}{word}" for at, word in found][:most]


def candidates(kinds: tuple[Kind, ...], rest: str, known: Known, most: int) -> list[tuple[int, str]]:
    """(position in `rest`, what could stand from there)."""
    word = rest.rpartition(" ")[2]
    start = len(rest) - len(word)
    choices: list[str] = []
    match kinds[0]:
        case Kind.THEME:
            choices = starting(known.themes, word)
        case Kind.INFO:
            if " " in rest:
                behind = rest.index(" ") + 1
                return [(behind + at, each) for at, each in in_expression(rest[behind:], known, most)]
            choices = starting(tuple(gdb_words.INFO), word)
        case Kind.KEYMAP:
            choices = starting(known.keymaps, word)
        case Kind.WORKSPACE:
            choices = starting(WORKSPACES, word)
        case Kind.PANE:
            choices = starting(TAB_NAMES, word)
        case Kind.LESSON:
            choices = starting((*STEPS_OF_LESSONS, *lesson_names()), word) if " " not in rest.strip() else []
        case Kind.FOLDER:
            return [(0, folder) for folder in folders(rest, most)]
        case Kind.EYES:
            choices = starting(EYES, word) if " " not in rest.strip() else []
        case Kind.BREAKPOINT:
            choices = starting(("all",), word)
        case Kind.PAST:
            choices = starting(PAST, word)
        case Kind.EVENT:
            choices = starting(EVENTS, word)
        case Kind.PLACE | Kind.RANGE | Kind.CATCH | Kind.LOGGED:
            found: list[tuple[int, str]] = stop_language().candidates(kinds[0], rest, known, most)
            return found
        case Kind.REGISTER:
            choices = starting(list(known.registers), word)
        case Kind.ASSIGNMENT | Kind.SUPPOSITION if EQUALS.search(rest) is None:
            return targets(rest, known, most)
        case Kind.STEPS if "line".startswith(rest.lower()) and rest.lower() != "line":
            choices = ["line"]
        case (
            Kind.ADDRESS
            | Kind.EXPRESSION
            | Kind.SHOWN
            | Kind.ASSIGNMENT
            | Kind.SUPPOSITION
            | Kind.COUNT
            | Kind.NUMBER
            | Kind.STEPS
        ):
            if Kind.ACCESS in kinds and " " in rest:
                choices = starting(ACCESSES, word)
            return [*((start, each) for each in choices), *in_expression(rest, known, most)]
    return [(start, each) for each in choices]


def folders(typed: str, most: int) -> list[str]:
    """Folders that a path could go on with."""
    head, slash, start = typed.rpartition("/")
    try:
        with os.scandir(typed_path(f"{head}{slash}" or ".")) as entries:
            names = [entry.name for entry in itertools.islice(entries, MOST_FOLDERS) if entry.is_dir()]
    except (OSError, ValueError):
        return []
    shown = [name for name in sorted(names) if name.startswith(start) and (start or not name.startswith("."))]
    return [f"{head}{slash}{name}/" for name in shown if name.isprintable()][:most]


@cache
def lesson_names() -> list[str]:
    from mectui.lessons.shelf import lesson_files

    return [path.parent.name for path in lesson_files()]


def targets(rest: str, known: Known, most: int) -> list[tuple[int, str]]:
    """What a place to be changed could go on with: in a bracket an address, else a register or a field."""
    found = in_expression(rest, known, most)
    if rest.count("[") > rest.count("]"):
        return found
    names = known.vocabulary
    return [(at, f"{each}=") for at, each in found if is_settable(names.find_register(each.partition(".")[0]))]


def is_settable(register: RegisterName | None) -> bool:
    return register is not None and register.source not in STATE


def in_expression(rest: str, known: Known, most: int) -> list[tuple[int, str]]:
    return expressions.completions(rest, len(rest), known.vocabulary, most)


def starting(names: Sequence[str], word: str) -> list[str]:
    """Names that start with `word`, whatever the case; the word itself alone is no completion."""
    lowered = word.lower()
    return [name for name in names if name.lower().startswith(lowered) and name != word]

"""The command line's language: what a line of text asks for, or one sentence about what is wrong with it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

MASK64 = (1 << 64) - 1
MOST_STEPS = 10**12


class CommandError(Exception):
    """A line that cannot be understood; its text is one sentence for the person who typed it."""


class Kind(Enum):
    """What an argument is; completion offers what fits."""

    ADDRESS = "ADDRESS"
    COUNT = "N"
    ASSIGNMENT = "REGISTER=VALUE"
    EXPRESSION = "EXPRESSION"
    EYES = "seen|owner|mecid N"
    THEME = "THEME"
    WORKSPACE = "WORKSPACE"
    TEXT = "TEXT"
    ACCESS = "read|write|fetch"
    BREAKPOINT = "NUMBER|all"
    REGISTER = "REGISTER"


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command: its names, what it takes, what it does."""

    name: str
    help: str
    needs: tuple[Kind, ...] = ()
    may: tuple[Kind, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        return " ".join([self.name, *(kind.value for kind in self.needs), *(f"[{kind.value}]" for kind in self.may)])


COMMANDS = (
    CommandSpec("step", "Execute N instructions (1).", may=(Kind.COUNT,), aliases=("s", "si")),
    CommandSpec("next", "One instruction, or a whole call.", aliases=("n", "over")),
    CommandSpec("out", "Run to the end of this function.", aliases=("finish",)),
    CommandSpec("run", "Run until a breakpoint, exit or pause.", aliases=("c", "continue")),
    CommandSpec("until", "Run to an address.", needs=(Kind.ADDRESS,)),
    CommandSpec("pause", "Pause the running guest.", aliases=("stop",)),
    CommandSpec("restart", "Start again from reset."),
    CommandSpec("break", "Set or remove a breakpoint.", needs=(Kind.ADDRESS,), aliases=("b",)),
    CommandSpec("delete", "Remove a breakpoint by number, or all.", needs=(Kind.BREAKPOINT,), aliases=("d",)),
    CommandSpec("breakpoints", "List the breakpoints.", aliases=("breaks",)),
    CommandSpec("walk", "Show the page-table walk of an address.", (Kind.ADDRESS,), (Kind.ACCESS,), ("w",)),
    CommandSpec("goto", "Show an address in the disassembly.", needs=(Kind.ADDRESS,), aliases=("g",)),
    CommandSpec("mem", "Show memory at a virtual address.", needs=(Kind.ADDRESS,), aliases=("memory", "m")),
    CommandSpec("pmem", "Show memory at a physical address.", needs=(Kind.ADDRESS,)),
    CommandSpec("eyes", "Read memory as seen now, as its owner, or as a MECID.", needs=(Kind.EYES,)),
    CommandSpec("set", "Change a register.", needs=(Kind.ASSIGNMENT,)),
    CommandSpec("register", "Show a system register and its fields.", needs=(Kind.REGISTER,), aliases=("reg",)),
    CommandSpec("print", "Show the value of an expression.", needs=(Kind.EXPRESSION,), aliases=("p",)),
    CommandSpec("type", "Send text and a newline to the guest's console.", needs=(Kind.TEXT,)),
    CommandSpec("theme", "Change the theme.", needs=(Kind.THEME,)),
    CommandSpec("workspace", "Change the workspace: debug, translation, mec, lesson.", needs=(Kind.WORKSPACE,)),
    CommandSpec("help", "All keys and commands.", aliases=("h",)),
    CommandSpec("quit", "Leave mectui.", aliases=("q", "exit")),
)

WORKSPACES = ("debug", "translation", "mec", "lesson")
ACCESSES = ("read", "write", "fetch")
EYES = ("seen", "owner", "mecid")


@dataclass(frozen=True, slots=True)
class Command:
    """A line that was understood: the command's name and its arguments as values."""

    name: str
    arguments: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """The names a line may use: registers with their values at the last stop, symbols, themes."""

    registers: Mapping[str, int]
    symbol: Callable[[str], int | None]
    symbols: Callable[[], Sequence[str]]
    themes: Sequence[str] = ()

    def register(self, name: str) -> str | None:
        """A register's proper name, whatever case it was typed in."""
        for candidate in (name, name.lower(), name.upper()):
            if candidate in self.registers:
                return candidate
        return {"lr": "x30", "fp": "x29"}.get(name.lower()) if self.registers else None


def find(name: str) -> CommandSpec:
    """The command called `name`. Raises CommandError with the nearest name."""
    lowered = name.lower()
    for spec in COMMANDS:
        if lowered == spec.name or lowered in spec.aliases:
            return spec
    names = [spec.name for spec in COMMANDS]
    near = sorted(difflib.get_close_matches(lowered, names), key=lambda near: near[0] != lowered[0])
    hint = f"did you mean “{near[0]}”?" if near else "“help” lists them all."
    raise CommandError(f"There is no command “{shortened(name)}”; {hint}")


def shortened(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def parse(text: str, known: Known) -> Command:
    """What `text` asks for. Raises CommandError."""
    name, _, rest = text.strip().partition(" ")
    if not name:
        raise CommandError("Type a command; “help” lists them all.")
    spec = find(name)
    rest = rest.strip()
    if not rest:
        if spec.needs:
            raise CommandError(f"“{spec.name}” needs {spec.needs[0].value}: {spec.usage}.")
        return Command(spec.name)
    if not spec.needs and not spec.may:
        raise CommandError(f"“{spec.name}” takes nothing after it, not “{shortened(rest)}”.")
    return Command(spec.name, arguments(spec, rest, known))


def arguments(spec: CommandSpec, rest: str, known: Known) -> tuple[int | str, ...]:
    kind = (spec.needs or spec.may)[0]
    match kind:
        case Kind.ADDRESS if Kind.ACCESS in spec.may:
            head, _, last = rest.rpartition(" ")
            if head and last.lower() in ACCESSES:
                return evaluate(head, known), last.lower()
            return (evaluate(rest, known),)
        case Kind.ADDRESS | Kind.EXPRESSION:
            return (evaluate(rest, known),)
        case Kind.COUNT:
            count = evaluate(rest, known)
            if not 0 < count <= MOST_STEPS:
                raise CommandError(f"“{spec.name}” takes a number from 1 up, not {shortened(rest)}.")
            return (count,)
        case Kind.BREAKPOINT:
            if rest.lower() == "all":
                return ("all",)
            return (evaluate(rest, known),)
        case Kind.ASSIGNMENT:
            return assignment(rest, known)
        case Kind.REGISTER:
            register = known.register(rest)
            if register is None:
                raise CommandError(unknown_register(rest, known))
            return (register,)
        case Kind.EYES:
            return eyes(rest, known)
        case Kind.THEME:
            return (one_of(rest, known.themes, "theme"),)
        case Kind.WORKSPACE:
            return (one_of(rest, WORKSPACES, "workspace"),)
        case _:
            return (rest,)


def one_of(text: str, choices: Sequence[str], what: str) -> str:
    wanted = text.lower()
    for choice in choices:
        if choice.lower() == wanted:
            return choice
    raise CommandError(f"There is no {what} “{shortened(text)}”; there are {', '.join(choices)}.")


def eyes(rest: str, known: Known) -> tuple[int | str, ...]:
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


def assignment(rest: str, known: Known) -> tuple[int | str, ...]:
    name, equals, value = rest.partition("=")
    if not equals or not value.strip():
        raise CommandError("“set” needs a register and a value: set x0=5.")
    register = known.register(name.strip())
    if register is None:
        raise CommandError(unknown_register(name.strip(), known))
    number = evaluate(value, known)
    if register == "nzcv" and number > 15:
        raise CommandError("nzcv has four bits: give it a value from 0 to 15.")
    return register, number


def unknown_register(name: str, known: Known) -> str:
    near = difflib.get_close_matches(name.upper(), list(known.registers), 1)
    hint = f"; did you mean {near[0]}?" if near else "."
    return f"There is no register “{shortened(name)}”{hint}"


TERM = re.compile(r"\s*(?P<sign>[+-])?\s*(?P<term>[^\s+-]+)")


def evaluate(text: str, known: Known) -> int:
    """The value of numbers, symbols and registers joined by + and -, modulo 2**64. Raises CommandError."""
    stripped = text.strip()
    if not stripped:
        raise CommandError("An address or a value is missing.")
    exact = known.symbol(stripped)
    if exact is not None:
        return exact & MASK64
    total, at = 0, 0
    while at < len(stripped):
        match = TERM.match(stripped, at)
        if match is None or (at and match["sign"] is None):
            raise CommandError(
                f"“{shortened(stripped)}” is no address: join numbers, symbols and registers with + and -."
            )
        value = term(match["term"], known)
        total += -value if match["sign"] == "-" else value
        at = match.end()
    return total & MASK64


def term(text: str, known: Known) -> int:
    """One number, symbol or register."""
    if text[0].isdigit():
        return number(text)
    register = known.register(text)
    symbol = known.symbol(text)
    if symbol is not None:
        return symbol
    if register is not None:
        return known.registers[register]
    near = difflib.get_close_matches(text, [*known.symbols()[:5000], *known.registers], 1)
    hint = f"did you mean “{near[0]}”?" if near else "numbers look like 0x4000_0000 or 42."
    raise CommandError(f"There is no symbol or register “{shortened(text)}”; {hint}")


def number(text: str) -> int:
    try:
        value = int(text.replace("_", ""), 0)
    except ValueError:
        raise CommandError(f"“{shortened(text)}” is no number; write 0x4000_0000, 42 or 0b101.") from None
    if value > MASK64:
        raise CommandError(f"“{shortened(text)}” does not fit into 64 bits.")
    return value


def completions(text: str, known: Known, most: int = 40) -> list[str]:
    """Whole lines that `text` could become, the likeliest first."""
    name, space, rest = text.partition(" ")
    if not space:
        return [f"{spec.name} " if spec.needs else spec.name for spec in COMMANDS if spec.name.startswith(name.lower())]
    try:
        spec = find(name)
    except CommandError:
        return []
    kinds = (*spec.needs, *spec.may)
    if not kinds:
        return []
    match = re.search(r"[^\s+=-]*$", rest)
    word = match[0] if match else ""
    stem = text[: len(text) - len(word)]
    return [f"{stem}{candidate}" for candidate in candidates(kinds, rest, word, known)[:most]]


def candidates(kinds: tuple[Kind, ...], rest: str, word: str, known: Known) -> list[str]:
    match kinds[0]:
        case Kind.THEME:
            return starting(known.themes, word)
        case Kind.WORKSPACE:
            return starting(WORKSPACES, word)
        case Kind.EYES:
            return starting(EYES, word) if " " not in rest.strip() else []
        case Kind.BREAKPOINT:
            return starting(("all",), word)
        case Kind.REGISTER:
            return starting(list(known.registers), word)
        case Kind.ASSIGNMENT if "=" not in rest:
            return [f"{name}=" for name in starting(list(known.registers), word)]
        case Kind.ADDRESS | Kind.EXPRESSION | Kind.ASSIGNMENT:
            accesses = starting(ACCESSES, word) if Kind.ACCESS in kinds and " " in rest else []
            if not word and not accesses:
                return []
            return [*accesses, *starting(known.symbols(), word), *starting(list(known.registers), word)]
    return []


def starting(names: Sequence[str], word: str) -> list[str]:
    """Names that start with `word`, whatever the case; the word itself alone is no completion."""
    lowered = word.lower()
    return [name for name in names if name.lower().startswith(lowered) and name != word]

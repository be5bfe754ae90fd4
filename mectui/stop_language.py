"""What people type to make a stop: places, ranges, what to catch, conditions, messages; and how it is completed."""

from __future__ import annotations

import re
from dataclasses import replace

from emu.architecture import PAS
from emu.debug import expressions
from emu.debug.expressions import ExpressionError
from emu.debug.stops import CATCHES, CatchKind, CatchStop, CodeStop, Place, WatchStop, given
from emu.debug.stops import catches as catching
from emu.debug.stops.texts import pieces_of
from emu.errors import EmuError
from mectui.command_table import Kind
from mectui.commandline import (
    CommandError,
    Known,
    compiled,
    evaluate,
    in_expression,
    line_meant,
    one_of,
    shortened,
    starting,
)
from mectui.stop_orders import Common, NewCatch, NewCode, NewStop, NewWatch

KINDS = (Kind.PLACE, Kind.RANGE, Kind.CATCH, Kind.LOGGED)
WATCHES = {"watch": (False, True), "rwatch": (True, False), "awatch": (True, True)}
"""Reads, writes."""
SPACES = {"pa": None, "realm": PAS.REALM, "root": PAS.ROOT, "secure": PAS.SECURE, "ns": PAS.NON_SECURE}
"""What may stand before a physical address; with an address space only accesses through it count."""
_MEMORY = re.compile(r"\s*\[(?P<address>[^][]*)\](?:\.(?P<letter>[bhwx]))?\s*", re.IGNORECASE)
"""Memory as expressions write it: "[realm:shared_page].w"."""
_SIZES = {"b": 1, "h": 2, "w": 4, "x": 8}
_IF = re.compile(r"(?<!\S)if(?!\S)")
_IGNORE = re.compile(r"(?<!\S)ignore\s+(\S+)\s*$")
_SPACE = re.compile(r"\s*\*?\s*(pa|realm|root|secure|ns)\s*:", re.IGNORECASE)
_WALKS = re.compile(r"(?<!\S)walks\s*$")
_CODE = CodeStop(place=Place(0))
_WATCH = WatchStop(place=Place(0))


def new_stop(command: str, line: str, known: Known) -> NewStop:
    """The stop that a command's line asks for; the command itself has been blanked out. Raises CommandError."""
    log = ""
    if command == "log":
        line, log = _message(line)
        word, _, rest = line.strip().partition(" ")
        if word in ("catch", *WATCHES):
            command, line = word, " " * (len(line.rstrip()) - len(rest.strip())) + rest.strip()
        else:
            command = "break"
    condition, head = "", line
    found = _IF.search(line)
    if found is not None:
        head, condition = line[: found.start()], " " * found.end() + line[found.end() :]
    condition, first = _ignored(condition, known)
    head, second = _ignored(head, known)
    if found is not None and not condition.strip():
        raise CommandError("A condition is missing after “if”.", found.start())
    if not head.strip():
        raise CommandError("The place is missing: an address, a symbol, or pa: and a physical address.")
    common = Common(condition.strip(), log, first or second)
    if command == "catch":
        kind, argument = _caught(head)
        _check(condition, log, CatchStop(kind=kind), known)
        return NewCatch(kind, argument, common)
    if command in WATCHES:
        _check(condition, log, _WATCH, known)
        return _watched(command, head, known, common)
    _check(condition, log, _CODE, known)
    head, is_physical, _ = _space(head)
    source = line_meant(head, known)
    address = 0 if source else evaluate(head, known)
    return NewCode(address, is_physical, command == "tbreak", common, source)


def _message(line: str) -> tuple[str, str]:
    """(the line without it, the message) of a `log`."""
    start, end = line.find('"'), line.rfind('"')
    if start < 0 or end == start:
        raise CommandError('“log” needs a message in quotes: log PLACE "x0 is {x0}".')
    text = line[start + 1 : end]
    if not text:
        raise CommandError("The message is empty.", start)
    return line[:start] + " " * (end + 1 - start) + line[end + 1 :], text


def _ignored(text: str, known: Known) -> tuple[str, int]:
    """(the text before it, N) of "ignore N" at the end of a text."""
    found = _IGNORE.search(text)
    if found is None:
        return text, 0
    return text[: found.start()], evaluate(" " * found.start(1) + found[1], known)


def _space(text: str) -> tuple[str, bool, PAS | None]:
    """(the address with what stood before it blanked out, whether it is physical, the space it names)."""
    found = _SPACE.match(text)
    if found is None:
        return text.replace("*", " ", 1) if text.lstrip().startswith("*") else text, False, None
    return " " * found.end() + text[found.end() :], True, SPACES[found[1].lower()]


def _location(text: str) -> tuple[str, str]:
    """(the address in it, the letter of its size or "") of a watched place that is written as memory is in expressions.

    What is watched is that memory itself, as in debuggers everywhere, not the address it holds. Raises CommandError.
    """
    found = _MEMORY.fullmatch(text)
    if found is None:
        return text, ""
    address = found["address"]
    if re.match(r"\s*mecid\b", address, re.IGNORECASE):
        raise CommandError(
            "Which MECID accesses it is a condition: watch realm:ADDRESS if mecid == 5.", found.start("address")
        )
    if re.match(r"\s*raw\s*:", address, re.IGNORECASE):
        raise CommandError(
            "Accesses go to addresses, not to memory chips: write pa: before it.", found.start("address")
        )
    start, end = found.span("address")
    return " " * start + address + " " * (len(text) - end), (found["letter"] or "").lower()


def _watched(command: str, head: str, known: Known, common: Common) -> NewWatch:
    walks = _WALKS.search(head)
    if walks is not None:
        head = head[: walks.start()]
    head, letter = _location(head)
    head, is_physical, pas = _space(head)
    if walks is not None and not is_physical:
        raise CommandError("Table walks go by physical addresses: write pa: before the address.", walks.start())
    size: int | None = _SIZES[letter] if letter else None
    start, dots, end = head.partition("..")
    if dots:
        first = evaluate(start, known)
        last = evaluate(" " * (len(start) + 2) + end, known)
        if last < first:
            raise CommandError(f"The range ends before it starts: {first:#x} to {last:#x}.", len(start) + 2)
        size = last - first + 1
    else:
        start, comma, text = head.partition(",")
        first = evaluate(start, known)
        if comma:
            size = evaluate(" " * (len(start) + 1) + text, known)
            if size < 1:
                raise CommandError("A range has at least one byte.", len(start) + 1)
    reads, writes = WATCHES[command]
    return NewWatch(first, size, reads, writes, is_physical, walks is not None, pas, common)


def _caught(head: str) -> tuple[CatchKind, str]:
    word, _, argument = head.strip().partition(" ")
    kind = CatchKind(one_of(word, [kind.value for kind in CatchKind], "kind of catch"))
    argument = argument.strip()
    try:
        catching.matcher(kind, argument)
    except EmuError as error:
        text = str(error)
        raise CommandError(
            f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}",
            head.find(argument) if argument else None,
        ) from None
    return kind, argument


def _check(condition: str, log: str, stop: CodeStop | WatchStop | CatchStop, known: Known) -> None:
    """Raises CommandError where the condition or the message cannot be understood."""
    words = replace(known, given=given(stop))
    if condition.strip():
        compiled(condition, words)
    try:
        pieces_of(log, words.vocabulary)
    except ExpressionError as error:
        raise CommandError(f"The message cannot be understood: {error}") from None


def number_and(line: str, known: Known) -> tuple[int, str]:
    """(a stop's number, what follows it) of a line."""
    word, _, rest = line.strip().partition(" ")
    try:
        number = int(word, 0)
    except ValueError:
        raise CommandError(f"“{shortened(word)}” is no stop's number; “stops” lists them.") from None
    return number, rest.strip()


# Completion.


def candidates(kind: Kind, rest: str, known: Known, most: int) -> list[tuple[int, str]]:
    """(position in `rest`, what could stand from there)."""
    found = _IF.search(rest)
    head = rest if found is None else rest[: found.start()]
    word, space, argument = head.lstrip().partition(" ")
    if found is not None:
        stop: CodeStop | WatchStop | CatchStop = _WATCH if kind is Kind.RANGE else _CODE
        if kind is Kind.CATCH and word in set(CatchKind):
            stop = CatchStop(kind=CatchKind(word))
        words = replace(known, given=given(stop)).vocabulary
        start = found.end() + 1
        names = expressions.completions(rest[start:], len(rest) - start, words, most)
        own = [item.name for item in given(stop)]
        last = re.search(r"[\w.$]*$", rest)
        at = len(rest) if last is None else last.start()
        return [*((at, name) for name in starting(own, rest[at:])), *((start + place, name) for place, name in names)]
    if kind is not Kind.CATCH:
        found_space = _SPACE.match(rest)
        start = 0 if found_space is None else found_space.end()
        return [(start + place, name) for place, name in in_expression(rest[start:], known, most)]
    if not space:
        return [(len(head) - len(word), name) for name in starting([kind.value for kind in CatchKind], word)]
    if word not in set(CatchKind):
        return []
    choices = CATCHES[CatchKind(word)].choices()
    return [(len(rest) - len(argument), name) for name in starting(choices, argument.lstrip())]

"""Stops of each guest and what it shows at them, kept in the user's state folder from one session to the next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any, TypeVar

from emu.architecture import PAS
from emu.debug.stops import AnyStop, CatchKind, CatchStop, CodeStop, KeptStop, Place, WatchStop
from mectui import files
from mectui.displays import MOST, Display
from mectui.render.numbers import plural
from mectui.render.values import FORMATS

SCHEMA = 1
_MOST = 1_000
LONGEST = 4_096
"""Characters of an expression in the file."""
NUMBERS = 1 << 31
"""Stops and displays have numbers from 1 to below this."""
_COMMON = ("condition", "log", "ignore", "is_temporary")


def folder() -> Path:
    return files.state_folder() / "stops"


class GuestFile:
    """A file about one guest: found again by its path, and by its content where it was moved."""

    def __init__(self, guest: Path, store: Callable[[], Path]) -> None:
        self._guest = guest
        self._store = store
        self._names: tuple[str, str] | None = None

    def candidates(self) -> list[tuple[Path, bool]]:
        """Files that may be this guest's, the likeliest first, each with whether the guest is still the same."""
        by_path, by_content = self._keys()
        store = self._store()
        try:
            names = sorted(entry.name for entry in store.glob("*-*.json"))
        except OSError:
            return []
        exact = f"{by_path}-{by_content}.json"
        found = [(exact, True)] if exact in names else []
        found += [(name, False) for name in names if name.startswith(f"{by_path}-") and name != exact]
        found += [(name, True) for name in names if name.endswith(f"-{by_content}.json") and name != exact]
        return [(store / name, is_same) for name, is_same in found]

    def path(self) -> Path:
        """Where it is saved."""
        by_path, by_content = self._keys()
        return self._store() / f"{by_path}-{by_content}.json"

    def save(self, values: Mapping[str, Any]) -> None:
        """Written as a whole or not at all. A state folder that cannot be written is no reason to stop."""
        by_path, by_content = self._keys()
        store = self._store()
        text = json.dumps({"schema": SCHEMA, "guest": str(self._guest), **values})
        if not files.replace_text(store / f"{by_path}-{by_content}.json", text):
            return
        with suppress(OSError):
            for other in store.glob(f"{by_path}-*.json"):
                if other.name != f"{by_path}-{by_content}.json":
                    other.unlink(missing_ok=True)

    def _keys(self) -> tuple[str, str]:
        """(the path's, the content's); read once: a guest that is rebuilt while it is open is still the one loaded."""
        if self._names is None:
            path = hashlib.sha256(str(self._guest.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:20]
            try:
                content = hashlib.sha256(self._guest.read_bytes()).hexdigest()[:20]
            except OSError:
                content = "unreadable"
            self._names = path, content
        return self._names


class SavedStops:
    """The stops of one guest, and beside them what it shows at every stop."""

    def __init__(self, guest: Path, store: Path | None = None) -> None:
        self._file = GuestFile(guest, lambda: folder() if store is None else store)
        self._known: list[KeptStop] | None = None
        """As this screen had them when it last loaded or saved; None before it loaded."""
        self.displays = SavedDisplays(guest, None if store is None else store / "displays")

    def load(self) -> tuple[list[KeptStop], str]:
        """The stops, and a sentence about them ("" where there are none)."""
        found, said = self._load()
        self._known = found
        return found, said

    def _load(self) -> tuple[list[KeptStop], str]:
        problem = ""
        for file, is_same in self._file.candidates():
            found = _read(file)
            if found is None:
                problem = problem or files.set_aside(file)
                continue
            if not is_same:
                # A bare address may be anything in a new build; what a symbol names is still that.
                found = [
                    item if _is_named(item.stop) else KeptStop(item.number, item.stop, is_enabled=False)
                    for item in found
                ]
            if not found:
                return [], problem
            changed = "" if is_same else "; the guest has changed since, so those at bare addresses are off"
            return found, f"{plural(len(found), 'stop')} of the last time put back{changed}. “stops” lists them."
        return [], problem

    def save(self, stops: tuple[KeptStop, ...]) -> None:
        """All but the temporary ones, and those that another screen has put into the file meanwhile."""
        mine = [item for item in stops if not item.stop.is_temporary]
        theirs = None if self._known is None else _read(self._file.path())
        both = mine if self._known is None or theirs is None else merged(self._known, mine, theirs)
        self._known = mine
        self._file.save({"stops": [written(item) for item in both]})


class SavedDisplays:
    """The expressions that one guest shows at every stop."""

    def __init__(self, guest: Path, store: Path | None = None) -> None:
        self._file = GuestFile(guest, lambda: folder().parent / "displays" if store is None else store)
        self._known: list[Display] | None = None

    def load(self) -> list[Display]:
        """None where nothing was saved, or where the file is damaged."""
        self._known = []
        for file, _ in self._file.candidates():
            found = _read_displays(file)
            if found is None:
                files.set_aside(file)
                continue
            self._known = found
            break
        return list(self._known)

    def save(self, displays: Sequence[Display]) -> None:
        """These, and those that another screen has put into the file meanwhile."""
        mine = list(displays)
        theirs = None if self._known is None else _read_displays(self._file.path())
        both = mine if self._known is None or theirs is None else merged(self._known, mine, theirs)[:MOST]
        self._known = mine
        self._file.save({"displays": [{"number": item.number, "text": item.text, "form": item.form} for item in both]})


def _read_displays(file: Path) -> list[Display] | None:
    """None where the file is damaged, or of a version that nobody here knows."""
    try:
        data = json.loads(files.read_text(file))
        found = [_display(item) for item in data["displays"][:MOST]] if data["schema"] == SCHEMA else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return None if found is None else list({item.number: item for item in found}.values())


Numbered = TypeVar("Numbered", KeptStop, Display)


def merged(known: Sequence[Numbered], mine: Sequence[Numbered], theirs: Sequence[Numbered]) -> list[Numbered]:
    """`theirs` with what this screen has changed since `known`: gone is gone, new is new, under a free number."""
    before, after = [_nameless(item) for item in known], [_nameless(item) for item in mine]
    found = [item for item in theirs if _nameless(item) not in before or _nameless(item) in after]
    there = [_nameless(item) for item in found]
    for item, nameless in zip(mine, after, strict=True):
        if nameless not in before and nameless not in there:
            taken = {other.number for other in found}
            free = (number for number in chain(range(item.number, NUMBERS), count(1)) if number not in taken)
            found.append(replace(item, number=next(free)))
    return sorted(found, key=lambda item: item.number)


def _nameless(item: Numbered) -> Numbered:
    return replace(item, number=0)


def _display(values: Mapping[str, Any]) -> Display:
    number, form = _typed(values["number"], int), _typed(values["form"], str)
    if not 0 < number < NUMBERS or (form and form not in FORMATS):
        raise ValueError("no display")
    return Display(number, _typed(values["text"], str)[:LONGEST], form)


def _is_named(stop: AnyStop) -> bool:
    return isinstance(stop, CatchStop) or bool(stop.place.symbol or stop.place.source)


# To JSON and back.


def written(item: KeptStop) -> dict[str, Any]:
    """A stop as plain values."""
    stop = item.stop
    values: dict[str, Any] = {"number": item.number, "enabled": item.is_enabled}
    values |= {name: getattr(stop, name) for name in _COMMON if getattr(stop, name)}
    if isinstance(stop, CatchStop):
        return values | {"catch": stop.kind.value, "argument": stop.argument}
    place = stop.place
    where = {"address": place.address, "symbol": place.symbol, "offset": place.offset, "physical": place.is_physical}
    where |= {"line": place.source} if place.source else {}
    if isinstance(stop, CodeStop):
        return values | {"break": where}
    return values | {
        "watch": where, "size": stop.size, "reads": stop.reads, "writes": stop.writes, "walks": stop.walks,
        "pas": None if stop.pas is None else stop.pas.label,
    }  # fmt: skip


def _read(file: Path) -> list[KeptStop] | None:
    """None where the file is damaged, or of a version that nobody here knows."""
    try:
        data = json.loads(files.read_text(file))
        if data["schema"] != SCHEMA:
            return None
        return [read(item) for item in data["stops"][:_MOST]]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def read(values: Mapping[str, Any]) -> KeptStop:
    """A stop from plain values. Raises ValueError, TypeError or KeyError where they are none."""
    common: dict[str, Any] = {
        "condition": _typed(values.get("condition", ""), str), "log": _typed(values.get("log", ""), str),
        "ignore": _typed(values.get("ignore", 0), int),
    }  # fmt: skip
    stop: AnyStop
    if "catch" in values:
        stop = CatchStop(kind=CatchKind(values["catch"]), argument=_typed(values["argument"], str), **common)
    elif "break" in values:
        stop = CodeStop(place=_place(values["break"]), **common)
    else:
        stop = WatchStop(
            place=_place(values["watch"]), size=_typed(values["size"], int), reads=_typed(values["reads"], bool),
            writes=_typed(values["writes"], bool), walks=_typed(values["walks"], bool), **common,
        )  # fmt: skip
        if values["pas"] is not None:
            stop = replace(stop, pas=_spaces()[values["pas"]])
    number = _typed(values["number"], int)
    if not 0 < number < NUMBERS:
        raise ValueError("no number of a stop")
    return KeptStop(number, stop, _typed(values["enabled"], bool))


def _place(values: Mapping[str, Any]) -> Place:
    address = values["address"]
    return Place(
        None if address is None else _typed(address, int) & (1 << 64) - 1, _typed(values["symbol"], str),
        _typed(values["offset"], int), _typed(values["physical"], bool),
        _typed(values.get("line", ""), str),
    )  # fmt: skip


def _spaces() -> dict[str, PAS]:
    return {pas.label: pas for pas in PAS}


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value

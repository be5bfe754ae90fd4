"""What the screen remembers between runs: theme, keymap, and the arrangement of panes for each guest."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mectui import files

GUESTS_KEPT = 50


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How somebody left the panes: the workspace, and the pane in front of each place of each workspace."""

    workspace: str = "debug"
    fronts: dict[str, list[str]] = field(default_factory=dict)
    """Panes that were brought to the front, by workspace."""
    code: str = ""
    """What the pane of code shows, where somebody chose: the name of a `CodeMode`."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """`None` where nobody has chosen."""

    theme: str | None = None
    keymap: str | None = None
    arrangements: dict[str, Arrangement] = field(default_factory=dict)
    """By guest, the one used last at the end."""


def store() -> Path:
    return files.state_folder() / "preferences.json"


def load() -> Preferences:
    """What is on disk; a file that is missing or makes no sense counts as empty."""
    return _read() or Preferences()


def check() -> str:
    """Moves a file that makes no sense out of the way. A sentence about it, "" where all is well."""
    return "" if _read() is not None else files.set_aside(store())


def _read() -> Preferences | None:
    try:
        return _understood(json.loads(files.read_text(store())))
    except (OSError, ValueError, RecursionError):
        return None


def _understood(data: Any) -> Preferences | None:
    if not isinstance(data, dict):
        return None
    arrangements = {}
    kept = data.get("arrangements")
    for guest, value in kept.items() if isinstance(kept, dict) else ():
        fronts = value.get("fronts", {}) if isinstance(value, dict) else None
        if isinstance(fronts, dict) and isinstance(value.get("workspace"), str):
            chosen = {
                name: [pane for pane in panes if isinstance(pane, str)]
                for name, panes in fronts.items()
                if isinstance(panes, list)
            }
            code = value.get("code", "")
            arrangements[guest] = Arrangement(value["workspace"], chosen, code if isinstance(code, str) else "")
    theme, keymap = data.get("theme"), data.get("keymap")
    return Preferences(
        theme if isinstance(theme, str) else None, keymap if isinstance(keymap, str) else None, arrangements
    )


def save(preferences: Preferences) -> None:
    """Writes the file as a whole or not at all; a folder that cannot be written is no reason to stop."""
    files.replace_text(store(), json.dumps(asdict(preferences), indent=1))


def change(edit: Callable[[Preferences], Preferences]) -> None:
    """Changes what is on disk now: another mectui may have changed something else since this one began."""
    save(edit(load()))


def with_arrangement(preferences: Preferences, guest: str, arrangement: Arrangement) -> Preferences:
    """`preferences` with one guest's panes; the guests not seen for longest are forgotten."""
    others = {name: value for name, value in preferences.arrangements.items() if name != guest}
    kept = [*others.items(), (guest, arrangement)][-GUESTS_KEPT:]
    return replace(preferences, arrangements=dict(kept))

"""Where a reader is in each lesson, kept in the user's state folder; a damaged file is as good as none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mectui import files
from mectui.lessons.text import Lesson

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Bookmark:
    """The step a reader is at (from 1), and the numbers of the steps that are done."""

    step: int = 1
    done: frozenset[int] = frozenset()

    def is_finished(self, lesson: Lesson) -> bool:
        return all(step.number in self.done for step in lesson.steps)


def place(name: str) -> Path:
    return files.state_folder() / "lessons" / f"{name}.json"


def load(lesson: Lesson) -> Bookmark:
    """The bookmark of a lesson; at its beginning where there is none. Steps that are no longer there are left out."""
    path, last = place(lesson.name), len(lesson.steps)
    kept = _read(path)
    if kept is None:
        return Bookmark()
    step, done = kept.get("step"), kept.get("done")
    numbers = {number for number in done if is_step(number, last)} if isinstance(done, list) else set()
    return Bookmark(step if isinstance(step, int) and is_step(step, last) else 1, frozenset(numbers))


def _read(path: Path) -> dict[str, Any] | None:
    """None where there is no file, or none that this version understands."""
    try:
        kept = json.loads(files.read_text(path))
    except (OSError, ValueError, RecursionError):
        return None
    return kept if isinstance(kept, dict) and kept.get("schema") == SCHEMA else None


def is_step(value: object, last: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= last


def save(name: str, bookmark: Bookmark) -> bool:
    """Replaces the file as a whole. A folder that cannot be written is no reason to stop: False, and that is all."""
    path = place(name)
    text = json.dumps({"schema": SCHEMA, "step": bookmark.step, "done": sorted(bookmark.done)})
    if _read(path) is None:
        files.set_aside(path)
    return files.replace_text(path, text)

"""Where a reader is in each lesson, kept in the user's state folder; a damaged file is as good as none."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mectui.lessons.text import Lesson

SCHEMA = 1
LARGEST = 1 << 16
"""Bytes of a file that could be one of ours."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """The step a reader is at (from 1), and the numbers of the steps that are done."""

    step: int = 1
    done: frozenset[int] = frozenset()

    def is_finished(self, lesson: Lesson) -> bool:
        return all(step.number in self.done for step in lesson.steps)


def place(name: str) -> Path:
    from platformdirs import user_state_path

    return user_state_path("mectui") / "lessons" / f"{name}.json"


def load(lesson: Lesson) -> Bookmark:
    """The bookmark of a lesson; at its beginning where there is none. Steps that are no longer there are left out."""
    path, last = place(lesson.name), len(lesson.steps)
    try:
        if path.stat().st_size > LARGEST:
            return Bookmark()
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return Bookmark()
    if not isinstance(kept, dict) or kept.get("schema") != SCHEMA:
        return Bookmark()
    step, done = kept.get("step"), kept.get("done")
    numbers = {number for number in done if is_step(number, last)} if isinstance(done, list) else set()
    return Bookmark(step if isinstance(step, int) and is_step(step, last) else 1, frozenset(numbers))


def is_step(value: object, last: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= last


def save(name: str, bookmark: Bookmark) -> bool:
    """Replaces the file as a whole. A folder that cannot be written is no reason to stop: False, and that is all."""
    path = place(name)
    text = json.dumps({"schema": SCHEMA, "step": bookmark.step, "done": sorted(bookmark.done)})
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{name}-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        return False
    return True

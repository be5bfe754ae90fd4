"""The lessons that come with mectui, in the order they are meant to be taken."""

from __future__ import annotations

import difflib
from pathlib import Path

from mectui import files
from mectui.lessons.reading import read
from mectui.lessons.text import Lesson, LessonError
from mectui.resources import folder

FILE = "lesson.md"


def lesson_files() -> list[Path]:
    """Every bundled `lesson.md`, by folder."""
    root = folder("guests")
    return [] if root is None else sorted(root.glob(f"*/{FILE}"))


def open_lesson(path: Path) -> Lesson:
    """Reads a lesson's file. Raises LessonError."""
    try:
        text = files.read_text(path)
    except OSError as error:
        raise LessonError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise LessonError(f"{path} is not text in UTF-8, byte {error.start} is wrong") from error
    return read(text, path)


def lessons() -> list[Lesson]:
    """All bundled lessons in their order. Raises LessonError."""
    return sorted(map(open_lesson, lesson_files()), key=lambda lesson: (lesson.order, lesson.name))


def find_lesson(name: str) -> Lesson:
    """A lesson by its name, or by its number in the list from 1. Raises LessonError with the nearest name."""
    found = lessons()
    if name.isdecimal() and len(name) < 10 and 1 <= int(name) <= len(found):
        return found[int(name) - 1]
    for lesson in found:
        if lesson.name == name.lower():
            return lesson
    names = [lesson.name for lesson in found]
    near = difflib.get_close_matches(name.lower(), names, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names) or 'none'}"
    raise LessonError(f"there is no lesson {name!r}; {hint}")

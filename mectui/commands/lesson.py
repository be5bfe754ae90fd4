"""mectui lesson: the list of lessons, one of them on the screen, or carried out without a screen."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from typing import Any

from emu.errors import EmuError
from mectui.commands.options import Parser, integer
from mectui.commands.terminal import require_terminal
from mectui.lessons import bookmark
from mectui.lessons.check import StepReport
from mectui.lessons.shelf import find_lesson, lessons
from mectui.lessons.text import Lesson
from mectui.render import lesson as render
from mectui.render.text import plain

SCHEMA = 1
WIDTH = 100
EPILOG = """\
exit codes: 0; 1 when --check found something wrong; 2 for wrong input.
"""


def main(arguments: Sequence[str]) -> int:
    parser = Parser(
        prog="mectui lesson",
        description="Learn how memory encryption contexts work, ten minutes at a time.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="a lesson's name or number; none lists them all")
    parser.add_argument("--step", type=integer, metavar="N", help="begin at this step (where you left)")
    parser.add_argument("--restart", action="store_true", help="begin at the first step and forget what was done")
    parser.add_argument("--theme", metavar="NAME", help="colours of the screen")
    parser.add_argument("--keymap", metavar="NAME", help="keys: default, gdb, vim, function-keys, or mine (your own)")
    parser.add_argument("--plain", action="store_true", help="for screen readers: one pane at a time, no frames")
    parser.add_argument("--check", action="store_true",
                        help="carry it out without a screen, check every goal and question")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON: the list, or what --check found")
    options = parser.parse_args(arguments)
    if options.check:
        return check_all([find_lesson(options.name)] if options.name else lessons(), options.json)
    if options.name is None:
        list_lessons(lessons(), options.json)
        return 0
    if options.json:
        raise EmuError("--json prints the list of lessons, or what --check found: leave out the name, or add --check")
    return open_lesson(find_lesson(options.name), options)


def list_lessons(found: list[Lesson], as_json: bool) -> None:
    marks = [(lesson, bookmark.load(lesson)) for lesson in found]
    if as_json:
        entries = [
            {
                "name": lesson.name,
                "title": lesson.title,
                "about": lesson.about,
                "minutes": lesson.minutes,
                "steps": len(lesson.steps),
                "step": mark.step,
                "steps_done": sorted(mark.done),
                "done": mark.is_finished(lesson),
            }
            for lesson, mark in marks
        ]
        print(json.dumps({"schema": SCHEMA, "lessons": entries}, indent=2))
    else:
        print(plain(render.shelf(marks, min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH))), end="")


def check_all(found: list[Lesson], as_json: bool) -> int:
    from mectui.lessons.check import check

    reports = [(lesson, check(lesson)) for lesson in found]
    if as_json:
        print(json.dumps({"schema": SCHEMA, "lessons": [as_data(*report) for report in reports]}, indent=2))
    else:
        for lesson, steps in reports:
            print(plain(render.report(lesson, steps, WIDTH)), end="")
    return int(any(step.problems for _, steps in reports for step in steps))


def as_data(lesson: Lesson, steps: list[StepReport]) -> dict[str, Any]:
    return {
        "name": lesson.name,
        "ok": not any(report.problems for report in steps),
        "steps": [
            {
                "number": report.step.number,
                "title": report.step.title,
                "line": report.step.line,
                "right": report.right,
                "reveal": report.reveal,
                "problems": list(report.problems),
            }
            for report in steps
        ],
    }


def open_lesson(lesson: Lesson, options: argparse.Namespace) -> int:
    if options.step is not None and not 1 <= options.step <= len(lesson.steps):
        raise EmuError(f"the lesson {lesson.name} has steps 1 to {len(lesson.steps)}, and no step {options.step}")
    require_terminal("`mectui lesson --check`")
    if options.restart:
        bookmark.save(lesson.name, bookmark.Bookmark())
    from mectui.app import run_app

    return run_app(
        lesson=lesson,
        lesson_step=options.step,
        theme=options.theme,
        keymap=options.keymap,
        is_plain=options.plain,
    )

"""A lesson's page as lines, the list of lessons, and the report of a check."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mectui.lessons.text import Block, BlockKind
from mectui.render import numbers
from mectui.render.text import BLANK, Line, Span, cell_width, column, fit, line

if TYPE_CHECKING:
    from mectui.lessons.bookmark import Bookmark
    from mectui.lessons.check import StepReport
    from mectui.lessons.course import Page
    from mectui.lessons.text import Lesson

WIDEST = 84
"""Longer lines of prose are hard to read."""
OPEN, DONE, RIGHT, WRONG = "☐", "☑", "✓", "✗"
MARKUP = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
NO_BREAK = "\N{NO-BREAK SPACE}"


# --- prose ------------------------------------------------------------------------------------------------------------


def pieces(text: str, style: str = "text") -> list[Span]:
    """`code` and **strong** as spans of their own; the space in short code does not break."""
    found: list[Span] = []
    at = 0
    for match in MARKUP.finditer(text):
        if match.start() > at:
            found.append(Span(text[at : match.start()], style))
        if match[1] is not None:
            found.append(Span(match[1].replace(" ", NO_BREAK) if len(match[1]) < 32 else match[1], "value"))
        else:
            found.append(Span(match[2], "strong"))
        at = match.end()
    if at < len(text):
        found.append(Span(text[at:], style))
    return found


def fold(spans: Sequence[Span], width: int, first: str = "", rest: str | None = None) -> list[Line]:
    """Spans folded at spaces to lines of at most `width` columns; `first` and `rest` are what lines start with."""
    rest = first if rest is None else rest
    styled = [(character, span.style) for span in spans for character in span.text]
    text = "".join(character for character, _ in styled)
    room = max(width - max(cell_width(first), cell_width(rest)), 8)
    lines: list[Line] = []
    at = 0
    for part in wrap_plain(text, room):
        start = text.index(part, at)
        at = start + len(part)
        lead = rest if lines else first
        lines.append(Line((*([Span(lead)] if lead else []), *joined(styled[start:at]))))
    return lines


def wrap_plain(text: str, room: int) -> list[str]:
    """Like textwrap.wrap, which would take a no-break space for a space."""
    hidden = text.replace(NO_BREAK, "\ue000")
    folded = textwrap.wrap(hidden, room, break_on_hyphens=False, drop_whitespace=True)
    return [part.replace("\ue000", NO_BREAK) for part in folded]


def joined(styled: Iterable[tuple[str, str]]) -> list[Span]:
    spans: list[Span] = []
    for character, style in styled:
        character = " " if character == NO_BREAK else character
        if spans and spans[-1].style == style:
            spans[-1] = Span(spans[-1].text + character, style)
        else:
            spans.append(Span(character, style))
    return spans


def prose(blocks: Iterable[Block], width: int) -> list[Line]:
    """Paragraphs with a blank line between them; the items of a list stand together."""
    lines: list[Line] = []
    before: BlockKind | None = None
    for block in blocks:
        if lines and not (block.kind is BlockKind.BULLET and before is BlockKind.BULLET):
            lines.append(BLANK)
        before = block.kind
        match block.kind:
            case BlockKind.CODE:
                lines += fit((line("  ", (row, "value")) for row in block.text.splitlines()), width)
            case BlockKind.BULLET:
                lines += fold(pieces(block.text), width, " • ", "   ")
            case BlockKind.PARAGRAPH:
                lines += fold(pieces(block.text), width)
    return lines


# --- a page -----------------------------------------------------------------------------------------------------------


def page(view: Page, width: int) -> list[Line]:
    """The step a reader is at: its text, the question, the goal, hints, what came of it, and what to press."""
    width = min(width, WIDEST)
    step, standing = view.step, view.standing
    lines: list[Line] = []
    if step.number == 1 and view.lesson.blocks:
        lines += [*prose(view.lesson.blocks, width), BLANK]
    lines += fold([Span(step.title, "strong")], width)
    lines.append(line(("─" * min(width, cell_width(step.title)), "muted")))
    lines += prose(step.blocks, width)
    if step.prediction is not None:
        lines += [BLANK, *question(view, width)]
    if step.goals:
        lines += [BLANK, *goal(view, width)]
    for number, hint in enumerate(step.hints[: standing.hints], 1):
        lead = f"hint {number}: "
        lines += fold([Span(lead, "muted"), *pieces(hint)], width, "  ", " " * (len(lead) + 2))
    if standing.problem:
        lines += [BLANK, *fold([Span(f"{WRONG} {standing.problem}", "fault")], width)]
    if standing.reveal and not view.is_open:
        lines += [BLANK, *fold(pieces(standing.reveal), width)]
    return [*lines, BLANK, *footer(view, width)]


def question(view: Page, width: int) -> list[Line]:
    """The prediction: what can be answered, and, once it has happened, whether it was right."""
    prediction, standing = view.step.prediction, view.standing
    assert prediction is not None
    lines = fold([Span("Predict: ", "strong"), *pieces(prediction.question)], width, "", "  ")
    is_known = standing.right is not None and standing.answer is not None
    for index, choice in enumerate(prediction.choices):
        is_chosen, is_right = index == standing.answer, is_known and index == standing.right
        key = f"{index + 1} "
        mark, style, word = "  ", "text", ""
        if is_chosen:
            mark, style, word = "▸ ", "strong", "  your answer"
        if is_known and is_right:
            mark, style, word = f"{RIGHT} ", "ok", "  right" if is_chosen else "  this is what happened"
        elif is_known and is_chosen:
            mark, style, word = f"{WRONG} ", "fault", "  your answer: wrong"
        spans = [Span(mark, style), Span(key, "key"), *pieces(choice.text), Span(word, style)]
        lines += fold(spans, width, "  ", "      ")
    if not prediction.choices:
        lines += typed(view, width)
    if standing.answer is None:
        say = "Press a number." if prediction.choices else "Press a and type a number."
        late = "It has happened already; what would you have said? " if standing.is_reached and view.step.goals else ""
        lines += fold([Span(f"{late}{say}", "muted")], width, "  ")
    return lines


def typed(view: Page, width: int) -> list[Line]:
    standing = view.standing
    if standing.answer is None:
        return []
    yours = numbers.short(standing.answer)
    if standing.right is None:
        return [line("  ", ("▸ ", "strong"), "your answer: ", (yours, "value"))]
    if standing.right == standing.answer:
        return [line("  ", (f"{RIGHT} {yours}", "ok"), ("  right", "ok"))]
    return fold(
        [
            Span(f"{WRONG} {yours}", "fault"),
            Span("  your answer: wrong. It is ", "fault"),
            Span(numbers.short(standing.right), "value"),
        ],
        width,
        "  ",
        "    ",
    )


def goal(view: Page, width: int) -> list[Line]:
    if view.standing.is_reached:
        return fold([Span(f"{DONE} Reached: ", "ok"), *pieces(view.step.task)], width, "", "  ")
    return fold([Span(f"{OPEN} To do: ", "warning"), *pieces(view.step.task)], width, "", "  ")


def footer(view: Page, width: int) -> list[Line]:
    """What can be done now, in words, with the keys."""
    standing, step = view.standing, view.step
    keys: list[tuple[str, str]] = []
    if view.has_ended:
        told = fold([Span("The guest has ended and this step's goal is not reached. ", "warning")], width)
        keys.append(("r", "back to the start of this step"))
    elif step.is_only_read or (standing.is_reached and not view.is_open):
        told = []
        if not view.is_last:
            keys.append(("Enter", "next step"))
        elif view.next_lesson:
            keys.append(("Enter", f"next lesson: {view.next_lesson}"))
        else:
            keys.append(("O", "this was the last lesson: to the start screen"))
    else:
        told = []
        if view.is_open and not standing.is_reached:
            told = fold([Span("First the question, then the machine.", "muted")], width)
        if standing.hints < len(step.hints):
            keys.append(("h", f"hint ({len(step.hints) - standing.hints} left)"))
        if step.does and not standing.is_reached:
            keys.append(("d", "do it for me"))
        if step.goals and not standing.is_reached:
            keys.append(("r", "back to its start"))
    if step.number > 1:
        keys.append(("←", "back"))
    spans: list[Span] = []
    for key, what in keys:
        spans += [
            Span("   ") if spans else Span(""),
            Span(key, "key"),
            Span(f" {what}".replace(" ", NO_BREAK), "muted"),
        ]
    return [*told, *fold(spans, width)]


def summary(view: Page) -> str:
    """ "step 3 of 7, 2 done"."""
    count = len(view.lesson.steps)
    return f"step {view.step.number} of {count}, {len(view.done)} done"


# --- the list ---------------------------------------------------------------------------------------------------------


def state(lesson: Lesson, mark: Bookmark) -> tuple[str, str]:
    """How far a reader is, in words, and its style."""
    if mark.is_finished(lesson):
        return f"{DONE} done", "ok"
    if mark.step > 1 or mark.done:
        return f"{OPEN} step {mark.step} of {len(lesson.steps)}", "warning"
    return f"{OPEN} new", "muted"


LONGEST_STATE = 14
"""Columns of what `state` says."""


def shelf(marks: Iterable[tuple[Lesson, Bookmark]], width: int, *, is_brief: bool = False) -> list[Line]:
    """The lessons with their names, minutes and how far the reader is; in brief a line for each, and nothing more."""
    lines: list[Line] = []
    marks = list(marks)
    gap = 1 if is_brief else 2
    names = max((cell_width(lesson.name) for lesson, _ in marks), default=0) + gap
    titles = max((cell_width(lesson.title) for lesson, _ in marks), default=0) + gap
    # What the reader has done is worth more than the minutes, where there is room for one of them.
    has_minutes = not is_brief or width >= 4 + names + titles + 8 + LONGEST_STATE
    for number, (lesson, mark) in enumerate(marks, 1):
        word, style = state(lesson, mark)
        lines.append(
            line(
                (f"{number:>2}  ", "muted"), column(lesson.name, names, "strong"), column(lesson.title, titles),
                (f"{lesson.minutes:>2} min  " if has_minutes else "", "muted"), (word, style),
            )
        )  # fmt: skip
        if not is_brief:
            indent = 4 + names
            lines += [line(" " * indent, (part, "muted")) for part in wrap_plain(lesson.about, max(width - indent, 20))]
    if not lines:
        return [line(("There are no lessons in this copy of mectui.", "muted"))]
    if not is_brief:
        lines += [BLANK, line(("mectui lesson NAME opens one.", "muted"))]
    return fit(lines, width)


# --- a check ----------------------------------------------------------------------------------------------------------


def report(lesson: Lesson, steps: Iterable[StepReport], width: int) -> list[Line]:
    """Every step with a mark; the problems below theirs, with the line of the file."""
    lines = [line((lesson.title, "strong"), (f"  ({lesson.name})", "muted"))]
    for item in steps:
        mark, style = (RIGHT, "ok") if not item.problems else (WRONG, "fault")
        lines.append(line("  ", (mark, style), f" {item.step.number}. {item.step.title}"))
        for problem in item.problems:
            place = f"{lesson.path.parent.name}/{lesson.path.name}, line {item.step.line}: "
            lines += fold([Span(place, "muted"), Span(problem, "fault")], width, "      ")
        if item.reveal:
            lines += fold([*pieces(item.reveal, "muted")], width, "      ")
    return lines

"""Reading a lesson from its Markdown; a malformed one is told in one sentence with file and line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from mectui.lessons.conditions import Condition, NoCondition, condition, well_formed
from mectui.lessons.text import Block, BlockKind, Choice, Lesson, LessonError, Prediction, Step
from mectui.lessons.values import FORMATS, PLACEHOLDER

HEAD_WORDS = ("order", "minutes", "about")
STEP_WORDS = ("show", "predict", "task", "do", "goal", "hint", "reveal")
ITEM = re.compile(r"- ([A-Za-z]+):(?: +(.*))?$")
CHOICE = re.compile(r"(.+?),? if `([^`]+)`\.?$")
VALUE = re.compile(r"value: `([^`]+)`$")


class Item(NamedTuple):
    """A word and what follows it, with the items below it."""

    line: int
    word: str
    text: str
    below: tuple[tuple[int, str], ...]


class Reader:
    """Reads one file. `path` is only named in messages, and says what the lesson is called."""

    def __init__(self, text: str, path: Path) -> None:
        self.lines = text.splitlines()
        self.path = path
        self.place = f"{path.parent.name}/{path.name}"
        self.at = 0

    def fail(self, line: int, problem: str) -> NoReturn:
        raise LessonError(f"{self.place}, line {line}: {problem}.")

    # --- the whole ------------------------------------------------------------------------------------------------

    def lesson(self) -> Lesson:
        """Raises LessonError."""
        while self.at < len(self.lines) and not self.lines[self.at].strip():
            self.at += 1
        title = self.heading("# ") if self.at < len(self.lines) else None
        if not title:
            self.fail(self.at + 1, "a lesson starts with its title, a line that begins with “# ”")
        blocks, items = self.section(HEAD_WORDS)
        head = {item.word: item for item in items}
        for word in HEAD_WORDS:
            if word not in head:
                self.fail(self.at, f"before the first step there must be a line “- {word}: …”")
        steps: list[Step] = []
        while self.at < len(self.lines):
            steps.append(self.step(len(steps) + 1))
        if not steps:
            self.fail(len(self.lines), "there is no step: a step starts with a line “## title”")
        return Lesson(
            name=self.path.parent.name,
            title=title,
            about=head["about"].text,
            minutes=self.number(head["minutes"]),
            order=self.number(head["order"]),
            blocks=blocks,
            steps=tuple(steps),
            path=self.path,
        )

    def heading(self, mark: str) -> str | None:
        text = self.lines[self.at]
        if not text.startswith(mark):
            return None
        self.at += 1
        return text[len(mark) :].strip()

    def step(self, number: int) -> Step:
        line = self.at + 1
        title = self.heading("## ")
        if not title:
            self.fail(line, "this step has no title")
        blocks, items = self.section(STEP_WORDS)
        single: dict[str, Item] = {}
        for item in items:
            if item.word in ("predict", "task", "reveal"):
                if item.word in single:
                    self.fail(item.line, f"this step has a second “{item.word}”")
                single[item.word] = item
            if item.below and item.word != "predict":
                self.fail(item.below[0][0], f"“{item.word}” has no items below it")
        goals = tuple(self.condition(item.line, self.code(item)) for item in items if item.word == "goal")
        does = tuple(self.code(item) for item in items if item.word == "do")
        if goals and "task" not in single:
            self.fail(line, f"the step “{title}” has a goal, but no “task” that says it in words")
        if goals and not does:
            self.fail(line, f"the step “{title}” has a goal, but no “do” that reaches it")
        reveal = single.get("reveal")
        if reveal is not None:
            self.check_placeholders(reveal)
        return Step(
            number=number,
            title=title,
            line=line,
            blocks=blocks,
            shows=tuple(self.code(item) for item in items if item.word == "show"),
            task=single["task"].text if "task" in single else "",
            does=does,
            goals=goals,
            hints=tuple(item.text for item in items if item.word == "hint"),
            prediction=self.prediction(single["predict"]) if "predict" in single else None,
            reveal=reveal.text if reveal is not None else "",
        )

    # --- items ----------------------------------------------------------------------------------------------------

    def number(self, item: Item) -> int:
        if not item.text.isdecimal() or len(item.text) > 9:
            self.fail(item.line, f"“{item.word}” takes a number, not “{item.text}”")
        return int(item.text)

    def code(self, item: Item) -> str:
        match = re.fullmatch(r"`([^`]+)`", item.text)
        if match is None:
            self.fail(item.line, f"“{item.word}” takes one thing in backticks: - {item.word}: `…`")
        return match[1].strip()

    def condition(self, line: int, text: str) -> Condition:
        try:
            return condition(text)
        except NoCondition as problem:
            self.fail(line, f"“{text}” is no condition: {problem}")

    def expression(self, line: int, text: str) -> str:
        try:
            return well_formed(text)
        except NoCondition as problem:
            self.fail(line, f"“{text}” is no expression: {problem}")

    def prediction(self, item: Item) -> Prediction:
        choices: list[Choice] = []
        for line, text in item.below:
            value = VALUE.match(text)
            if value is not None:
                if len(item.below) > 1:
                    self.fail(line, "a question has either choices or one “value”")
                return Prediction(item.text, value=self.expression(line, value[1]))
            choice = CHOICE.match(text)
            if choice is None:
                self.fail(line, "an answer looks like this: - its text, if `condition`")
            choices.append(Choice(choice[1], self.condition(line, choice[2])))
        if len(choices) < 2:
            self.fail(item.line, "a question needs two answers or more below it, or one “value”")
        if len(choices) > 9:
            self.fail(item.line, "a question can have nine answers at most")
        return Prediction(item.text, tuple(choices))

    def check_placeholders(self, item: Item) -> None:
        for match in PLACEHOLDER.finditer(item.text):
            if match[2] not in FORMATS:
                self.fail(item.line, f"there is no format “{match[2]}”; there are :d and :t")
            self.expression(item.line, match[1])

    # --- text -----------------------------------------------------------------------------------------------------

    def section(self, words: tuple[str, ...]) -> tuple[tuple[Block, ...], list[Item]]:
        """The prose and the items up to the next step."""
        blocks: list[Block] = []
        items: list[Item] = []
        while self.at < len(self.lines) and not self.lines[self.at].startswith("## "):
            text, line = self.lines[self.at], self.at + 1
            if not text.strip():
                self.at += 1
            elif text.startswith("```"):
                blocks.append(self.fenced())
            elif (match := ITEM.match(text)) is not None:
                word = match[1]
                if word not in words:
                    near = difflib.get_close_matches(word, words, 1)
                    hint = f"did you mean “{near[0]}”?" if near else f"there are {', '.join(words)}"
                    raise LessonError(f"{self.place}, line {line}: there is no “{word}:” here; {hint.rstrip('?')}"
                                      f"{'?' if near else '.'}")  # fmt: skip
                items.append(self.item(line, word, match[2] or ""))
            elif text.startswith("#"):
                self.fail(line, "a heading is “# ” for the title and “## ” for a step")
            elif text.startswith("* "):
                self.at += 1
                blocks.append(Block(BlockKind.BULLET, " ".join((text[2:].strip(), *self.continued()))))
            elif text.startswith("- "):
                self.fail(line, "an item is “- word: …”; a list in the text uses “* ”")
            else:
                blocks.append(Block(BlockKind.PARAGRAPH, " ".join(self.paragraph())))
        return tuple(blocks), items

    def item(self, line: int, word: str, text: str) -> Item:
        self.at += 1
        parts = [text.strip(), *self.continued()]
        below: list[tuple[int, str]] = []
        while self.at < len(self.lines) and self.lines[self.at].startswith("  - "):
            at, first = self.at + 1, self.lines[self.at][4:].strip()
            self.at += 1
            below.append((at, " ".join((first, *self.continued("    ")))))
        whole = " ".join(part for part in parts if part)
        if not whole:
            self.fail(line, f"“{word}” says nothing")
        return Item(line, word, whole, tuple(below))

    def continued(self, indent: str = "  ") -> Iterator[str]:
        """The indented lines that go on with an item."""
        while self.at < len(self.lines):
            text = self.lines[self.at]
            if not text.startswith(indent) or text.lstrip().startswith("- ") or not text.strip():
                return
            self.at += 1
            yield text.strip()

    def paragraph(self) -> Iterator[str]:
        while self.at < len(self.lines):
            text = self.lines[self.at]
            if not text.strip() or text.startswith(("#", "- ", "* ", "```")):
                return
            self.at += 1
            yield text.strip()

    def fenced(self) -> Block:
        start = self.at + 1
        self.at += 1
        kept = []
        while self.at < len(self.lines) and not self.lines[self.at].startswith("```"):
            kept.append(self.lines[self.at].rstrip())
            self.at += 1
        if self.at == len(self.lines):
            self.fail(start, "this code has no end: a line “```” is missing")
        self.at += 1
        return Block(BlockKind.CODE, "\n".join(kept))


def read(text: str, path: Path) -> Lesson:
    """The lesson that `text` is; `path` is where it comes from. Raises LessonError."""
    return Reader(text, path).lesson()

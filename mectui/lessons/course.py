"""A reader's way through a lesson: which step, what was answered, what has been reached. Knows no machine."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mectui.lessons.bookmark import Bookmark
from mectui.lessons.conditions import Look
from mectui.lessons.text import Lesson, Step


@dataclass(frozen=True, slots=True)
class Checked:
    """What the machine says about a step: each goal, and once all hold the right answer and the text to reveal."""

    step: int
    goals: tuple[bool, ...]
    right: int | None = None
    """Index of the right choice, or the value that should have been typed."""
    reveal: str = ""
    problem: str = ""
    """One sentence if the lesson asks what this machine cannot answer."""

    @property
    def is_reached(self) -> bool:
        return all(self.goals) and not self.problem


@dataclass(frozen=True, slots=True)
class Standing:
    """How a reader stands with one step."""

    is_reached: bool = False
    """Sticky: the machine may have gone on since."""
    answer: int | None = None
    """Index of the chosen answer, or the typed value."""
    right: int | None = None
    reveal: str = ""
    hints: int = 0
    """How many are shown."""
    looks: frozenset[Look] = frozenset()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the lesson's pane shows; changes as a whole."""

    lesson: Lesson
    step: Step
    standing: Standing
    done: frozenset[int]
    next_lesson: str = ""
    has_ended: bool = False
    """The guest cannot go on, and the goal is not reached."""

    @property
    def is_open(self) -> bool:
        """Whether the prediction waits for an answer."""
        return self.step.prediction is not None and self.standing.answer is None

    @property
    def is_done(self) -> bool:
        return self.step.number in self.done

    @property
    def is_last(self) -> bool:
        return self.step.number == len(self.lesson.steps)


class Course:
    """One reader in one lesson."""

    def __init__(self, lesson: Lesson, bookmark: Bookmark | None = None) -> None:
        self.lesson = lesson
        kept = bookmark or Bookmark()
        self._at = kept.step - 1
        self.done = set(kept.done)
        self._standings: dict[int, Standing] = {}
        for number in range(1, kept.step):
            self._standings[number] = Standing(is_reached=True)

    @property
    def step(self) -> Step:
        return self.lesson.steps[self._at]

    @property
    def standing(self) -> Standing:
        return self._standings.get(self.step.number, Standing())

    def bookmark(self) -> Bookmark:
        return Bookmark(self.step.number, frozenset(self.done))

    def page(self, next_lesson: str = "", has_ended: bool = False) -> Page:
        reached = self.standing.is_reached or self.step.is_only_read
        return Page(self.lesson, self.step, self.standing, frozenset(self.done), next_lesson, has_ended and not reached)

    def commands_before(self) -> list[str]:
        """What brings a fresh machine to the beginning of this step."""
        return [command for step in self.lesson.steps[: self._at] for command in step.does]

    # --- what the machine says ------------------------------------------------------------------------------------

    def note(self, checked: Checked) -> bool:
        """Takes in a check of the current step; whether anything changed."""
        if checked.step != self.step.number:
            return False
        old = self.standing
        if old.is_reached or (old.problem == checked.problem and not checked.is_reached):
            return False
        self._put(
            is_reached=checked.is_reached and not self.step.is_only_read,
            right=checked.right if checked.is_reached else None,
            reveal=checked.reveal if checked.is_reached else "",
            problem=checked.problem,
        )
        self._count()
        return self.standing != old

    def looked(self, looks: frozenset[Look]) -> bool:
        """Adds what is looked at now; whether it is anything new."""
        if looks <= self.standing.looks:
            return False
        self._put(looks=self.standing.looks | looks)
        return True

    # --- what the reader does -------------------------------------------------------------------------------------

    def answer(self, answer: int) -> bool:
        """Takes a prediction, once: an index, or a value. False where there is nothing to answer, or no such choice."""
        prediction = self.step.prediction
        if prediction is None or self.standing.answer is not None:
            return False
        if prediction.choices and not 0 <= answer < len(prediction.choices):
            return False
        self._put(answer=answer)
        self._count()
        return True

    def hint(self) -> bool:
        """Shows one hint more; False where all are shown."""
        shown = self.standing.hints
        if shown >= len(self.step.hints):
            return False
        self._put(hints=shown + 1)
        return True

    def forward(self) -> bool:
        """To the next step; a step that is only read is done by that. False at the end, or before the goal."""
        if self.step.is_only_read:
            self.done.add(self.step.number)
        elif not self.standing.is_reached and self.step.number not in self.done:
            return False
        return self.go(self.step.number + 1)

    def back(self) -> bool:
        return self.go(self.step.number - 1)

    def go(self, number: int) -> bool:
        """To a step by its number from 1; False where there is none."""
        if not 1 <= number <= len(self.lesson.steps):
            return False
        self._at = number - 1
        return True

    def begin_again(self, number: int) -> bool:
        """To a step as if it and those behind it had not been read; the machine has to be brought there too."""
        if not self.go(number):
            return False
        self._standings = {
            before: self._standings.get(before, Standing(is_reached=True)) for before in range(1, number)
        }
        return True

    def _put(self, **changes: object) -> None:
        self._standings[self.step.number] = replace(self.standing, **changes)  # type: ignore[arg-type]

    def _count(self) -> None:
        standing = self.standing
        if standing.is_reached and (self.step.prediction is None or standing.answer is not None):
            self.done.add(self.step.number)

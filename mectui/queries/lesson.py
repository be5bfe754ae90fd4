"""A lesson's step against the machine: goals, the right answer, the text to reveal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.errors import EmuError
from mectui.lessons.conditions import Situation
from mectui.lessons.course import Checked
from mectui.lessons.text import Prediction, Step
from mectui.lessons.values import Values

if TYPE_CHECKING:
    import emu


class Unanswerable(EmuError):
    """A question of a lesson has no right answer, or several, on this machine."""


def check(situation: Situation, step: Step) -> Checked:
    """How things stand with a step. Changes nothing."""
    try:
        goals = tuple(goal.holds(situation) for goal in step.goals)
    except EmuError as error:
        return Checked(step.number, (False,) * len(step.goals), problem=f"A goal cannot be checked: {error}")
    if not all(goals):
        return Checked(step.number, goals)
    try:
        right = None if step.prediction is None else right_answer(situation, step.prediction)
        reveal = Values(situation.machine).fill(step.reveal)
    except EmuError as error:
        return Checked(step.number, goals, problem=f"The answer cannot be worked out: {error}")
    return Checked(step.number, goals, right, reveal)


def right_answer(situation: Situation, prediction: Prediction) -> int:
    """The index of the choice that came true, or the value that was asked for. Raises EmuError."""
    if prediction.value:
        return value(situation.machine, prediction.value)
    true = [index for index, choice in enumerate(prediction.choices) if choice.condition.holds(situation)]
    if len(true) != 1:
        raise Unanswerable(f"{len(true)} of the {len(prediction.choices)} answers are right, not one")
    return true[0]


def value(machine: emu.Machine, text: str) -> int:
    return Values(machine).of(text)

"""A lesson carried out without a screen: every step's commands, its goals before and after, its question."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.errors import EmuError
from mectui.lessons.course import Checked
from mectui.lessons.driver import Driver, DriverError
from mectui.lessons.text import Lesson, Step
from mectui.queries.lesson import check as check_step

if TYPE_CHECKING:
    import emu

Factory = Callable[[], "emu.Machine"]


@dataclass(frozen=True, slots=True)
class StepReport:
    """How one step went; `problems` are sentences, none if it is in order."""

    step: Step
    problems: tuple[str, ...]
    right: int | None = None
    reveal: str = ""


def factory_for(lesson: Lesson) -> Factory:
    """Machines with the lesson's guest, as the screen builds them."""

    def build() -> emu.Machine:
        import emu  # slow: not for those who only list lessons

        machine = emu.Machine()
        machine.load(lesson.guest)
        return machine

    return build


def check(lesson: Lesson, factory: Factory | None = None) -> list[StepReport]:
    """Carries out a lesson from its beginning. Raises DriverError where there is no machine to do it on."""
    with Driver(factory or factory_for(lesson)) as driver:
        return [check_one(driver, step) for step in lesson.steps]


def check_one(driver: Driver, step: Step) -> StepReport:
    """Carries out one step on a machine that the steps before have brought here."""
    driver.looks.clear()
    problems = list(shows(driver, step))
    before = ask(driver, step)
    if step.goals and before.is_reached:
        problems.append("its goal is reached before anything is done")
    for command in step.does:
        try:
            driver.do(command)
        except DriverError as error:
            problems.append(f"its command fails: {error}")
    after = ask(driver, step)
    if after.problem:
        problems.append(after.problem)
    elif not after.is_reached:
        missing = [goal.text for goal, holds in zip(step.goals, after.goals, strict=True) if not holds]
        problems.append(f"its commands do not reach its goal: {' and '.join(missing)}")
    if step.goals and not step.hints:
        problems.append("it has a goal and no hint")
    return StepReport(step, tuple(problems), after.right, after.reveal)


def shows(driver: Driver, step: Step) -> Iterator[str]:
    """What is wrong with the commands that open what the step is about. They must not count as looking."""
    for command in step.shows:
        try:
            driver.do(command)
        except DriverError as error:
            yield f"what it shows cannot be shown: {error}"
    driver.looks.clear()


def ask(driver: Driver, step: Step) -> Checked:
    try:
        answer = driver.ask(lambda situation: check_step(situation, step))
    except EmuError as error:
        return Checked(step.number, (False,) * len(step.goals), problem=str(error))
    assert isinstance(answer, Checked)
    return answer

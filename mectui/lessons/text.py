"""What a lesson consists of, as immutable data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from emu.errors import EmuError
from mectui.lessons.conditions import Condition


class LessonError(EmuError):
    """A lesson cannot be read or is not there: one sentence, with file and line where there is one."""


class BlockKind(Enum):
    """Kinds of prose."""

    PARAGRAPH = "paragraph"
    BULLET = "bullet"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a list item or a piece of code; line breaks mean something in code only."""

    kind: BlockKind
    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a prediction, and the condition under which it is the right one."""

    text: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Prediction:
    """A question about what will happen: with choices, or with the expression whose value is to be typed."""

    question: str
    choices: tuple[Choice, ...] = ()
    value: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `line` is where it starts in its file; `reveal` has expressions in braces."""

    number: int
    title: str
    line: int
    blocks: tuple[Block, ...]
    shows: tuple[str, ...] = ()
    task: str = ""
    does: tuple[str, ...] = ()
    goals: tuple[Condition, ...] = ()
    hints: tuple[str, ...] = ()
    prediction: Prediction | None = None
    reveal: str = ""

    @property
    def is_only_read(self) -> bool:
        return not self.goals and self.prediction is None


@dataclass(frozen=True, slots=True)
class Lesson:
    """A whole lesson. `name` is that of its folder, which is the name of its guest too."""

    name: str
    title: str
    about: str
    minutes: int
    order: int
    blocks: tuple[Block, ...]
    steps: tuple[Step, ...]
    path: Path

    @property
    def guest(self) -> Path:
        return self.path.with_name(f"{self.name}.elf")

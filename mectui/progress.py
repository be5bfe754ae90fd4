"""What the machine is doing, as the screen shows it. Light to import: the first frame needs it and no machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.debug.events import Stop
    from mectui.queries.status import StatusView


TRAVELLING = "going through time"
"""The reason why a machine is running that goes back."""


class RunState(Enum):
    """What the machine is doing."""

    STARTING = "starting"
    STOPPED = "stopped"
    RUNNING = "running"
    ENDED = "ended"
    """The guest exited or cannot go on: everything can be looked at, only a restart runs it again."""
    FAILED = "failed"
    """There is no machine: it could not be built or its guest could not be loaded."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of the session, replaced as a whole, never changed."""

    state: RunState = RunState.STARTING
    reason: str = "loading"
    status: StatusView | None = None
    stop: Stop | None = None
    stops: int = 0
    """How many times the machine has stopped: changes exactly when every view is out of date."""
    console: str = ""
    values: Mapping[str, int] = field(default_factory=dict)
    """Registers at the last stop."""
    breakpoints: Mapping[int, int] = field(default_factory=dict)
    last_access: int | None = None
    """Virtual address of the last data access that is known."""
    edits: int = 0
    """How many times somebody has changed a list, of stops say, since the last stop."""

    @property
    def is_travelling(self) -> bool:
        """Whether the machine is on its way through time: what it holds meanwhile is nobody's past or present."""
        return self.state is RunState.RUNNING and self.reason == TRAVELLING

    @property
    def place(self) -> tuple[int, int] | None:
        """Which instruction of the run is next, and where; a change by hand keeps it, unless that was of the pc."""
        return None if self.status is None else (self.status.instructions, self.status.pc)

    @property
    def can_run(self) -> bool:
        return self.state is RunState.STOPPED

    @property
    def has_machine(self) -> bool:
        return self.state not in (RunState.STARTING, RunState.FAILED)

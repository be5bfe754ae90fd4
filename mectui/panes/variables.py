"""The pane of variables: those that the code of a call can name, unfolded where somebody wants to see more."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from emu.debug.variables import Kind
from emu.errors import EmuError
from mectui.actions import Scope
from mectui.panes.of_call import OfCall
from mectui.panes.pane import bindings
from mectui.progress import Progress
from mectui.queries.variables import Row, VariablesView, variables
from mectui.render import variables as render
from mectui.render.text import Line, Target, TargetKind
from mectui.session import Look

if TYPE_CHECKING:
    import emu

SUFFIXES = {1: "b", 2: "h", 4: "w", 8: "x"}
"""How memory of a size is written that is to be set."""


def _variables(machine: emu.Machine, call: int, opened: Collection[str]) -> VariablesView:
    """Of the present call where there is no such call any more: what was changed by hand may have cut the list."""
    try:
        return variables(machine, call, opened)
    except EmuError:
        return variables(machine, 0, opened)


class VariablesPane(OfCall):
    NAME = "variables"
    TITLE = "variables"
    SCOPE: ClassVar = Scope.VARIABLES
    BINDINGS: ClassVar[list[Any]] = bindings(Scope.VARIABLES)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.opened: set[str] = set()
        self._before: tuple[object, dict[str, str]] = None, {}
        """Of the stop before: whose variables they were, and every value."""
        self._now: tuple[object, dict[str, str]] = None, {}

    def look(self) -> Look:
        call, opened = self.call, frozenset(self.opened)
        return lambda machine, around: _variables(machine, call, opened)

    def follow(self, progress: Progress) -> None:
        if progress.place != self._place:
            self._before = self._now
        super().follow(progress)

    def accept(self, view: Any) -> None:
        if isinstance(view, VariablesView) and not view.call:
            rows = {row.path: render.text_of(row) for scope in view.scopes for row in scope.rows}
            self._now = (view.function, view.frame), rows
        super().accept(view)

    def draw(self, width: int) -> list[Line]:
        return render.variables(self.view, width, self._changed())

    def _changed(self) -> set[str]:
        """The paths of what is not what it was, where this is still the same call."""
        if self.call or self._before[0] != self._now[0]:
            return set()
        before = self._before[1]
        return {path for path, text in self._now[1].items() if before.get(path, text) != text}

    def summary(self) -> str:
        return render.summary(self.view)

    def here(self) -> Row | None:
        """The variable under the cursor."""
        found = self.target()
        if found is None or found.kind is not TargetKind.VARIABLE or not isinstance(self.view, VariablesView):
            return None
        rows = (row for scope in self.view.scopes for row in scope.rows)
        return next((row for row in rows if row.path == found.value), None)

    def address_here(self) -> Target | None:
        """Where it is; of a pointer in a register what it points at."""
        row = self.here()
        if row is None:
            return None
        if row.address is not None:
            return Target(TargetKind.VIRTUAL, row.address)
        if row.type.kind is Kind.POINTER and isinstance(row.value, int):
            return Target(TargetKind.VIRTUAL, row.value)
        return None

    def choose(self, target: Target, how: str = "") -> None:
        """Unfolds and folds; what has no parts leads to its memory."""
        row = self.here() if target.kind is TargetKind.VARIABLE else None
        if row is None:
            super().choose(target, how)
        elif row.can_open:
            self.opened ^= {row.path}
            self.want()
        else:
            self.action_memory()

    def action_memory(self) -> None:
        found = self.address_here()
        if found is not None:
            super().choose(found)

    def action_watch(self) -> None:
        row = self.here()
        if row is not None and row.address is not None:
            self.post_message(self.Prefilled(f"watch {row.address:#x}, {max(row.type.size, 1)}"))

    def action_edit(self) -> None:
        """The command line, with the place of the variable to be assigned."""
        row = self.here()
        if row is None:
            return
        if row.register and not self.call:
            self.post_message(self.Prefilled(f"set {row.register}="))
        elif row.address is not None and row.type.size in SUFFIXES:
            self.post_message(self.Prefilled(f"set [{row.address:#x}].{SUFFIXES[row.type.size]}="))

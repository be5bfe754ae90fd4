"""Every pane of the debugger, in no order that matters: layouts name them by `NAME`."""

from __future__ import annotations

from mectui.panes.findings import FindingsPane
from mectui.panes.hits import HitsPane
from mectui.panes.lists import ConsolePane, EventsPane, TlbPane
from mectui.panes.map import MapPane
from mectui.panes.pane import Pane
from mectui.panes.registers import RegistersPane
from mectui.panes.walk import WalkPane
from mectui.panes.windows import DisassemblyPane, MemoryPane

PANES: tuple[type[Pane], ...] = (
    DisassemblyPane,
    RegistersPane,
    WalkPane,
    MemoryPane,
    TlbPane,
    MapPane,
    HitsPane,
    FindingsPane,
    ConsolePane,
    EventsPane,
)

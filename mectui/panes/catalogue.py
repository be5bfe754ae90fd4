"""Every pane of the debugger, in no order that matters: layouts name them by `NAME`."""

from __future__ import annotations

from mectui.panes.calls import CallsPane
from mectui.panes.console import ConsolePane
from mectui.panes.disassembly import DisassemblyPane
from mectui.panes.displays import DisplaysPane
from mectui.panes.events import EventsPane
from mectui.panes.findings import FindingsPane
from mectui.panes.gpt import GptPane
from mectui.panes.hits import HitsPane
from mectui.panes.ledger import LedgerPane
from mectui.panes.lesson import LessonPane
from mectui.panes.map import MapPane
from mectui.panes.memory import MemoryPane
from mectui.panes.pane import Pane
from mectui.panes.pipeline import PipelinePane
from mectui.panes.registers import RegistersPane
from mectui.panes.stops import StopsPane
from mectui.panes.timeline import TimelinePane
from mectui.panes.tlb import TlbPane
from mectui.panes.variables import VariablesPane
from mectui.panes.walk import WalkPane

PANES: tuple[type[Pane], ...] = (
    LessonPane,
    DisassemblyPane,
    RegistersPane,
    PipelinePane,
    WalkPane,
    MemoryPane,
    TlbPane,
    GptPane,
    MapPane,
    LedgerPane,
    HitsPane,
    FindingsPane,
    StopsPane,
    DisplaysPane,
    CallsPane,
    VariablesPane,
    ConsolePane,
    EventsPane,
    TimelinePane,
)

"""What lines of lists lead to: hits, findings, events, MECIDs; and searching in whatever has the focus."""

from __future__ import annotations

from emu.architecture import Access
from emu.debug.events import Moment
from mectui import travelling
from mectui.panes.events import EventsPane
from mectui.panes.findings import FindingsPane
from mectui.panes.hits import HitsPane
from mectui.panes.ledger import LedgerPane
from mectui.panes.map import MapPane
from mectui.panes.pane import Pane
from mectui.panes.walk import WalkPane
from mectui.queries.findings import FindingView
from mectui.queries.hits import HitView
from mectui.render import numbers
from mectui.render.hits import place
from mectui.render.mec import owner_name
from mectui.render.text import Target, TargetKind
from mectui.screens.debugger.prompt import Prompt, Question
from mectui.screens.debugger.substituted import Substituted

TALL = 9
"""Rows from which a list of hits shows all that it says of the chosen one."""


class Stories(Substituted, Prompt):
    """Going from a story to the places it is about."""

    _list_behind: Pane | None = None
    """Where `show_scene` had to cover the list that it was called from."""

    def show_memory(self, address: int, is_physical: bool = False) -> None:
        self.show_pane("memory")
        self.memory.show(address, is_physical)

    def show_code(self, address: int) -> None:
        self.show_pane("disassembly")
        self.disassembly.show(address)

    def show_scene(self, pane: Pane, pc: int, pa: int | None) -> None:
        """The code of a moment, and the memory it is about, without hiding the pane that tells the story.

        Where one place holds both, the code comes to the front and gets the focus, and Esc goes back to the list.
        """
        self.disassembly.show(pc)
        self.disassembly.point(True)
        if pa is not None:
            self.memory.show(pa, is_physical=True)
            self.query_one(MapPane).show(pa)
        for name in ("memory", "disassembly") if pa is not None else ("disassembly",):
            if not self.board.shares_place(name, pane.pane_name):
                self.show_pane(name)
        if self.board.shares_place("disassembly", pane.pane_name):
            self._list_behind = pane
            self.show_pane("disassembly", focus=True)

    @property
    def list_behind(self) -> Pane | None:
        """The list that the code on the screen was chosen in, where the code covers it."""
        pane = self._list_behind
        return None if pane is None or pane.display else pane

    def do_to_list(self) -> None:
        pane, self._list_behind = self.list_behind, None
        if pane is not None:
            self.show_pane(pane.pane_name, focus=True)

    def _way_back(self) -> str:
        """The end of what is said of a scene: how to return where the list has gone."""
        pane = self.list_behind
        return "" if pane is None else " Esc goes back."

    def go_to_story(self, pane: Pane, target: Target, how: str) -> None:
        """Enter, or another key, on a line of one of these panes."""
        if how in ("travel", "travel_other") or target.kind is TargetKind.MOMENT:
            self.travel_to(pane, target, how)
            return
        match target.kind:
            case TargetKind.HIT if isinstance(pane, HitsPane):
                item = pane.hit(int(target.value))
                if item is not None:
                    self._go_to_hit(pane, item, how)
            case TargetKind.FINDING if isinstance(pane, FindingsPane):
                found = pane.finding(int(target.value))
                if found is not None:
                    self._go_to_finding(pane, found, how)
            case TargetKind.MECID if isinstance(pane, LedgerPane):
                self._show_owner(pane, int(target.value))
            case TargetKind.EVENT if isinstance(pane, EventsPane):
                where = pane.address_here()
                if where is not None:
                    self.show_scene(pane, int(where.value), None)

    def travel_to(self, pane: Pane, target: Target, how: str) -> None:
        """The machine goes to the moment of what a line tells; `travel_other` to the earlier of two."""
        moments = self._moments(pane, target)
        if not moments:
            return
        at = 1 if how == "travel_other" else 0
        if at >= len(moments):
            self.say("The other moment is not known; t goes to this one.", is_error=True)
            return
        self.say("")
        if target.kind in (TargetKind.HIT, TargetKind.FINDING):
            self.query_one(WalkPane).expect(moments[at], self._access_of(pane, target) if at == 0 else None)
        self.session.run(travelling.at, moments[at])

    def _access_of(self, pane: Pane, target: Target) -> tuple[int, Access] | None:
        """The access that a hit is about, where an instruction made it and not a walk."""
        item = pane.hit(int(target.value)) if isinstance(pane, HitsPane) else None
        return None if item is None or item.hit.va is None else (item.hit.va, item.hit.access)

    def _moments(self, pane: Pane, target: Target) -> list[int]:
        """The instruction counts of what a line tells: of its own moment, and of the other one."""
        number = int(target.value)
        match target.kind:
            case TargetKind.MOMENT:
                return [number]
            case TargetKind.HIT if isinstance(pane, HitsPane) and (item := pane.hit(number)) is not None:
                writer = item.hit.writer
                return [item.hit.instruction, *([] if writer is None else [writer.instruction])]
            case TargetKind.FINDING if isinstance(pane, FindingsPane) and (found := pane.finding(number)) is not None:
                other = found.finding.other
                return [found.finding.instruction, *([] if other is None else [other.instruction])]
            case TargetKind.EVENT if isinstance(pane, EventsPane) and (when := pane.moment(number)) is not None:
                return [when]
        return []

    def _go_to_hit(self, pane: Pane, item: HitView, how: str) -> None:
        hit = item.hit
        if how == "alike":
            self.run_to_hit_like(hit)
        elif how == "writer":
            if hit.writer is None:
                self.say("Who stored these bytes is not known any more.", is_error=True)
                return
            self.show_scene(pane, hit.writer.pc, hit.pa)
            told = f"Hit {item.number}, stored here: {self._told(hit.writer, item.writer)}. Enter shows who read."
            self.say(f"{told}{self._way_back()}")
        else:
            self.show_scene(pane, hit.pc, hit.pa)
            stored = f" Stored by {item.writer or numbers.address(hit.writer.pc)}." if hit.writer else ""
            told = f"Hit {item.number}, read here: {self._told(hit.moment, item.where)}.{stored}"
            # A list with some room tells itself what is missing.
            tells = self.list_behind is None and pane.text_height >= TALL
            self.say(told if tells else f"{told} Likely: {item.likely}.{self._way_back()}")

    def _go_to_finding(self, pane: Pane, item: FindingView, how: str) -> None:
        finding = item.finding
        if how == "other":
            if finding.other is None:
                self.say("This finding has one moment only; Enter shows it.", is_error=True)
                return
            self.show_scene(pane, finding.other.pc, finding.pa)
            told = f"Finding {item.number}, the other moment: {self._told(finding.other, item.other)}."
            self.say(f"{told}{self._way_back()}")
            return
        self.show_scene(pane, finding.pc, finding.pa)
        self.say(f"Finding {item.number}, {finding.rule}: {finding.fix}.{self._way_back()}")

    def _told(self, moment: Moment, name: str) -> str:
        return place(moment, name)

    def _show_owner(self, pane: LedgerPane, number: int) -> None:
        owner = pane.row_owner(number)
        if owner is None:
            return
        shown = self.query_one(MapPane)
        shown.show_only(owner)
        if not self.board.shares_place("map", pane.pane_name):
            self.show_pane("map")
        else:
            self.show_pane("map", focus=True)
        self.say(f"The map shows {owner_name(owner)} alone; a in the map shows all owners again.")

    # --- searching and typing to the guest ---

    def do_search(self) -> None:
        """Searches in the focused pane while somebody types; Esc goes back to where it began."""
        pane = self.focused_pane or self.disassembly
        if pane.UNSEARCHABLE:
            self.say(pane.UNSEARCHABLE, is_error=True)
            return
        start = pane.cursor

        def leave() -> None:
            pane.search("")
            pane.move_cursor(start)

        self.ask(
            Question("/", pane.SEARCH_HINT, pane.search, pane.search if pane.SEARCHES_WHILE_TYPING else None, leave)
        )

    def ask_what_to_type(self) -> None:
        """For the console: a line to the guest."""
        self.ask(Question("»", "Enter sends the line and a newline to the guest, Esc leaves", self.command_type))

    def command_type(self, text: str) -> None:
        from mectui.panes.console import ConsolePane

        self.session.type_to_guest(f"{text}\n")
        self.query_one(ConsolePane).note_typed(text)
        self.say(f"Sent {numbers.plural(len(text) + 1, 'character')} to the guest.")

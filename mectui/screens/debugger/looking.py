"""Looking: walks, memory, code, registers, and what Enter on a line leads to."""

from __future__ import annotations

from emu.architecture import Access
from mectui.panes.findings import FindingsPane
from mectui.panes.hits import HitsPane
from mectui.panes.pane import Pane
from mectui.panes.registers import RegistersPane
from mectui.panes.walk import WalkPane
from mectui.queries.memory import Eyes
from mectui.render import numbers
from mectui.render.text import Target, TargetKind
from mectui.screens.debugger.prompt import Prompt


class Looking(Prompt):
    """Actions and commands that show a place, and those that change what is there."""

    def address_here(self) -> Target | None:
        pane = self.focused_pane or self.disassembly
        found = pane.address_here()
        if found is None:
            self.say(f"There is no address under the cursor of the pane “{pane.TITLE}”.", is_error=True)
        return found

    def do_walk(self) -> None:
        found = self.address_here()
        if found is None:
            return
        if found.kind is TargetKind.PHYSICAL:
            self.say("A walk starts at a virtual address; this one is physical.", is_error=True)
            return
        self.walk(int(found.value))

    def walk(self, va: int, access: Access = Access.READ) -> None:
        self.show_pane("walk")
        self.query_one(WalkPane).pin(va, access)

    def do_show_memory(self) -> None:
        found = self.address_here()
        if found is not None:
            self.show_memory(int(found.value), found.kind is TargetKind.PHYSICAL)

    def show_memory(self, address: int, is_physical: bool = False) -> None:
        self.show_pane("memory")
        self.memory.show(address, is_physical)

    def show_code(self, address: int) -> None:
        self.show_pane("disassembly")
        self.disassembly.show(address)

    def do_to_pc(self) -> None:
        if self.progress.status is not None:
            self.show_code(self.progress.status.pc)

    def do_goto(self) -> None:
        self.open_command_line("goto ")

    def do_memory(self) -> None:
        self.open_command_line("mem ")

    def on_pane_chosen(self, message: Pane.Chosen) -> None:
        """Enter on a line: code leads to its branch target or walk, data to memory, a hit to both its sides."""
        target, pane = message.target, message.pane
        match target.kind:
            case TargetKind.HIT if isinstance(pane, HitsPane):
                item = pane.hit(int(target.value))
                if item is not None:
                    self.disassembly.show(item.hit.pc)
                    self.show_memory(item.hit.pa, is_physical=True)
                    self.say(f"Hit {item.number}, likely: {item.likely}.")
            case TargetKind.FINDING if isinstance(pane, FindingsPane):
                found = pane.finding(int(target.value))
                if found is not None:
                    self.disassembly.show(found.finding.pc)
                    if found.finding.pa is not None:
                        self.show_memory(found.finding.pa, is_physical=True)
                    self.say(f"Finding {found.number}, {found.finding.rule}: {found.finding.fix}.")
            case TargetKind.PHYSICAL:
                self.show_memory(int(target.value), is_physical=True)
            case TargetKind.VIRTUAL if pane.pane_name in ("disassembly", "tlb", "memory"):
                self.walk(int(target.value))
            case TargetKind.VIRTUAL if pane.pane_name == "events":
                self.show_code(int(target.value))
            case TargetKind.VIRTUAL:
                self.show_memory(int(target.value))

    def command_walk(self, va: int, access: str = "read") -> None:
        self.walk(va, Access(access))

    def command_goto(self, address: int) -> None:
        self.show_code(address)

    def command_mem(self, address: int) -> None:
        self.show_memory(address)

    def command_pmem(self, address: int) -> None:
        self.show_memory(address, is_physical=True)

    def command_eyes(self, which: str, mecid: int | None = None) -> None:
        self.show_pane("memory")
        self.memory.see_as({"seen": Eyes.CONTEXT, "owner": Eyes.OWNER, "mecid": Eyes.MECID}[which], mecid)

    def command_set(self, register: str, value: int) -> None:
        self.session.set_register(register, value)

    def command_register(self, name: str) -> None:
        self.show_pane("registers")
        self.query_one(RegistersPane).reveal(name)

    def command_print(self, value: int) -> None:
        self.say(f"{numbers.short(value)} = {value}")

    def command_type(self, text: str) -> None:
        self.session.type_to_guest(f"{text}\n")
        self.say(f"Sent {numbers.plural(len(text) + 1, 'character')} to the guest.")

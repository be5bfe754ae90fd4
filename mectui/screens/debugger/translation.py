"""What the panes of translation ask of the screen: what-if walks, the instruction, TLB entries, granule protection."""

from __future__ import annotations

from emu.architecture import Regime
from mectui.panes.gpt import GptPane
from mectui.panes.tlb import TlbPane
from mectui.panes.walk import WalkPane
from mectui.queries.walk import make_real
from mectui.screens.debugger.prompt import Prompt


class TranslationPanes(Prompt):
    """Their messages, their actions, and the commands `suppose`, `instruction`, `gpt`."""

    def command_suppose(self, text: str) -> None:
        self.show_pane("walk")
        pane = self.query_one(WalkPane)
        if text.lower() == "apply":
            pane.action_apply()
        elif text.lower() == "clear":
            pane.action_drop()
        else:
            self.say(f"Supposed: {text}. In the walk A makes it so, Del drops it.")
            pane.suppose(text)

    def on_walk_pane_edit_wanted(self, message: WalkPane.EditWanted) -> None:
        self.open_command_line(message.command)

    def on_walk_pane_told(self, message: WalkPane.Told) -> None:
        self.say(message.text, message.is_error)

    def on_walk_pane_real_wanted(self, message: WalkPane.RealWanted) -> None:
        suppositions, record = message.suppositions, message.walk
        self.session.change(lambda machine: make_real(machine, suppositions, record))

    # The instruction at the program counter.

    def do_instruction(self) -> None:
        self.show_pane("pipeline", focus=True)

    def command_instruction(self) -> None:
        self.do_instruction()

    # TLB entries.

    def on_tlb_pane_walk_wanted(self, message: TlbPane.WalkWanted) -> None:
        row = message.row
        if not row.is_walkable:
            self.say("This entry is of stage 2 alone: no walk begins with an IPA while stage 1 is on.", is_error=True)
            return
        self.show_pane("walk")
        self.query_one(WalkPane).pin(row.va, regime=Regime(row.regime))

    # Granule protection.

    def command_gpt(self, pa: int) -> None:
        self.show_pane("gpt")
        self.query_one(GptPane).show(pa)

"""The rule about blocks of which only a part is written under a new MECID (mec-reference.md 1.10)."""

from __future__ import annotations

from emu.architecture import BLOCK, PAGE
from emu.debug.events import OwnerChanged
from emu.mec.rules.handover import HandoverRule
from emu.mec.rules.model import Report, Rule, Severity, Watched
from emu.mec.rules.words import at, context


class PartialRewrite(HandoverRule):
    id = "partial-rewrite"
    numbers = (25,)
    severity = Severity.WARNING
    title = "Only part of a block is stored under a new MECID"
    why = (
        "Memory is encrypted in blocks of 16 bytes. A store of less than a block under another MECID decrypts the rest "
        "under the wrong key and encrypts the noise again: those bytes are lost for both owners, and no later read is "
        "a mismatch that anything could notice."
    )
    fix = "write the whole granule under its new MECID before anybody reads or keeps parts of it"
    size = BLOCK

    def is_mine(self, event: OwnerChanged, machine: Watched) -> bool:
        return event.is_partial and event.before is not None

    def judge(self, event: OwnerChanged, before: bytes, now: bytes, machine: Watched, report: Report) -> None:
        if before != now:
            return  # the rest followed
        assert event.before is not None
        key = (event.moment.pc, event.pa // PAGE, event.before, event.after)
        if report.repeats(self, key):
            return
        earlier = "" if event.written is None else f" stored at {at(machine, event.written)}"
        message = (
            f"the store at {at(machine, event.moment)} writes only part of the block at PA {event.pa:#x} under "
            f"{context(event.after)}: what {context(event.before)}{earlier} in its other bytes is noise for good"
        )
        report.add(self, key, event.moment, message, other=event.written, pa=event.pa)


RULES: tuple[type[Rule], ...] = (PartialRewrite,)

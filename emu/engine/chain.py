"""From one region straight to the next: what the dispatch loop would do, done at a region's way out.

Nothing is remembered of where an exit led: the software TLB's entry and the page's decoded words are looked at each
time, as the loop does. So whatever takes a region out of its place there has broken every chain into it.
"""

from __future__ import annotations

from typing import Any

from emu import state
from emu.engine.dispatch import REGION_FLAG, find_page, find_word, place
from emu.engine.text import TextBuilder


def chain(b: TextBuilder, state_pointer: Any, pc: Any, left: Any) -> None:
    """Go on at pc with so much of the budget left: in the region there, or else in the dispatch loop.

    BUDGET holds `left` already. The loop's own conditions come first: a budget, and nobody who asks to stop.
    """
    scope = b.block.scope
    loop, fetch, hit, region = (b.append_basic_block(label) for label in ("loop", "fetch", "hit", "region"))
    stop = b.load(place(b, state_pointer, state.STOP), typ=left.type)
    b.cbranch(b.and_(b.icmp_unsigned("!=", left, 0), b.icmp_unsigned("==", stop, 0)), fetch, loop)
    b.goto_chain(fetch, scope)
    entry, is_hit = find_page(b, state_pointer, pc)
    b.cbranch(is_hit, hit, loop)
    b.goto_chain(hit, scope)
    handler, word = find_word(b, entry, pc)
    b.cbranch(b.icmp_unsigned(">=", word, REGION_FLAG), region, loop)
    b.goto_chain(region, scope)
    b.ret(b.call(handler, [state_pointer, word, pc, left], tail=True))
    b.position_at_end(loop)
    b.ret(pc)

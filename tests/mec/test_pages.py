"""The map of owners: what it says about any tags, and what it costs for large memories."""

from __future__ import annotations

import random
import resource
from collections import Counter

import pytest

import emu
from emu.architecture import BLOCK, PAGE, PAS
from emu.debug.events import Owner
from emu.mec.memory import CODE_TAG, OWNER_MASK
from emu.mec.pages import MecPage
from tests.pace import at_most

BLOCKS = PAGE // BLOCK
RAM = 0x4000_0000


def expected(machine: emu.Machine, tags: list[int], number: int) -> MecPage | None:
    """A page as its blocks' tags have it: the commonest owner, of several the one that was there first."""
    held = Counter(tag & OWNER_MASK for tag in tags[number * BLOCKS : (number + 1) * BLOCKS] if tag & OWNER_MASK)
    if not held:
        return None
    identity = min(held, key=lambda tag: (-held[tag], tag))
    who = machine.memory.encrypted.owner(identity)
    pa = emu.PA(RAM + number * PAGE)
    return MecPage(pa, who.pas, who.mecid, who.generation, len(held) > 1, held.total())


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_the_map_says_what_the_tags_say(engine: str) -> None:
    """The reference engine's machine has no native code to look at tags with."""
    source = random.Random(7)
    machine = emu.Machine(memory="2M", engine=engine)
    encrypted, tags = machine.memory.encrypted, machine.memory.tags
    owners = [encrypted.owner_id(PAS.REALM, mecid) for mecid in (1, 2, 3)] + [encrypted.owner_id(PAS.ROOT, 0)]
    for _ in range(6):
        for number in source.sample(range(512), 60):
            some = source.sample(owners, source.randint(1, 4))
            share = source.choice((0.0, 0.02, 0.5, 1.0))
            for block in range(number * BLOCKS, (number + 1) * BLOCKS):
                tag = source.choice(some) if source.random() < share else source.choice((0, tags[block]))
                tags[block] = tag | source.choice((0, 0, CODE_TAG)) if tag else 0
            encrypted.note_tags(number * PAGE, PAGE)
        now = tags[: 512 * BLOCKS].tolist()
        wanted = [page for page in (expected(machine, now, number) for number in range(512)) if page is not None]
        pages = machine.mec.pages()
        assert list(pages) == wanted
        assert pages == wanted
        assert (pages[0], pages[-1], pages[3:5]) == (wanted[0], wanted[-1], wanted[3:5])
        for page in wanted[::50]:
            assert pages.at(page.pa + 5) == page
        assert pages.of(Owner(PAS.REALM, 2, 0)) == [page for page in wanted if (page.pas, page.mecid) == (PAS.REALM, 2)]
        with pytest.raises(IndexError):
            pages[len(wanted)]


def test_an_older_map_stays_as_it_was() -> None:
    machine = emu.Machine(memory="2M")
    encrypted = machine.memory.encrypted
    encrypted.store(0, 16, 5, encrypted.owner_id(PAS.REALM, 1))
    before = machine.mec.pages()
    encrypted.store(PAGE, 16, 5, encrypted.owner_id(PAS.REALM, 1))
    assert (len(before), len(machine.mec.pages())) == (1, 2)


def test_sixteen_gibibytes_cost_what_is_touched() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    machine = emu.Machine(memory="16G")
    end = RAM + (16 << 30)
    machine.write(end - PAGE, b"far away")
    machine.memory.encrypted.store((16 << 30) - PAGE, 16, 7, machine.memory.encrypted.owner_id(PAS.REALM, 3))
    assert [page.pa for page in machine.mec.pages()] == [end - PAGE]
    assert machine.read(end - PAGE, 1) == b"\x07"
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 200 << 10  # KiB


@pytest.mark.long
def test_a_million_owned_pages_are_looked_at_at_once() -> None:
    machine = emu.Machine(memory="4G")
    encrypted = machine.memory.encrypted
    encrypted.owner_id(PAS.REALM, 1)
    encrypted.note_tags(0, PAGE)
    machine.mec.pages()  # compiles what looks
    count = 1 << 20
    for number in range(count):
        machine.memory.tags[number * BLOCKS] = 1
    encrypted.note_tags(0, count * PAGE)
    for units in (400, 10):
        with at_most(units):
            assert len(machine.mec.pages()) == count

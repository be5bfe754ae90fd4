"""Examples of every command, as its --help shows them; each works as it stands, with the bundled guests."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("mectui two-realms", "a bundled guest in the debugger: press c, then 3, then Enter"),
        ("mectui lesson worlds", "the first lesson"),
        ("mectui firmware.elf --el 2", "your own program, which expects to be started at EL2"),
    ),
    "run": (
        ("mectui run two-realms --json", "console to stderr, the report to stdout"),
        ("mectui run two-realms --break 'realm_b_search_secret if x20 != 0' --json", "where it stopped, and why"),
        ("mectui run two-realms --watch 'pa:shared_granule,4096 if mecid == 6'", "the first store under MECID 6"),
        ("mectui run two-realms --log 'realm_b_entry \"x0 is {x0}\"'", "a message each time, on stderr"),
    ),
    "check": (
        ("mectui check two-realms", "every broken rule, and what to do; exit code 1"),
        ("mectui check two-realms --rules all,-mecid-shared --json", "notes too, but for one rule"),
        ("mectui check --list", "the rules"),
    ),
    "walk": (
        ("mectui walk two-realms shared_granule --until realm_b_entry", "how Realm B reaches the granule"),
        ("mectui walk two-realms 0x40380000 --regime EL2 --access write --json", "as EL2 would, before it runs"),
    ),
    "tlb": (
        ("mectui tlb two-realms --until realm_b_entry", "what it holds when Realm B starts"),
        ("mectui tlb stale --used-since lesson_first_load --until lesson_tlbi", "which entries were used between"),
    ),
    "step": (("mectui step two-realms --until realm_b_search_secret", "a load that gets noise, from the inside"),),
    "gpt": (
        ("mectui gpt gpt", "the whole table"),
        ("mectui gpt gpt realm_granule --until realm_forbidden_store", "what it says of one granule, and when"),
    ),
    "mec": (("mectui mec two-realms --until realm_b_entry --json", "the registers, the map and who owns what"),),
    "memory": (
        ("mectui memory two-realms shared_granule --length 64", "as the guest sees it at its end"),
        ("mectui memory two-realms shared_granule --as mecid --mecid 5", "as MECID 5 would read it"),
    ),
    "code": (
        ("mectui code two-realms realm_b_entry --mixed", "instructions with their source"),
        ("mectui code two-realms --until two-realms.S:424 --count 4", "what follows a line"),
    ),
    "calls": (
        ("mectui calls two-realms --until rmm_map_granule", "who called it, and why nobody knows who came before"),
        ("mectui calls two-realms --until realm_b_count_blocks --json", "the same for programs"),
    ),
    "variables": (
        (
            "mectui variables two-realms --until rmm_map_granule",
            "none, and why; a guest in C that is built with -g has some",
        ),
        ("mectui variables two-realms --until rmm_map_granule --call 1 --json", "of the caller, for programs"),
    ),
    "hits": (("mectui hits two-realms --json", "both sides of every substituted access"),),
    "regs": (
        ("mectui regs two-realms --until realm_b_entry --group system", "system registers with their fields"),
        ("mectui regs two-realms --print 'owner(pa(pc))'", "the value of one expression"),
    ),
    "events": (("mectui events two-realms --kinds mecids,hits --last 20", "MECID writes and the reads they spoiled"),),
    "timeline": (("mectui timeline two-realms --last 5", "the run on one line, its last five marks below"),),
    "lesson": (
        ("mectui lesson", "the list"),
        ("mectui lesson worlds", "the first one on the screen"),
        ("mectui lesson stage1 --check", "carried out without a screen"),
    ),
    "bench": (("mectui bench --quick", "a rough idea, in a minute"),),
    "serve": (("mectui serve two-realms --theme light", "what follows GUEST is passed on"),),
    "gdbserver": (("mectui gdbserver two-realms --port 1234", "then, in gdb: target remote :1234"),),
}
"""(command line, what it shows), by the command's name; "" is `mectui` alone."""


def examples(name: str) -> str:
    """The examples of a command as a paragraph of its help; "" for one without."""
    found = EXAMPLES.get(name, ())
    return "examples:\n" + "".join(f"  {line}\n      {what}\n" for line, what in found) if found else ""

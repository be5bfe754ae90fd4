"""A C program with every kind of variable, compiled in every way that says where they are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from guests.build import link
from tests.lines.programs import SCRIPT, START

SOURCE = """\
typedef unsigned long u64;
typedef signed char s8;
enum state { EMPTY, ACTIVE = 5, GONE = 200 };
enum temperature { COLD = -3, WARM = 3 };
struct point { int x, y; };
struct flags { unsigned int low : 3, middle : 11; int below : 5; unsigned int : 4; unsigned int top : 9; };
union word { u64 whole; unsigned char bytes[8]; struct { unsigned int low, high; }; };
typedef struct realm {
    u64 id;
    enum state state;
    const char *name;
    struct point where[3];
    struct flags flags;
    union word key;
    struct realm *next;
    int (*act)(int, struct realm *);
    char label[12];
    s8 small;
    _Bool is_on;
    double weight;
} realm_t;

volatile int sink;
volatile u64 seed = 0x1234567890abcdefUL;
static realm_t realms[2];

static int act(int by, struct realm *on) { return by + (int)on->id; }

static inline __attribute__((always_inline)) int scaled(int value, int by)
{
    int made = value * by;
    sink = made;
    return made + (int)seed;
}

__attribute__((noinline)) int leaf(int number, u64 large, s8 tiny, unsigned short half, enum temperature felt)
{
    static int count;
    int sum = number + tiny + half;
    const char *word = "a text";
    float ratio = (float)sum / 4;

    count += felt;
    for (int i = 0; i < 2; i++) {
        u64 number = large >> i;
        sum += (int)number;
        sink = sum;
    }
    sum += word[0] + (int)ratio;
    sink = scaled(sum, count);
    return sum;
}

__attribute__((noinline)) int fill(realm_t *realm, int id)
{
    struct point corner = {id, -id};
    union word key;
    int table[2][3] = {{id, 2, 3}, {4, 5, id * 7}};
    struct flags flags = {5, 1000, -7, 300};

    key.whole = seed ^ (u64)id;
    realm->id = (u64)id;
    realm->state = id & 1 ? ACTIVE : GONE;
    realm->name = "realm";
    for (int i = 0; i < 3; i++) {
        realm->where[i] = corner;
        corner.x += i;
    }
    realm->flags = flags;
    realm->key = key;
    realm->next = realms;
    realm->act = act;
    for (int i = 0; i < 11; i++)
        realm->label[i] = (char)('a' + i);
    realm->small = (s8)-id;
    realm->is_on = 1;
    realm->weight = id * 0.5;
    sink = table[1][2] + table[0][0];
    return leaf(id, key.whole, (s8)-3, 40000, COLD) + table[sink & 1][2] + corner.x + (int)flags.middle;
}

__attribute__((noinline)) int deep(int left, realm_t *realm)
{
    int kept = left * 3;

    if (left == 0)
        return realm->act(kept, realm);
    return deep(left - 1, realm) + kept + fill(realm, left);
}

int main(void)
{
    int made = 0;

    made += fill(&realms[0], 7);
    made += fill(&realms[1], 8);
    made += deep(3, &realms[1]);
    sink = made;
    return made;
}
"""
FLOATING = """\
        msr     CPTR_EL3, xzr
        isb
        bl      main
"""
VARIANTS = {
    "O0-dwarf5": ("-O0", "-gdwarf-5"),
    "O0-dwarf4": ("-O0", "-gdwarf-4"),
    "O1-dwarf5": ("-O1", "-gdwarf-5"),
    "O2-dwarf5": ("-O2", "-gdwarf-5"),
    "O2-dwarf4": ("-O2", "-gdwarf-4", "-fomit-frame-pointer"),
    "O0-dwarf3": ("-O0", "-gdwarf-3"),
    "O0-dwarf2": ("-O0", "-gdwarf-2"),
    "Os-far": ("-Os", "-gdwarf-5", "-gdwarf64"),
}
GCC = shutil.which("aarch64-linux-gnu-gcc")
OF_GCC = {
    "gcc-Og-dwarf5": ("-Og", "-gdwarf-5"),
    "gcc-O2-dwarf5": ("-O2", "-gdwarf-5"),
    "gcc-O2-dwarf4": ("-O2", "-gdwarf-4"),
    "gcc-Os-dwarf3": ("-Os", "-gdwarf-3"),
}
"""It says the same in other words: views, calls that hand values over, ends within an instruction."""


def build(folder: Path, name: str) -> Path:
    """The ELF of a variant."""
    for path, text in {"variables.c": SOURCE, "start.S": START, "link.ld": SCRIPT}.items():
        (folder / path).write_text(text.replace("        bl      main\n", FLOATING))
    elf = folder / f"{name}.elf"
    options = ["-ffreestanding", "-fno-stack-protector", "-fno-builtin", "-fasynchronous-unwind-tables",
               "-mstrict-align"]  # fmt: skip
    if name in OF_GCC:
        assert GCC is not None
        options += [*OF_GCC[name], "-nostdlib", "-static", "-no-pie", "-fno-pie", "-Wl,--build-id=none", "-w"]
        command = [GCC, *options, "-T", folder / "link.ld", folder / "variables.c", folder / "start.S", "-o", elf]
        subprocess.run(command, check=True, capture_output=True)
        return elf
    options += [*VARIANTS[name], "-fno-sanitize=all"]
    link(name, [*options, folder / "variables.c", folder / "start.S"], folder / "link.ld", elf, folder / "cache")
    return elf

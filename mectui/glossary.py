"""What the words on the screen mean: for tooltips, for the help, for whoever meets them for the first time."""

from __future__ import annotations

import re

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.&/]*|[≠●○◆▶*!?·]")

TERMS = {
    "MEC": "Memory Encryption Contexts (FEAT_MEC): each Realm's memory is encrypted under a key of its own.",
    "MECID": "The number (16 bits at most) of an encryption context: what is stored under one is noise under another.",
    "EMEC": "Enable MEC, a bit of SCTLR2_EL2 and SCTLR2_EL3: while it is 0, that level's accesses use MECID 0.",
    "AMEC": "Alternate MECID, a bit of a page or block descriptor: accesses go by the alternate MECID register.",
    "AMEC0": "TCR2_EL2.AMEC0: descriptors under TTBR0_EL2 may choose the alternate MECID.",
    "AMEC1": "TCR2_EL2.AMEC1: descriptors under TTBR1_EL2 may choose the alternate MECID.",
    "P0": "MECID_P0_EL2, the primary MECID for addresses translated by TTBR0_EL2.",
    "A0": "MECID_A0_EL2, the alternate MECID for addresses translated by TTBR0_EL2.",
    "P1": "MECID_P1_EL2, the primary MECID for addresses translated by TTBR1_EL2.",
    "A1": "MECID_A1_EL2, the alternate MECID for addresses translated by TTBR1_EL2.",
    "VP": "VMECID_P_EL2, the primary MECID of the virtual machine that runs (EL1 and EL0).",
    "VA": "A virtual address; in the top line VMECID_A_EL2, the virtual machine's alternate MECID.",
    "RL": "MECID_RL_A_EL3, the MECID by which EL3 reaches the Realm address space.",
    "PAS": "Physical address space: Non-secure, Secure, Realm or Root. The same address is another place in each.",
    "PA": "A physical address.",
    "IPA": "Intermediate physical address: what stage 1 gives and stage 2 translates.",
    "GPT": "Granule Protection Table: says for every granule of memory which address space may use it.",
    "GPC": "Granule Protection Check: every access is checked against the GPT after translation.",
    "GPI": "Granule Protection Information: the GPT's four bits for one granule.",
    "GPF": "Granule Protection Fault: the GPT does not give this granule to the access's address space.",
    "RME": "Realm Management Extension: the Root and Realm states and the granule protection check.",
    "RMM": "Realm Management Monitor: the software at Realm EL2 that looks after Realms.",
    "TLB": "Translation Lookaside Buffer: translations that the CPU remembers until it is told to forget them.",
    "TLBI": "The instructions that make the TLB forget.",
    "VMID": "Number of a virtual machine; tags TLB entries of stage 1 and 2.",
    "ASID": "Number of an address space within a machine; tags TLB entries of stage 1.",
    "EL0": "Exception level 0: applications.",
    "EL1": "Exception level 1: an operating system.",
    "EL2": "Exception level 2: a hypervisor, or the Realm Management Monitor.",
    "EL3": "Exception level 3: the monitor, the most privileged.",
    "realm": "The Realm security state and its physical address space: confidential virtual machines.",
    "root": "The Root security state and its physical address space: EL3 only.",
    "secure": "The Secure security state and its physical address space.",
    "S1": "Stage 1 of translation: virtual address to intermediate physical address, or to the physical one.",
    "S2": "Stage 2 of translation: intermediate physical address to physical address, by the hypervisor's tables.",
    "SUBSTITUTED": "What was read is not what was stored: the access's context is not the owner's.",
    "owner": "The context that a block of memory was last stored under.",
    "generation": "How often a MECID's key has been replaced: data of an earlier generation is noise for good.",
    "stale": "A fresh walk of the tables would contradict this TLB entry: an invalidation is missing.",
    "pending": "Written, but not yet in effect: that takes an ISB, an exception or an exception return.",
    "ISB": "Instruction Synchronisation Barrier: register writes before it act on what comes after it.",
    "DSB": "Data Synchronisation Barrier: waits for memory accesses and TLB maintenance to complete.",
    "ERET": "Exception return: to the level and place that SPSR_ELx and ELR_ELx say.",
    "SVC": "Call from EL0 to the operating system at EL1.",
    "HVC": "Call from EL1 to the hypervisor at EL2.",
    "SMC": "Call to the monitor at EL3.",
    "NZCV": "The flags: negative, zero, carry, overflow.",
    "nzcv": "The flags: negative, zero, carry, overflow.",
    "≠": "The present context does not read what was stored here.",
    "●": "A breakpoint.",
    "○": "A breakpoint that is switched off.",
    "▶": "The instruction that is executed next.",
    "?": "Nobody has written this register since reset: its value is UNKNOWN.",
    "!": "A TLB entry that a fresh walk would contradict.",
    "·": "Memory nobody has stored to.",
}
"""Words as they stand on the screen, each with one sentence."""


def explain(word: str) -> str | None:
    """What `word` means: a term, a system register, or a field of one ("SCTLR2_EL2.EMEC"); None if nobody knows."""
    found = TERMS.get(word)
    if found is not None:
        return found
    if "_" not in word or not word[0].isupper():
        return None
    from emu.registers.table import BY_NAME  # after the first frame: the table takes a while to build

    name, _, part = word.partition(".")
    register = BY_NAME.get(name)
    if register is None:
        return None
    if part:
        fields = [field for field in register.fields if field.name == part]
        return f"{word}: {fields[0].meaning}" if fields else None
    return f"{name}: {register.meaning}"


def word_at(text: str, column: int) -> str:
    """The word under a column of a line of text; "" where there is none."""
    for match in WORD.finditer(text):
        if match.start() <= column < match.end():
            return match[0].strip(".&/")
    return ""

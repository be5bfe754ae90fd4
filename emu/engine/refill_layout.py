"""Where the memo of `emu.engine.refill` has what, for Python that writes it and native code that reads it."""

from __future__ import annotations

from emu.tlb_rows import MOST_CLASSES

# A context's memo, in words.
SPACE, TAG, SECURITY, LEAF_COUNT, LIMITS = 0, 1, 2, 3, 4
"""LIMITS: the first output address beyond each half's output size."""
SECOND_TAG, SECOND_SPACE, SECOND_LIMIT, SECOND_LEAF_COUNT = 6, 7, 8, 9
"""The same of stage 2; SECOND_TAG is 0 where there is none."""
LEAVES, LEAF, MOST_LEAVES = 12, 4, 32
"""A leaf: attribute bits, tables above it << 2 | kind of access, class plus 1 (under stage 2: of nothing), bits of TAG
that the entry keeps."""
UPPERS, UPPER = LEAVES + LEAF * MOST_LEAVES, 24
"""An upper: region + 1, count, what the tables above decide, the last table's arena offset, then for each descriptor
its arena offset, value and owner; at UPPER_OWNER the owner id that the last table is read under, and at UPPER_INDEX the
bits of the index that are not one << 16 | what they are (a first table may be smaller than others). From UPPER_NESTED,
where stage 2 maps the tables, two words for each, the last table included: the page that it has there, and the class
plus 1 of the translation."""
UPPER_WORDS, MOST_UPPER, UPPER_OWNER, UPPER_INDEX, UPPER_NESTED = 4, 3, 13, 14, 16
LEAF_SHIFTS = (12, 21, 30)
"""log2 of what a leaf of a 4 KiB granule covers, last level first. Each level has uppers of its own."""
UPPER_COUNTS = (64, 16, 16)
INDEX_BITS = 9
FETCHES, FETCH, FETCH_COUNT = UPPERS + UPPER * sum(UPPER_COUNTS), 4, 64
"""A page that instructions are fetched from: its address + 1, where it is in the arena, host address of its decoded
words, the owner id that they were read under."""
GRANTS, GRANT = FETCHES + FETCH * FETCH_COUNT, 8
"""A grant: bits for the kinds of access, the last word of a load's and of a store's entry, owner id, host address of a
byte for each page of RAM that says whether it has passed granule protection (0: there is none)."""
LOADS, STORES, FETCHED = 0, 1, 2
"""Kinds of access."""
GRANT_FLAGS, GRANT_LOAD, GRANT_STORE, GRANT_OWNER, GRANT_PAGES = range(5)
SECOND_LEAVES = GRANTS + GRANT * MOST_CLASSES
SECOND_UPPERS = SECOND_LEAVES + LEAF * MOST_LEAVES
"""Leaves and uppers of stage 2."""
JOINT = SECOND_UPPERS + UPPER * sum(UPPER_COUNTS)
"""By leaf of stage 1 and class of a translation of stage 2: the class plus 1 of what the two give together."""
WORDS = JOINT + MOST_LEAVES * MOST_CLASSES

ADDRESS = 0x0000_FFFF_FFFF_F000
"""Where descriptors hold output addresses, as far as the leaf's size leaves them; the rest are its attribute bits."""

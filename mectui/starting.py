"""A quick start, and no pauses later: the garbage collector rests while everything is imported.

Hundreds of modules make objects that live as long as the program. Looking through them over and over takes a quarter
of the start, and afterwards tens of milliseconds now and then in which no key is answered.
"""

from __future__ import annotations

import gc


def begin() -> None:
    """Before the imports: nothing is collected until `settle`."""
    gc.disable()


def settle() -> None:
    """After them: what is there now is never looked through again, what comes is collected as ever."""
    gc.freeze()
    gc.enable()

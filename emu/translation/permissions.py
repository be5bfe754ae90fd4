"""What a leaf lets whom do: stage-1 and stage-2 permissions, and the check of one access against them."""

from __future__ import annotations

from functools import lru_cache

from emu.architecture import Access
from emu.translation.records import Permissions

ALL = Permissions(True, True, True, True, True, True)


@lru_cache(maxsize=2048)
def stage1_permissions(
    has_two_ranges: bool, ap: int, ap_table: int, pxn: bool, uxn: bool, wxn: bool, is_fetch_forbidden: bool
) -> Permissions:
    """Direct permissions of stage 1 (mec-reference.md 4.6), before PAN.

    `ap` is AP[2:1]; `ap_table` is the OR of APTable over the levels; `pxn` and `uxn` (XN in single-range regimes)
    include the tables' bits; `is_fetch_forbidden` stands for the rules about fetching from another address space.
    """
    is_writable = not ap & 0b10 and not ap_table & 0b10
    if not has_two_ranges:
        may_execute = not uxn and not is_fetch_forbidden and not (wxn and is_writable)
        return Permissions(True, is_writable, may_execute, False, False, False)
    unpriv_read = bool(ap & 0b01) and not ap_table & 0b01
    unpriv_write = unpriv_read and is_writable
    priv_execute = not pxn and not unpriv_write and not is_fetch_forbidden and not (wxn and is_writable)
    unpriv_execute = not uxn and not is_fetch_forbidden and not (wxn and unpriv_write)
    return Permissions(True, is_writable, priv_execute, unpriv_read, unpriv_write, unpriv_execute)


@lru_cache(maxsize=64)
def stage2_permissions(s2ap: int, xn: int, is_fetch_forbidden: bool) -> Permissions:
    """Stage 2: S2AP[1:0] = write, read; XN[1:0] with FEAT_XNX: 00 all, 01 EL0 only, 10 none, 11 EL1 only."""
    read, write = bool(s2ap & 0b01), bool(s2ap & 0b10)
    priv_execute = xn in (0b00, 0b11) and not is_fetch_forbidden
    unpriv_execute = xn in (0b00, 0b01) and not is_fetch_forbidden
    return Permissions(read, write, priv_execute, read, write, unpriv_execute)


def is_pan_blocked(permissions: Permissions, epan: bool) -> bool:
    """Whether PSTATE.PAN denies privileged data accesses: the page is open to EL0 (FEAT_PAN3: also to execute)."""
    return permissions.unpriv_read or permissions.unpriv_write or (epan and permissions.unpriv_execute)


def denial_of(
    permissions: Permissions, access: Access, el: int, is_maintenance: bool, pan: bool, epan: bool
) -> str | None:
    """What is missing for an access at a stage, in words; None when it is allowed.

    `pan` is True when PSTATE.PAN is 1 and this access honours it. Cache maintenance needs read permission at EL0,
    write permission when it invalidates (`access` WRITE), else none. A walk needs read permission.
    """
    is_unprivileged = el == 0
    if access is Access.FETCH:
        if permissions.unpriv_execute if is_unprivileged else permissions.priv_execute:
            return None
        return "no execute permission at EL0" if is_unprivileged else "no privileged execute permission"
    if is_maintenance and access is not Access.WRITE and not is_unprivileged:
        return None
    if pan and not is_unprivileged and is_pan_blocked(permissions, epan):
        return "PSTATE.PAN=1 and the page is accessible at EL0"
    if access is Access.WRITE:
        if permissions.unpriv_write if is_unprivileged else permissions.priv_write:
            return None
        return "no write permission at EL0" if is_unprivileged else "no write permission"
    if permissions.unpriv_read if is_unprivileged else permissions.priv_read:
        return None
    return "no read permission at EL0" if is_unprivileged else "no read permission"

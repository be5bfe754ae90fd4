"""View models written by hand: what the renderers are tested with."""

from __future__ import annotations

from typing import Any

from emu.architecture import PA, PAS, VA, Access, MecidSource, Regime, Security
from emu.debug.events import Hit, Moment, Owner
from emu.translation.records import (
    DescriptorField,
    Fault,
    FaultKind,
    GpcResult,
    MemoryAttributes,
    Permissions,
    Request,
    Translation,
    Walk,
    WalkStep,
)

READ_WRITE = Permissions(True, True, False, False, False, False)
NORMAL = MemoryAttributes(is_device=False, mair=0xFF, shareability=3)


def step(**changes: Any) -> WalkStep:
    """A table descriptor at level 1 of EL2's own tables, fetched under MECID 5."""
    values: dict[str, Any] = {
        "stage": 1,
        "level": 1,
        "regime": Regime.EL2,
        "table": 0x4008_3000,
        "table_source": "TTBR0_EL2",
        "index": 1,
        "index_high": 38,
        "index_low": 30,
        "address": 0x4008_3008,
        "pa": PA(0x4008_3008),
        "pas": PAS.REALM,
        "descriptor": 0x4008_4003,
        "kind": "table",
        "fields": (DescriptorField("valid", 1, "the descriptor is in use"),),
        "mecid": 5,
        "source": MecidSource.P0,
        "why": "EL2 walks use MECID_P0_EL2",
        "gpc": None,
        "owner": (PAS.REALM, 5, 0),
        "is_mismatch": False,
        "next_address": 0x4008_4000,
        "outcome": "the next table is at 0x40084000",
    }
    return WalkStep(**values | changes)


LEAF = step(
    level=3,
    table=0x4008_4000,
    table_source="level 1 descriptor",
    index=0x200,
    index_high=20,
    index_low=12,
    address=0x4008_5000,
    pa=PA(0x4008_5000),
    descriptor=0x4008_8743,
    kind="page",
    next_address=0x4008_8000,
    outcome="page at 0x40088000",
)

TRANSLATION = Translation(
    va_base=VA(0x4020_0000),
    size=4096,
    pa_base=PA(0x4008_8000),
    pas=PAS.REALM,
    permissions=READ_WRITE,
    stage2_permissions=None,
    attributes=NORMAL,
    source=MecidSource.P0,
    why="SCTLR2_EL2.EMEC=1, leaf AMEC=0",
    level=3,
)


def walk(**changes: Any) -> Walk:
    """A read from EL2 that finds a page which somebody stored to under MECID 5, while P0 is 6."""
    values: dict[str, Any] = {
        "request": Request(VA(0x4020_0010), Access.READ, 2, Regime.EL2, Security.REALM, 8),
        "steps": (step(), LEAF),
        "translation": TRANSLATION,
        "fault": None,
        "pa": PA(0x4008_8010),
        "pas": PAS.REALM,
        "mecid": 6,
        "source": MecidSource.P0,
        "why": "SCTLR2_EL2.EMEC=1, leaf AMEC=0",
        "gpc": GpcResult(PA(0x4008_8010), PAS.REALM, enabled=True, level=1, gpi=0b1011),
        "owner": (PAS.REALM, 5, 0),
        "is_mismatch": True,
        "stage1_enabled": True,
        "stage2_enabled": False,
        "summary": "",
    }
    return Walk(**values | changes)


MISSING = walk(
    steps=(step(), step(level=3, kind="invalid", descriptor=0, next_address=None, outcome="bit 0 is 0: no mapping")),
    translation=None,
    pa=None,
    pas=None,
    gpc=None,
    owner=None,
    is_mismatch=False,
    fault=Fault(FaultKind.TRANSLATION, 3, "bit 0 of the level 3 descriptor is 0"),
)

STAGE2_STEP = step(
    stage=2,
    level=3,
    regime=Regime.EL10,
    kind="page",
    source=MecidSource.VP,
    mecid=7,
    next_address=0x4020_2000,
    outcome="page at 0x40202000",
)

TWO_STAGES = walk(
    request=Request(VA(0x4020_0010), Access.WRITE, 1, Regime.EL10, Security.REALM, 8),
    steps=(step(regime=Regime.EL10, source=MecidSource.VP, mecid=7, stage2=(STAGE2_STEP, STAGE2_STEP)),),
    stage2=(STAGE2_STEP,),
    stage2_enabled=True,
    mecid=7,
    source=MecidSource.VP,
    owner=(PAS.REALM, 7, 0),
    is_mismatch=False,
)

STORED = Moment(901, VA(0x4008_1000), 2, Security.REALM)
ASKED = Moment(1204, VA(0x4008_1044), 2, Security.REALM)
HIT = Hit(
    moment=ASKED,
    va=VA(0x4020_0000),
    pa=PA(0x4008_8000),
    access=Access.READ,
    size=8,
    pas=PAS.REALM,
    mecid=6,
    source=MecidSource.P0,
    owned_by=Owner(PAS.REALM, 5, 0),
    writer=STORED,
)

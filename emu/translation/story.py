"""The whole story of one address, for people: the walker's own steps, what lies at their end, and one sentence."""

from __future__ import annotations

from emu.architecture import PA, PAS, MecidSource
from emu.debug.events import Owner
from emu.features import Features
from emu.mec.selection import explain_mecid, mecid_value
from emu.translation.cacheability import is_cacheable_access
from emu.translation.faults import describe
from emu.translation.ports import GranuleCheck, WalkMemory
from emu.translation.records import Fault, FaultKind, GpcResult, Request, Translation, Walk, WalkStep
from emu.translation.regimes import RegisterView
from emu.translation.situation import situation_of
from emu.translation.walk import Trace, Walker


def tell(
    request: Request,
    walker: Walker,
    regs: RegisterView,
    features: Features,
    memory: WalkMemory,
    granules: GranuleCheck,
) -> Walk:
    """Walk for a request and gather everything about it. The caller sees to it that reads leave no trace."""
    trace = Trace()
    found = walker.translate(request, trace)
    steps, stage2 = tuple(trace.steps), tuple(trace.stage2)
    situation = situation_of(request, regs)
    pa: PA | None = None
    pas: PAS | None = None
    gpc: GpcResult | None = None
    owner: Owner | None = None
    source, mecid, why, is_mismatch = MecidSource.ZERO, 0, "", False
    fault: Fault | None = None
    if isinstance(found, Fault):
        fault = found
    else:
        pa, pas, source = walker.physical(request, found), found.pas, found.source
        mecid = mecid_value(regs, source, features)
        remark = explain_mecid(regs, source, features)
        why = f"{found.why}; {remark}" if remark else found.why
        if not request.is_at:
            gpc = granules.check(pa, pas, request.security)
            if gpc.failure is not None:
                fault = Fault(FaultKind.GPC, 0, gpc.reason, gpc=gpc)
        owner = memory.owner_of(pa)
        if fault is None:
            cacheable = features.has_cache and is_cacheable_access(found, request.access, request.regime, regs)
            word = memory.read_u64(PA(pa & ~7), pas, mecid, cacheable)
            is_mismatch = word is not None and word[1] != 0
    return Walk(
        request=request,
        steps=steps,
        translation=found if isinstance(found, Translation) else None,
        fault=fault,
        pa=pa,
        pas=pas,
        mecid=mecid,
        source=source,
        why=why,
        gpc=gpc,
        owner=None if owner is None else (owner.pas, owner.mecid, owner.generation),
        is_mismatch=is_mismatch,
        stage1_enabled=situation.is_stage1_on,
        stage2_enabled=situation.is_stage2_on,
        summary=_fault_summary(fault, (*steps, *stage2))
        if fault is not None
        else _summary(request, pa, pas, source, mecid, why, owner if is_mismatch else None),
        stage2=stage2,
    )


def _summary(
    request: Request, pa: PA | None, pas: PAS | None, source: MecidSource, mecid: int, why: str, owner: Owner | None
) -> str:
    assert pa is not None
    assert pas is not None
    register = "" if source is MecidSource.ZERO else f" from {source.value}"
    text = f"{request.va:#x} goes to {pas.label} {pa:#x} under MECID {mecid}{register} ({why})"
    if owner is None:
        return text
    return f"{text}; the bytes there belong to {_context(owner.pas, owner.mecid, owner.generation)}: a read is noise"


def _fault_summary(fault: Fault, steps: tuple[WalkStep, ...]) -> str:
    text = describe(fault)
    noisy = _first_mismatch(steps)
    if noisy is None or noisy.owner is None:
        return text
    stage = f"stage-{noisy.stage} level {noisy.level} descriptor"
    used = f"MECID {noisy.mecid} ({noisy.source.value})" if noisy.mecid or noisy.source.value != "0" else "MECID 0"
    return f"{text}. The {stage} was fetched under {used} but belongs to {_context(*noisy.owner)}"


def _first_mismatch(steps: tuple[WalkStep, ...]) -> WalkStep | None:
    for step in steps:
        found = _first_mismatch(step.stage2)
        if found is not None:
            return found
        if step.is_mismatch:
            return step
    return None


def _context(pas: PAS, mecid: int, generation: int) -> str:
    return f"{pas.label} MECID {mecid}" + (f" of key generation {generation}" if generation else "")

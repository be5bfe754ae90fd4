"""The JSON report of a run (schema 1) and of a walk: names and fields here are a contract."""

from __future__ import annotations

from typing import Any

import emu
from emu.debug.events import ExceptionTaken, Hit
from emu.mec.pages import MecPage
from emu.mec.rules import DEFAULT, Finding, Rule
from emu.translation.records import Fault, GpcResult, Walk, WalkStep
from mectui.queries.history import History
from mectui.queries.registers import system

SCHEMA = 1


def report(machine: emu.Machine, stop: emu.Stop, guest: str) -> dict[str, Any]:
    """Everything `mectui run --json` prints."""
    seconds = machine.seconds
    return {
        "schema": SCHEMA,
        "guest": guest,
        "engine": machine.engine_name,
        "mec_model": machine.mec_model,
        "stop": stop_json(stop),
        "instructions": machine.instructions,
        "seconds": round(seconds, 6),
        "mips": round(machine.instructions / seconds / 1e6, 3) if seconds else 0.0,
        "console": machine.console,
        "mec": {
            **contexts_json(machine),
            "hit_count": machine.mec.hit_count,
            "hits": [hit_json(hit) for hit in machine.mec.hits],
            "finding_count": machine.mec.finding_count,
            "findings": [finding_json(finding) for finding in machine.mec.findings],
        },
        "exceptions": [exception_json(event) for event in machine.exceptions],
    }


def contexts_json(machine: emu.Machine) -> dict[str, Any]:
    """The enables, the MECID registers, and who owns which page."""
    enables = machine.mec.effective()
    return {
        "emec": {"el2": enables["emec_el2"][0], "el3": enables["emec_el3"][0]},
        "registers": machine.mec.registers(),
        "pending": pending_json(machine),
        "pages": [page_json(page) for page in machine.mec.pages()],
    }


def mec_json(machine: emu.Machine) -> dict[str, Any]:
    """Everything `mectui mec --json` prints."""
    enables = {name: {"effective": effective, "why": why} for name, (effective, why) in machine.mec.effective().items()}
    return {"schema": SCHEMA, **contexts_json(machine), "enables": enables}


def registers_json(machine: emu.Machine, history: History) -> dict[str, Any]:
    """Everything `mectui regs --json` prints: every register by name, as hexadecimal text; of system registers the
    fields, what acts where that is another value, and who wrote last those that steer translation and MEC.
    """
    cpu = machine.cpu
    unknown = machine.registers.never_written
    views = [view for _, group in system(machine, history=history).groups for view in group]
    return {
        "schema": SCHEMA,
        "el": cpu.el,
        "security": cpu.security.label,
        "general": {f"x{number}": hexadecimal(cpu.x[number]) for number in range(31)}
        | {"sp": hexadecimal(cpu.sp), "pc": hexadecimal(cpu.pc), "nzcv": hexadecimal(cpu.nzcv)},
        "system": {register.name: hexadecimal(cpu.sysreg[register.name]) for register in machine.registers.table},
        "unknown": [register.name for register in machine.registers.table if register.name in unknown],
        "fields": {view.name: {field.name: field.value for field in view.fields} for view in views if view.fields},
        "acting": {view.name: {"value": hexadecimal(view.effective), "why": view.why} for view in views if view.why},
        "pending": pending_json(machine),
        "written": {
            view.name: {
                "instruction": view.written.instruction,
                "pc": hexadecimal(view.written.pc),
                "by": view.written_by,
                "el": view.written.el,
                "security": view.written.security.label,
            }
            for view in views
            if view.written is not None
        },
        "simd": {f"v{number}": hexadecimal(cpu.v[number]) for number in range(32)},
    }


def stop_json(stop: emu.Stop) -> dict[str, Any]:
    return {
        "reason": stop.reason.value,
        "code": stop.code,
        "pc": hexadecimal(stop.pc),
        "el": stop.el,
        "security": stop.security.label,
        "message": stop.message,
    }


def check_report(machine: emu.Machine, stop: emu.Stop, guest: str) -> dict[str, Any]:
    """Everything `mectui check --json` prints."""
    findings = machine.mec.findings
    return {
        "schema": SCHEMA,
        "guest": guest,
        "engine": machine.engine_name,
        "mec_model": machine.mec_model,
        "stop": stop_json(stop),
        "instructions": machine.instructions,
        "rules": [rule.id for rule in machine.mec.rules],
        "finding_count": machine.mec.finding_count,
        "findings": [finding_json(finding) for finding in findings],
    }


def finding_json(finding: Finding) -> dict[str, Any]:
    other = finding.other
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "instruction": finding.instruction,
        "pc": hexadecimal(finding.pc),
        "el": finding.moment.el,
        "security": finding.moment.security.label,
        "va": hexadecimal(finding.va),
        "pa": hexadecimal(finding.pa),
        "message": finding.message,
        "fix": finding.fix,
        "count": finding.count,
        "other": None
        if other is None
        else {
            "instruction": other.instruction,
            "pc": hexadecimal(other.pc),
            "el": other.el,
            "security": other.security.label,
        },
    }


def rule_json(rule: type[Rule]) -> dict[str, Any]:
    """One rule of the catalogue, as `mectui check --list --json` prints it."""
    return {
        "rule": rule.id,
        "severity": rule.severity.value,
        "title": rule.title,
        "why": rule.why,
        "fix": rule.fix,
        "numbers": list(rule.numbers),
        "default": rule.id in DEFAULT,
    }


def hexadecimal(value: int | None) -> str | None:
    return None if value is None else f"{value:#x}"


def pending_json(machine: emu.Machine) -> dict[str, Any]:
    """Registers written since the last context synchronisation event: what acts, what they hold, since when."""
    return {
        name: {"acting": acting, "programmed": programmed, "instruction": moment.instruction}
        for name, (acting, programmed, moment) in machine.registers.pending().items()
    }


def page_json(page: MecPage) -> dict[str, Any]:
    return {
        "pa": hexadecimal(page.pa),
        "pas": page.pas.label,
        "mecid": page.mecid,
        "generation": page.generation,
        "mixed": page.mixed,
    }


def hit_json(hit: Hit) -> dict[str, Any]:
    return {
        "instruction": hit.instruction,
        "pc": hexadecimal(hit.pc),
        "el": hit.el,
        "security": hit.security.label,
        "va": hexadecimal(hit.va),
        "pa": hexadecimal(hit.pa),
        "access": hit.access.value,
        "size": hit.size,
        "pas": hit.pas.label,
        "mecid": hit.mecid,
        "owner": hit.owner,
        "owner_pas": hit.owned_by.pas.label,
        "owner_generation": hit.owned_by.generation,
        "source": hit.source.value,
    }


def exception_json(event: ExceptionTaken) -> dict[str, Any]:
    found: dict[str, Any] = {
        "instruction": event.moment.instruction,
        "from_el": event.moment.el,
        "to_el": event.to_el,
        "ec": f"{event.ec:#04x}",
        "esr": hexadecimal(event.esr),
        "far": hexadecimal(event.far),
        "elr": hexadecimal(event.elr),
        "kind": event.kind,
    }
    if event.mfar is not None:
        found["mfar"] = hexadecimal(event.mfar)
    return found


def walk_json(walk: Walk) -> dict[str, Any]:
    """Everything `mectui walk --json` prints."""
    request = walk.request
    return {
        "schema": SCHEMA,
        "va": hexadecimal(request.va),
        "access": request.access.value,
        "el": request.el,
        "regime": request.regime.value,
        "security": request.security.label,
        "stage1": walk.stage1_enabled,
        "stage2": walk.stage2_enabled,
        "steps": [step_json(step) for step in walk.steps],
        "stage2_steps": [step_json(step) for step in walk.stage2],
        "pa": hexadecimal(walk.pa),
        "pas": None if walk.pas is None else walk.pas.label,
        "mecid": walk.mecid,
        "source": walk.source.value,
        "why": walk.why,
        "gpc": gpc_json(walk.gpc),
        "owner": owner_json(walk.owner),
        "mismatch": walk.is_mismatch,
        "fault": fault_json(walk.fault),
        "summary": walk.summary,
    }


def step_json(step: WalkStep) -> dict[str, Any]:
    return {
        "stage": step.stage,
        "level": step.level,
        "table": hexadecimal(step.table),
        "table_source": step.table_source,
        "index": step.index,
        "index_bits": [step.index_high, step.index_low],
        "address": hexadecimal(step.address),
        "pa": hexadecimal(step.pa),
        "pas": None if step.pas is None else step.pas.label,
        "descriptor": hexadecimal(step.descriptor),
        "kind": step.kind,
        "fields": {field.name: field.value for field in step.fields},
        "mecid": step.mecid,
        "source": step.source.value,
        "why": step.why,
        "gpc": gpc_json(step.gpc),
        "owner": owner_json(step.owner),
        "mismatch": step.is_mismatch,
        "next": hexadecimal(step.next_address),
        "outcome": step.outcome,
        "stage2": [step_json(inner) for inner in step.stage2],
    }


def gpc_json(gpc: GpcResult | None) -> dict[str, Any] | None:
    if gpc is None:
        return None
    return {
        "enabled": gpc.enabled,
        "level": gpc.level,
        "gpi": gpc.gpi,
        "failure": None if gpc.failure is None else gpc.failure.name.lower(),
        "reason": gpc.reason,
    }


def owner_json(owner: tuple[Any, int, int] | None) -> dict[str, Any] | None:
    if owner is None:
        return None
    pas, mecid, generation = owner
    return {"pas": pas.label, "mecid": mecid, "generation": generation}


def fault_json(fault: Fault | None) -> dict[str, Any] | None:
    if fault is None:
        return None
    return {
        "kind": fault.kind.value,
        "level": fault.level,
        "second_stage": fault.second_stage,
        "s1ptw": fault.s1ptw,
        "ipa": hexadecimal(fault.ipa),
        "reason": fault.reason,
    }

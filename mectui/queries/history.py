"""What a run leaves no trace of in the machine: who wrote a register last, and which VMID ran under which MECID."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from emu.architecture import Security
from emu.debug.events import Event, ExceptionReturned, MecidWritten, Moment, RegisterWritten

if TYPE_CHECKING:
    import emu

VMECIDS = ("VMECID_P_EL2", "VMECID_A_EL2")
_VMID_SHIFT = 48


def _enters_no_guest(event: Event) -> bool:
    """Whether a return is anything but the entry of a Realm."""
    assert isinstance(event, ExceptionReturned)
    return event.moment.el < 2 or event.to_el > 1 or event.to_security is not Security.REALM


class Tenant(NamedTuple):
    """A guest of EL2: its VMID, and the register and number of the MECID it ran under."""

    vmid: int
    register: str
    mecid: int


@dataclass(frozen=True, slots=True)
class Tenancy:
    """That a VMID was entered under a MECID: how often, and when last."""

    tenant: Tenant
    times: int
    last: Moment


class History:
    """Listens to a machine from the moment it is made. Costs something only where a register is written or ERET runs.

    `RegisterWritten` is told of registers that steer translation, granule protection and MECs; the others are not here.
    """

    def __init__(self, machine: emu.Machine) -> None:
        self._machine = machine
        self.writes: dict[str, Moment] = {}
        """The last MSR to each register."""
        self._tenancies: dict[Tenant, Tenancy] = {}
        machine.events.subscribe(self._written, RegisterWritten, MecidWritten)
        machine.events.subscribe(self._returned, ExceptionReturned, ignores=_enters_no_guest)

    def keep(self) -> object:
        """For going back in time: what is known by now."""
        return dict(self.writes), dict(self._tenancies)

    def put_back(self, kept: object) -> None:
        assert isinstance(kept, tuple)
        self.writes, self._tenancies = dict(kept[0]), dict(kept[1])

    @property
    def tenancies(self) -> tuple[Tenancy, ...]:
        return tuple(self._tenancies.values())

    def under(self, mecid: int) -> tuple[Tenancy, ...]:
        """The VMIDs that were ever entered with a VMECID register at this number, the latest first."""
        found = [item for tenant, item in self._tenancies.items() if tenant.mecid == mecid]
        return tuple(sorted(found, key=lambda item: -item.last.instruction))

    def mecid_of(self, vmid: int, register: str) -> int | None:
        """What a VMECID register held when this VMID was last entered; None where it never was."""
        found = [item for tenant, item in self._tenancies.items() if tenant[:2] == (vmid, register)]
        return max(found, key=lambda item: item.last.instruction).tenant.mecid if found else None

    def is_last_of(self, tenancy: Tenancy) -> bool:
        """Whether the VMID was not entered under another MECID since."""
        tenant = tenancy.tenant
        return self.mecid_of(tenant.vmid, tenant.register) == tenant.mecid

    def _written(self, event: Event) -> None:
        assert isinstance(event, RegisterWritten | MecidWritten)
        self.writes[event.register] = event.moment

    def _returned(self, event: Event) -> None:
        assert isinstance(event, ExceptionReturned)
        if _enters_no_guest(event):
            return
        cpu = self._machine.cpu
        if not cpu.features.has_mec:
            return
        regs = cpu.sysreg
        vmid = regs["VTTBR_EL2"] >> _VMID_SHIFT
        unwritten = self._machine.registers.never_written
        for register in VMECIDS:
            if register in unwritten:
                continue
            tenant = Tenant(vmid, register, regs[register] & 0xFFFF)
            before = self._tenancies.get(tenant)
            self._tenancies[tenant] = Tenancy(tenant, 1 if before is None else before.times + 1, event.moment)

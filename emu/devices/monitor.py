"""The calls that EL3 firmware answers, for machines that start below EL3 and so have no firmware of their own.

A caller is Realm EL2, as TF-RMM is; the calls are those of the RMM-EL3 interface and of FIRME that the machine can
mean something by, and the SMC Calling Convention's own (mec-reference.md 5.3). Everything else gets NOT_SUPPORTED.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from emu.architecture import PAGE, Security


class Call(IntEnum):
    """Function ids, in W0."""

    SMCCC_VERSION = 0x8000_0000
    SMCCC_ARCH_FEATURES = 0x8000_0001
    RMM_GTSI_DELEGATE = 0xC400_01B0
    RMM_GTSI_UNDELEGATE = 0xC400_01B1
    RMM_MEC_REFRESH = 0xC400_01B6
    RMM_BOOT_COMPLETE = 0xC400_01CF
    FIRME_VERSION = 0xC400_0400
    FIRME_FEATURES = 0xC400_0401
    FIRME_GM_GPI_SET = 0xC400_0402
    FIRME_MECID_REFRESH = 0xC400_0407


_KNOWN = frozenset(Call)
SUCCESS, NOT_SUPPORTED, INVALID, WRONG_SPACE, DENIED = 0, -1, -2, -3, -5
"""Status codes. WRONG_SPACE is the RMM-EL3 interface's own: the granule is not in the space that the call expects."""
SMCCC_1_2 = 0x1_0002
FIRME_1_0 = 0x1_0000
BASE_SERVICE, GRANULE_SERVICE, MECID_SERVICE = 0, 1, 3
GPI_NON_SECURE, GPI_REALM = 0x9, 0xB
_LARGEST_COUNT = 0x80
"""Granules that one FIRME_GM_GPI_SET may ask for."""

Results = tuple[int, ...]
"""What X0 and the registers after it become; those beyond keep their values."""


class Monitor:
    """The firmware's side of an SMC.

    There is no granule protection table while nobody has enabled granule protection: delegation is then a list of
    granules. Once somebody has (a debugger), the table is theirs and delegation is DENIED.
    """

    def __init__(
        self,
        *,
        mecid_width: int,
        refresh: Callable[[int], None],
        is_memory: Callable[[int], bool],
        is_protected: Callable[[], bool],
    ) -> None:
        """`mecid_width` in bits, 0 without FEAT_MEC. `is_memory` tells whether a granule's PA can be delegated,
        `is_protected` whether granule protection is on."""
        self._width = mecid_width
        self._refresh = refresh
        self._is_memory = is_memory
        self._is_protected = is_protected
        self.realm: set[int] = set()
        """Physical addresses of the granules that belong to the Realm space."""
        self.boot_status: int | None = None
        """What RMM_BOOT_COMPLETE said."""

    def call(self, arguments: tuple[int, ...], el: int, security: Security) -> Results:
        """Answer an SMC with X0 to X7 in `arguments`."""
        function = arguments[0] & 0xFFFF_FFFF
        if function not in _KNOWN:
            return (NOT_SUPPORTED,)
        if function >= Call.RMM_GTSI_DELEGATE and (el, security) != (2, Security.REALM):
            return (NOT_SUPPORTED,)
        x1, x2, x3 = arguments[1:4]
        match Call(function):
            case Call.SMCCC_VERSION:
                return (SMCCC_1_2,)
            case Call.SMCCC_ARCH_FEATURES:
                return (SUCCESS if x1 & 0xFFFF_FFFF in (Call.SMCCC_VERSION, Call.SMCCC_ARCH_FEATURES) else -1,)
            case Call.RMM_GTSI_DELEGATE:
                return (self._move(x1, GPI_REALM),)
            case Call.RMM_GTSI_UNDELEGATE:
                return (self._move(x1, GPI_NON_SECURE),)
            case Call.RMM_MEC_REFRESH | Call.FIRME_MECID_REFRESH:
                return (self._refresh_key(x1),)
            case Call.RMM_BOOT_COMPLETE:
                self.boot_status = x1
                return (SUCCESS,)
            case Call.FIRME_VERSION:
                return (FIRME_1_0 if self._has_service(x1) else NOT_SUPPORTED,)
            case Call.FIRME_FEATURES:
                return self._features(x1, x2)
            case Call.FIRME_GM_GPI_SET:
                return self._set_gpi(x1, x2, x3)

    def _has_service(self, service: int) -> bool:
        return service in (BASE_SERVICE, GRANULE_SERVICE) or (service == MECID_SERVICE and bool(self._width))

    def _features(self, service: int, register: int) -> Results:
        """FIRME's feature registers: register 0 has a bit for each call, register 1 the service's own fields."""
        if not self._has_service(service):
            return (NOT_SUPPORTED,)
        services = sum(1 << 15 + other for other in (GRANULE_SERVICE, MECID_SERVICE) if self._has_service(other))
        registers = {
            (BASE_SERVICE, 0): 0b11,
            (BASE_SERVICE, 1): services,
            (GRANULE_SERVICE, 0): 1,
            (GRANULE_SERVICE, 1): _LARGEST_COUNT,
            (MECID_SERVICE, 0): 1,
            (MECID_SERVICE, 1): self._width - 1,
        }
        value = registers.get((service, register))
        return (NOT_SUPPORTED,) if value is None else (SUCCESS, value)

    def _refresh_key(self, argument: int) -> int:
        """[47:32] MECID, [0] the reason (0 a Realm is made, 1 destroyed), everything else 0."""
        if not self._width:
            return NOT_SUPPORTED
        mecid = argument >> 32
        if argument & 0xFFFF_FFFE or mecid >> self._width:
            return INVALID
        self._refresh(mecid)
        return SUCCESS

    def _move(self, pa: int, gpi: int) -> int:
        """Move a granule between the Non-secure and the Realm space."""
        if pa % PAGE or not self._is_memory(pa):
            return INVALID
        if self._is_protected():
            return DENIED
        if (pa in self.realm) is (gpi == GPI_REALM):
            return WRONG_SPACE
        self.realm ^= {pa}
        return SUCCESS

    def _set_gpi(self, pa: int, count: int, argument: int) -> Results:
        """Status, and how many granules it was done for."""
        gpi = argument & 0xF
        if gpi not in (GPI_NON_SECURE, GPI_REALM) or not count:
            return (INVALID, 0)
        done, status = 0, SUCCESS
        while done < min(count, _LARGEST_COUNT):
            status = self._move(pa + done * PAGE, gpi)
            if status != SUCCESS:
                break
            done += 1
        if done:
            return (SUCCESS, done)
        return (DENIED if status == WRONG_SPACE else status, 0)

    def reset(self) -> None:
        self.realm.clear()
        self.boot_status = None

    def snapshot(self) -> object:
        return frozenset(self.realm), self.boot_status

    def restore(self, kept: object) -> None:
        assert isinstance(kept, tuple)
        self.realm, self.boot_status = set(kept[0]), kept[1]

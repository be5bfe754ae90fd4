"""Names of the calls that firmware and monitors answer, by function id: for people, who do not know them by heart.

Sources: SMC Calling Convention (DEN0028), PSCI (DEN0022), Realm Management Monitor 1.0 (DEN0137) for RMI and RSI, and
`emu.devices.monitor` for the calls that this machine's own firmware answers.
"""

from __future__ import annotations

from emu.devices.monitor import Call

_FAST_64 = 0xC400_0000
_FAST_32 = 0x8400_0000


def _row(base: int, first: int, names: str) -> dict[int, str]:
    """Names in the order of their ids; "-" where none has the id."""
    return {base | first + at: name for at, name in enumerate(names.split()) if name != "-"}


_RMI = (
    "VERSION GRANULE_DELEGATE GRANULE_UNDELEGATE DATA_CREATE DATA_CREATE_UNKNOWN DATA_DESTROY - REALM_ACTIVATE "
    "REALM_CREATE REALM_DESTROY REC_CREATE REC_DESTROY REC_ENTER RTT_CREATE RTT_DESTROY RTT_MAP_UNPROTECTED - "
    "RTT_READ_ENTRY RTT_UNMAP_UNPROTECTED - PSCI_COMPLETE FEATURES RTT_FOLD REC_AUX_COUNT RTT_INIT_RIPAS RTT_SET_RIPAS"
)
_RSI = (
    "VERSION FEATURES MEASUREMENT_READ MEASUREMENT_EXTEND ATTESTATION_TOKEN_INIT ATTESTATION_TOKEN_CONTINUE "
    "REALM_CONFIG IPA_STATE_SET IPA_STATE_GET HOST_CALL"
)
_PSCI = (
    "VERSION CPU_SUSPEND CPU_OFF CPU_ON AFFINITY_INFO MIGRATE MIGRATE_INFO_TYPE MIGRATE_INFO_UP_CPU SYSTEM_OFF "
    "SYSTEM_RESET FEATURES"
)
_PSCI_64 = "- CPU_SUSPEND - CPU_ON AFFINITY_INFO MIGRATE - MIGRATE_INFO_UP_CPU"


def _named(prefix: str, row: dict[int, str]) -> dict[int, str]:
    return {function: f"{prefix}_{name}" for function, name in row.items()}


NAMES: dict[int, str] = {
    **_named("PSCI", _row(_FAST_32, 0, _PSCI)),
    **_named("PSCI", _row(_FAST_64, 0, _PSCI_64)),
    **_named("RMI", _row(_FAST_64, 0x150, _RMI)),
    **_named("RSI", _row(_FAST_64, 0x190, _RSI)),
    **{call.value: call.name for call in Call},
}
"""By W0 of the SMC or HVC."""


def call_name(function: int) -> str:
    """ "RMI_DATA_CREATE", or "" for an id without a name here."""
    return NAMES.get(function, "")


def named(function: int) -> str:
    """ "0xc4000153 (RMI_DATA_CREATE)"."""
    name = call_name(function)
    return f"{function:#010x} ({name})" if name else f"{function:#010x}"

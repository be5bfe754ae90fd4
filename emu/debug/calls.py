"""Names of the calls that firmware and monitors answer, by function id: for people, who do not know them by heart.

Sources: SMC Calling Convention (DEN0028), PSCI (DEN0022), Realm Management Monitor 1.0 (DEN0137) for RMI and RSI,
TF-RMM for ids that came after 1.0, and `emu.devices.monitor` for the calls that this machine's own firmware answers.
"""

from __future__ import annotations

from emu.devices.monitor import Call

_FAST_64 = 0xC400_0000
_FAST_32 = 0x8400_0000


def _row(base: int, first: int, names: str) -> dict[int, str]:
    """Names in the order of their ids; "-" where none has the id."""
    return {base | first + at: name for at, name in enumerate(names.split()) if name != "-"}


_RMI = {
    0x150: (
        "VERSION GRANULE_DELEGATE GRANULE_UNDELEGATE DATA_CREATE DATA_CREATE_UNKNOWN DATA_DESTROY - REALM_ACTIVATE "
        "REALM_CREATE REALM_DESTROY REC_CREATE REC_DESTROY REC_ENTER RTT_CREATE RTT_DESTROY RTT_MAP_UNPROTECTED - "
        "RTT_READ_ENTRY RTT_UNMAP_UNPROTECTED - PSCI_COMPLETE FEATURES RTT_FOLD REC_AUX_COUNT RTT_INIT_RIPAS "
        "RTT_SET_RIPAS"
    ),
    0x163: "RTT_DEV_VALIDATE",
    0x16A: "VSMMU_CREATE VSMMU_DESTROY VSMMU_MAP VSMMU_UNMAP RMM_CONFIG_SET PSMMU_IRQ_NOTIFY",
    0x174: (
        "PDEV_ABORT PDEV_COMMUNICATE PDEV_CREATE PDEV_DESTROY PDEV_GET_STATE - PDEV_STREAM_KEY_REFRESH "
        "PDEV_SET_PUBKEY PDEV_STOP RTT_AUX_CREATE RTT_AUX_DESTROY RTT_AUX_FOLD RTT_AUX_MAP_PROTECTED "
        "RTT_AUX_MAP_UNPROTECTED - RTT_AUX_UNMAP_PROTECTED RTT_AUX_UNMAP_UNPROTECTED VDEV_ABORT "
        "VDEV_COMMUNICATE VDEV_CREATE VDEV_DESTROY VDEV_GET_STATE VDEV_UNLOCK RTT_SET_S2AP - - "
        "VDEV_COMPLETE"
    ),
    0x1D0: "VDEV_GET_INTERFACE_REPORT VDEV_GET_MEASUREMENTS VDEV_LOCK VDEV_START",
    0x1D7: "PSMMU_ACTIVATE PSMMU_DEACTIVATE - - PSMMU_ST_L2_CREATE PSMMU_ST_L2_DESTROY",
    0x1E1: "GRANULE_TRACKING_GET - GRANULE_TRACKING_SET",
    0x1EC: "RMM_CONFIG_GET",
    0x1F1: (
        "GRANULE_RANGE_DELEGATE GRANULE_RANGE_UNDELEGATE GPT_L1_CREATE GPT_L1_DESTROY RTT_DATA_MAP "
        "RTT_DATA_UNMAP RTT_DEV_MAP RTT_DEV_UNMAP - - RTT_UNPROT_MAP RTT_UNPROT_UNMAP"
    ),
    0x201: (
        "REALM_TERMINATE RMM_ACTIVATE OP_CONTINUE PDEV_STREAM_CONNECT PDEV_STREAM_DISCONNECT "
        "PDEV_STREAM_COMPLETE PDEV_STREAM_KEY_PURGE OP_MEM_DONATE OP_MEM_RECLAIM OP_CANCEL"
    ),
}
"""By the first id of a row, the names in it; the first row as RMM 1.0 has it, the others came later."""
_RSI = {
    0x190: (
        "VERSION FEATURES MEASUREMENT_READ MEASUREMENT_EXTEND ATTESTATION_TOKEN_INIT ATTESTATION_TOKEN_CONTINUE "
        "REALM_CONFIG IPA_STATE_SET IPA_STATE_GET HOST_CALL"
    ),
    0x19A: (
        "VSMMU_GET_INFO ARCH_DEV_ACTIVATE VDEV_DMA_ENABLE VDEV_GET_INFO - VDEV_VALIDATE_MAPPING "
        "MEM_GET_PERM_VALUE MEM_SET_PERM_INDEX MEM_SET_PERM_VALUE PLANE_ENTER VDEV_DMA_DISABLE"
    ),
    0x1AE: "PLANE_SYSREG_READ PLANE_SYSREG_WRITE",
}
_PSCI = (
    "VERSION CPU_SUSPEND CPU_OFF CPU_ON AFFINITY_INFO MIGRATE MIGRATE_INFO_TYPE MIGRATE_INFO_UP_CPU SYSTEM_OFF "
    "SYSTEM_RESET FEATURES"
)
_PSCI_64 = "- CPU_SUSPEND - CPU_ON AFFINITY_INFO MIGRATE - MIGRATE_INFO_UP_CPU"


def _named(prefix: str, base: int, rows: dict[int, str]) -> dict[int, str]:
    return {
        function: f"{prefix}_{name}"
        for first, names in rows.items()
        for function, name in _row(base, first, names).items()
    }


NAMES: dict[int, str] = {
    **_named("PSCI", _FAST_32, {0: _PSCI}),
    **_named("PSCI", _FAST_64, {0: _PSCI_64}),
    **_named("RMI", _FAST_64, _RMI),
    **_named("RSI", _FAST_64, _RSI),
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

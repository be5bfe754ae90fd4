// Which enables stand between Realm EL2 and its MECIDs, and where granule protection faults go. EL3 and EL2 step over
// whatever traps or faults, so the report's list of exceptions tells the story, in this order:
//
//   SCR_EL3.MECEn=0     MRS MECID_P0_EL2 traps to EL3; MECIDR_EL2 and DC CIPAE do not
//   SCR_EL3.SCTLR2En=0  MSR SCTLR2_EL2 traps to EL3
//   SCR_EL3.TCR2En=0    MSR TCR2_EL2 traps to EL3; the leaf with AMEC=1 takes a Translation fault to EL2
//   Realm EL1           MRS MECID_P0_EL2, MRS MECIDR_EL2, DC CIPAE: UNDEFINED at EL1
//   Non-secure EL2      MRS MECID_P0_EL2, DC CIPAE: UNDEFINED at EL2; MECIDR_EL2 is not
//   GPT                 SCR_EL3.GPF=1: GPC exception to EL3; GPF=0: Data Abort to EL2
//
// Every store while an enable is 0 is checked by the test through the owners of pages.
// Exit codes: 0 done; 1 to 9 a check failed.

#include "registers.inc"
#include "tables.inc"
#include "console.inc"
#include "exceptions.inc"
#include "monitor.inc"
#include "mec.inc"

#define SCR_ALL         (SCR_REALM_WITH_MEC | SCR_GPF)
#define WINDOW          0x40200000
#define PLAIN_VA        (WINDOW + 0x0000)       // one page, AMEC=0
#define AMEC_VA         (WINDOW + 0x1000)       // another, AMEC=1
#define HOST_VA         (WINDOW + 0x2000)       // Realm leaf, but the GPT says Non-secure
#define GPCCR_ON        ((1 << 16) | (3 << 12) | (1 << 10) | (1 << 8) | 1)     // PPS 36 bits, 4 KiB

.macro firmware scr
        mov_const x0, \scr
        smc     #0
.endm

        .section .text
        .globl  _start
function _start
        monitor_start monitor_vectors, monitor_stack_top
        require_mec
        reset_el2_mec_controls
        address x0, gpt_level0
        lsr     x0, x0, #12
        msr     S3_6_C2_C1_4, x0            // GPTBR_EL3
        mov_const x0, GPCCR_ON
        msr     S3_6_C2_C1_6, x0            // GPCCR_EL3
        isb
        tlbi    PAALL
        dsb     sy
        isb
        enter_realm_el2 rmm_start, SCR_ALL

// An SMC asks for another SCR_EL3, in x0; anything else is stepped over.
function monitor_called
        mrs     x9, ESR_EL3
        lsr     x9, x9, #ESR_EC_SHIFT
        cmp     x9, #EC_SMC
        b.ne    .Lstep
        msr     SCR_EL3, x0
        isb
        eret
.Lstep:
        mrs     x9, ELR_EL3
        add     x9, x9, #4
        msr     ELR_EL3, x9
        eret
function unexpected_el3
        exit_with #93
vector_table monitor_vectors, unexpected_el3, monitor_called, unexpected_el3

function rmm_start
        address x0, rmm_vectors
        msr     VBAR_EL2, x0
        isb
        address x0, rmm_stack_top
        mov     sp, x0
        enable_mec 5, 6, 5, 6, 7, 8
        mov_const x0, TCR2_AMEC0
        msr     TCR2_EL2, x0
        isb
        enable_el2_mmu level1_table
        mov_const x19, PLAIN_VA
        mov_const x20, AMEC_VA
        mov_const x21, HOST_VA
        mov_const x23, PA_SPACE_REALM
        mov     x22, #0x77

        stp     x22, x22, [x19]             // block 0: MECID 5
        stp     x22, x22, [x20]             //          MECID 6

        firmware (SCR_ALL & ~SCR_MECEN)
        tlbi    ALLE2
        dsb     sy
        isb
        mrs     x1, MECID_P0_EL2            // EL3
        mrs     x1, MECIDR_EL2
        dc      CIPAE, x23
        stp     x22, x22, [x19, #16]        // block 1: MECID 0
        ldr     x2, [x19]
        cmp     x2, x22
        b.eq    .Lfailed

        firmware (SCR_ALL & ~SCR_SCTLR2EN)
        tlbi    ALLE2
        dsb     sy
        isb
        mov     x1, #SCTLR2_EMEC
        msr     SCTLR2_EL2, x1              // EL3
        stp     x22, x22, [x19, #32]        // block 2: MECID 0
        stp     x22, x22, [x20, #32]        // AMEC is RES0 then: MECID 0, no fault

        firmware (SCR_ALL & ~SCR_TCR2EN)
        tlbi    ALLE2
        dsb     sy
        isb
        mov_const x1, TCR2_AMEC0
        msr     TCR2_EL2, x1                // EL3
        ldr     x1, [x20]                   // EL2: Translation fault, level 3
        stp     x22, x22, [x19, #48]        // block 3: MECID 5

        firmware SCR_ALL
        tlbi    ALLE2
        dsb     sy
        isb
        ldr     x2, [x19]
        cmp     x2, x22
        b.ne    .Lfailed
        ldr     x2, [x20]
        cmp     x2, x22
        b.ne    .Lfailed

        // EL1, whose vectors step over too.
        address x0, realm_vectors
        msr     VBAR_EL1, x0
        mov_const x0, SCTLR_EL1_RES1
        msr     SCTLR_EL1, x0
        address x0, realm_start
        msr     ELR_EL2, x0
        mov_const x0, SPSR_EL1H
        msr     SPSR_EL2, x0
        eret

function rmm_continue
        // The host's granule in the Realm space: GPF=1, then GPF=0.
        str     x22, [x21]                  // EL3: GPC exception
        firmware (SCR_ALL & ~SCR_GPF)
        str     x22, [x21, #8]              // EL2: Data Abort, GPC on output
        // Non-secure EL2: the registers are not there at all. Its MMU is off: what it fetches is Non-secure.
        mrs     x0, SCTLR_EL2
        bic     x0, x0, #SCTLR_M
        msr     SCTLR_EL2, x0
        isb
        firmware ((SCR_ALL & ~SCR_REALM) | SCR_NS)
        mrs     x1, MECID_P0_EL2            // EL2
        mrs     x1, MECIDR_EL2
        dc      CIPAE, x23                  // EL2
        firmware SCR_ALL
        exit_with #0
.Lfailed:
        exit_with #1

function rmm_called
        mrs     x9, ESR_EL2
        lsr     x9, x9, #ESR_EC_SHIFT
        cmp     x9, #EC_HVC
        b.eq    rmm_continue
        mrs     x9, ELR_EL2
        add     x9, x9, #4
        msr     ELR_EL2, x9
        eret
vector_table rmm_vectors, rmm_called, rmm_called, rmm_called

function realm_start
        mrs     x1, MECID_P0_EL2            // EL1
        mrs     x1, MECIDR_EL2              // EL1
        dc      CIPAE, x23                  // EL1
        hvc     #0
function realm_faulted
        mrs     x9, ELR_EL1
        add     x9, x9, #4
        msr     ELR_EL1, x9
        eret
vector_table realm_vectors, realm_faulted, realm_faulted, realm_faulted

        .section .tables, "a"
        .balign GRANULE_SIZE
level1_table:
        .quad   0
        .quad   level2_table + TABLE
        .balign GRANULE_SIZE
level2_table:
        .quad   0x40000000 + BLOCK + S1_NORMAL + S1_AP_RES1
        .quad   level3_table + TABLE
        .balign GRANULE_SIZE
level3_table:
        .quad   plain_page + PAGE + S1_NORMAL + S1_AP_RES1 + S1_XN
        .quad   amec_page + PAGE + S1_NORMAL + S1_AP_RES1 + S1_XN + S1_AMEC
        .quad   0x40400000 + PAGE + S1_NORMAL + S1_AP_RES1 + S1_XN
        .balign GRANULE_SIZE
// GPT: level 0 entries of 1 GiB. All of memory may be anybody's but for one 64 KiB stretch, which is Non-secure.
gpt_level0:
        .quad   0xf1, gpt_level1 + 3
        .fill   62, 8, 0xf1
        .balign 0x20000
gpt_level1:
        .fill   64, 8, 0xffffffffffffffff
        .quad   0x9999999999999999
        .fill   16384 - 65, 8, 0xffffffffffffffff

        .section .bss
        .balign GRANULE_SIZE
monitor_stack:  .skip GRANULE_SIZE
monitor_stack_top:
rmm_stack:      .skip GRANULE_SIZE
rmm_stack_top:
plain_page:     .skip GRANULE_SIZE
amec_page:      .skip GRANULE_SIZE

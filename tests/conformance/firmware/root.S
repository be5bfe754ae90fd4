// What the behavioural tests of RME system architecture expect of a machine (mec-reference.md 6.3), at EL3: the same
// memory through all four address spaces, Realm memory under MECIDs chosen in MECID_RL_A_EL3, cache maintenance to
// the Points of Encryption and of Physical Aliasing, and a new key from the memory protection engine.
//
// Exit codes: 0 all is well; otherwise the number of the step that failed; 93 an exception nobody expected.

#include "registers.inc"
#include "tables.inc"
#include "console.inc"
#include "exceptions.inc"
#include "monitor.inc"

#define S1_NSE          (1 << 11)
#define LEAF            (PAGE + S1_AP_RES1 + S1_XN + S1_AF + S1_INNER_SHAREABLE)
#define CACHED          S1_ATTR(0)
#define UNCACHED        S1_ATTR(2)
#define NS              (1 << 5)
#define WINDOW          0x40200000
#define REALM_VA        (WINDOW + 0x0000)
#define REALM_NC_VA     (WINDOW + 0x1000)
#define ROOT_VA         (WINDOW + 0x2000)
#define NS_VA           (WINDOW + 0x3000)
#define SECURE_VA       (WINDOW + 0x4000)
#define MPE             (WINDOW + 0x5000)
#define MPE_REFRESH     8
#define FIRST           0x1122334455667788
#define SECOND          0x99aabbccddeeff00

// As these tests do it: EMEC by read-modify-write without an ISB; a MECID by MSR, ISB, TLBI without DSB.
.macro use_mecid number
        msr     MECID_RL_A_EL3, \number
        isb
        tlbi    ALLE3IS
.endm
.macro must_equal left, right, step
        cmp     \left, \right
        b.eq    .Lgood\@
        exit_with #\step
.Lgood\@:
.endm
.macro must_differ left, right, step
        cmp     \left, \right
        b.ne    .Lgood\@
        exit_with #\step
.Lgood\@:
.endm

        .section .text
        .globl  _start
function _start
        monitor_start vectors, stack_top
        mov_const x0, (0xff | 0x44 << 16)
        msr     MAIR_EL3, x0
        mov_const x0, (TCR_T0SZ(39) | TCR_WALK0_WB | TCR_TG0_4K | TCR_EL2_PS_36 | TCR_EL2_RES1)
        msr     TCR_EL3, x0
        address x0, level1
        msr     TTBR0_EL3, x0
        isb
        tlbi    ALLE3
        dsb     ish
        isb
        mov_const x0, (SCTLR_EL3_RES1 | SCTLR_M | SCTLR_C | SCTLR_I)
        msr     SCTLR_EL3, x0
        isb

        mov_const x19, REALM_VA
        mov_const x20, REALM_NC_VA
        mov_const x21, FIRST
        mov_const x22, SECOND
        address x23, page
        mov_const x0, PA_SPACE_REALM
        orr     x24, x23, x0                // what maintenance by PA takes
        mrs     x25, MECIDR_EL2
        and     x25, x25, #0xf
        add     x25, x25, #1
        mov     x26, #1
        lsl     x25, x26, x25
        sub     x25, x25, #1                // the largest MECID
        sub     x26, x25, #1

        // 1 to 4: every bit of the width counts, cleaned to either point.
        msr     MECID_RL_A_EL3, xzr
        mrs     x0, S3_6_C1_C0_3            // SCTLR2_EL3
        orr     x0, x0, #SCTLR2_EMEC
        msr     S3_6_C1_C0_3, x0
        use_mecid x25
        stp     x21, x21, [x19]
        dc      CIPAE, x24
        dsb     sy
        use_mecid x26
        ldr     x0, [x19]
        must_differ x0, x21, 1
        dc      CIPAE, x24
        dsb     sy
        use_mecid x25
        ldr     x0, [x19]
        must_equal x0, x21, 2
        stp     x22, x22, [x19]
        dc      CIPAPA, x24
        dsb     sy
        use_mecid x26
        ldr     x0, [x19]
        must_differ x0, x22, 3
        dc      CIPAPA, x24
        dsb     sy
        use_mecid x25
        ldr     x0, [x19]
        must_equal x0, x22, 4

        // 5 to 10: maintenance by VA (CVAC, CIVAC) and by PA under another MECID writes back under the line's own.
        stp     x21, x21, [x19]
        use_mecid x26
        dc      CIVAC, x19
        dsb     sy
        use_mecid x25
        ldr     x0, [x19]
        must_equal x0, x21, 5
        stp     x22, x22, [x19]
        use_mecid x26
        dc      CVAC, x19
        dsb     sy
        use_mecid x25
        ldr     x0, [x20]
        must_equal x0, x22, 6
        stp     x21, x21, [x19]
        use_mecid x26
        dc      CIPAPA, x24
        dsb     sy
        use_mecid x25
        ldr     x0, [x20]                   // past the caches
        must_equal x0, x21, 7
        stp     x22, x22, [x20]
        ldr     x0, [x19]                   // the line is gone, so this is what memory has
        must_equal x0, x22, 8
        stp     x21, x21, [x19]
        use_mecid x26
        dc      CIPAE, x24
        dsb     sy
        use_mecid x25
        ldr     x0, [x20]
        must_equal x0, x21, 9
        stp     x22, x22, [x20]
        ldr     x0, [x19]
        must_equal x0, x22, 10

        // 11 to 16: one plaintext stored to the Non-secure space looks different from each of the others.
        mov_const x1, NS_VA
        stp     x21, x21, [x1]
        dc      CIVAC, x1
        dsb     sy
        dc      CIPAPA, x24
        dsb     sy
        mov_const x1, ROOT_VA
        ldr     x2, [x1]
        ldr     x3, [x19]
        mov_const x1, SECURE_VA
        ldr     x4, [x1]
        must_differ x2, x21, 11
        must_differ x3, x21, 12
        must_differ x4, x21, 13
        must_differ x2, x3, 14
        must_differ x2, x4, 15
        must_differ x3, x4, 16

        // 17: the same plaintext in neighbouring blocks of the Secure space differs as ciphertext.
        mov_const x1, SECURE_VA
        stp     x21, x21, [x1]
        stp     x21, x21, [x1, #16]
        dc      CIVAC, x1
        dsb     sy
        dc      CIPAPA, x23                 // {NSE,NS} = 00: Secure
        dsb     sy
        mov_const x1, NS_VA
        dc      CIVAC, x1
        dsb     sy
        ldr     x2, [x1]
        ldr     x3, [x1, #16]
        must_differ x2, x3, 17

        // 18, 19: a new key for the largest MECID takes what was stored under it, and that alone.
        stp     x21, x21, [x19]
        dc      CIPAPA, x24
        dsb     sy
        use_mecid x26
        stp     x22, x22, [x19, #64]
        add     x0, x24, #64
        dc      CIPAPA, x0
        dsb     sy
        mov_const x1, MPE
        str     x25, [x1, #MPE_REFRESH]
        dsb     sy
        ldr     x0, [x19, #64]
        must_equal x0, x22, 18
        use_mecid x25
        ldr     x0, [x19]
        must_differ x0, x21, 19
        stp     x22, x22, [x19]
        ldr     x0, [x19]
        must_equal x0, x22, 20

        // 21: EMEC off again, and EL3 is back at MECID 0.
        dc      CIPAPA, x24
        dsb     sy
        msr     S3_6_C1_C0_3, xzr
        isb
        tlbi    ALLE3
        dsb     sy
        isb
        ldr     x0, [x19]
        must_differ x0, x22, 21
        exit_with #0

function unexpected_el3
        exit_with #93
vector_table vectors, unexpected_el3, unexpected_el3, unexpected_el3

        .section .tables, "a"
        .balign GRANULE_SIZE
level1:
        .quad   0
        .quad   level2 + TABLE
        .balign GRANULE_SIZE
level2:
        .quad   0x40000000 + BLOCK + S1_NORMAL + S1_AP_RES1 + S1_NSE
        .quad   level3 + TABLE
        .balign GRANULE_SIZE
level3:
        .quad   page + LEAF + CACHED + S1_NSE + NS
        .quad   page + LEAF + UNCACHED + S1_NSE + NS
        .quad   page + LEAF + CACHED + S1_NSE
        .quad   page + LEAF + CACHED + NS
        .quad   page + LEAF + CACHED
        .quad   0x0a100000 + LEAF + S1_ATTR(1) + S1_NSE
        .balign GRANULE_SIZE

        .section .bss
        .balign GRANULE_SIZE
page:           .skip GRANULE_SIZE
stack:          .skip GRANULE_SIZE
stack_top:

// worlds: four Security states, and an address space for each. EL3 sends the CPU from one world to another, and
// two of them use the same address.
//
// The CPU is always in one Security state ("world"). EL3 is Root state. For the levels below, EL3 chooses
// with two bits of SCR_EL3, NSE and NS: {0,0} Secure, {0,1} Non-secure, {1,1} Realm. The choice takes effect when
// EL3 leaves with ERET; any exception that comes back to EL3 is in Root state again.
//
// Each state has a physical address space (PAS) of its own. With the MMU off the PAS of an access is that of the
// state. So Realm's 0x4008_3000 and Non-secure's 0x4008_3000 are different places, even if one memory chip is behind
// both: memory encryption has a key for each PAS. What forbids a PAS altogether is the Granule Protection Table; it is
// off here (the guest `gpt` shows it).
//
// What happens: EL3 -> Realm EL2 stores to shared_page, SMC -> EL3 -> Non-secure EL2 loads from it, SMC -> EL3 ends.
//
// Exit codes
//    0  all is well
//    1  the Non-secure world read what the Realm world had stored (all address spaces have one key: --pas-keys off)
//    2  a world was entered in another state than EL3 had chosen
//   81  no FEAT_RME
//   92, 93  an exception that nobody expected was taken to EL2, EL3

#include "registers.inc"
#include "console.inc"
#include "exceptions.inc"
#include "caches.inc"
#include "monitor.inc"

#define PATTERN         0x1234567812345678  // what the Realm world stores
#define SCR_NON_SECURE  (SCR_NS | SCR_RW | SCR_HCE)

// --- EL3, Root state -------------------------------------------------------------------------------------------

        .section .text
        .globl  _start
function _start
        monitor_start monitor_vectors, monitor_stack_top
        require_rme
        say     "[Root]       The CPU starts here: EL3, Root state.\n"
        mov     x19, #0                     // how many worlds have called back

// SCR_EL3 = {NSE,NS} = {1,1}: the levels below EL3 are Realm from now on. EL3 itself stays Root.
lesson_choose_realm:
        mov_const x0, (SCR_REALM | SCR_RW | SCR_HCE)
        msr     SCR_EL3, x0
        isb
        mov_const x0, HCR_RW
        msr     HCR_EL2, x0
        mov_const x0, SCTLR_EL2_RES1
        msr     SCTLR_EL2, x0
        address x0, realm_start
        msr     ELR_EL3, x0                 // where ERET goes,
        mov_const x0, SPSR_EL2H
        msr     SPSR_EL3, x0                // and to which level
lesson_leave_for_realm:
        eret

// Both worlds come back here, with an SMC.
function monitor_from_below
        mrs     x9, ESR_EL3
        ubfx    x10, x9, #ESR_EC_SHIFT, #ESR_EC_WIDTH
        cmp     x10, #EC_SMC
        b.ne    unexpected_el3
        cbnz    x19, monitor_from_non_secure

// From the Realm world. Before anybody uses its memory through another address space, it leaves the caches: they are
// allowed to keep it up to the Point of Physical Aliasing, where the address spaces become one memory.
function monitor_from_realm
        mov     x19, #1
        address x0, shared_page
        orr     x0, x0, #PA_SPACE_REALM
        bl      clean_to_popa
        say     "[Root]       Back from Realm. On to Non-secure.\n"
lesson_choose_non_secure:
        mov_const x0, SCR_NON_SECURE        // {NSE,NS} = {0,1}
        msr     SCR_EL3, x0
        isb
        address x0, normal_start
        msr     ELR_EL3, x0
        mov_const x0, SPSR_EL2H
        msr     SPSR_EL3, x0
lesson_leave_for_non_secure:
        eret

function monitor_from_non_secure
        say     "[Root]       Back from Non-secure.\n"
        mov_const x21, PATTERN
        expect_different x22, x21, 1, "the Non-secure world read what the Realm world had stored"
        say     "Done: one address, two worlds, two address spaces.\n"
        exit_with #0

clean_granule_routine clean_to_popa, CIPAPA
print_hex_routine monitor_print_hex
unexpected_exception unexpected_el3, 3, monitor_stack_top, monitor_print_hex
vector_table monitor_vectors, unexpected_el3, monitor_from_below, unexpected_el3

// --- Realm EL2, MMU off: its accesses go to the Realm address space --------------------------------------------

function realm_start
        address x20, shared_page
        mov_const x21, PATTERN
lesson_realm_store:
        stp     x21, x21, [x20]
lesson_realm_call:
        smc     #0                          // to EL3

// --- Non-secure EL2, MMU off: its accesses go to the Non-secure address space ----------------------------------

function normal_start
        address x20, shared_page            // the same number
lesson_normal_load:
        ldr     x22, [x20]
lesson_normal_call:
        smc     #0

// --- Memory ----------------------------------------------------------------------------------------------------

        .section .bss
        .balign GRANULE_SIZE
monitor_stack:
        .skip   GRANULE_SIZE
monitor_stack_top:
shared_page:
        .skip   GRANULE_SIZE

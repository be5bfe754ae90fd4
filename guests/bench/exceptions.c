// exceptions: Round trips from EL0 to EL1 and back: SVC and ERET.

#include "bench.h"

#define ROUND_TRIPS 900000

// EL0 has only registers. x0 counts down at EL0, x1 up at EL1; the call that asks for the end is SVC #1.
_Noreturn void enter_el0(uint64_t trips);
__asm__(".pushsection .text.el0, \"ax\"\n"
        ".balign 4\n"
        ".type enter_el0, %function\n"
        "enter_el0:\n"
        "   adr x1, at_el0\n   msr ELR_EL1, x1\n"
        "   mov x1, #0x3c0\n   msr SPSR_EL1, x1\n"      // EL0, interrupts masked
        "   mov x1, #0\n   eret\n"
        ".type at_el0, %function\n"
        "at_el0:\n"
        "1: svc #0\n   subs x0, x0, #1\n   b.ne 1b\n"
        "   svc #1\n"
        ".globl from_el0\n"
        ".type from_el0, %function\n"
        "from_el0:\n"
        "   mrs x2, ESR_EL1\n"
        "   tbnz x2, #0, 2f\n"
        "   add x1, x1, #1\n   eret\n"
        "2: mov x0, x1\n   b finish\n"
        ".popsection");

uint64_t main(uint64_t percent) {
    enter_el0(scaled(ROUND_TRIPS, percent));
}

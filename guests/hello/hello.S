// hello: the smallest guest. It shows where a program finds itself after reset, and the two ways to say so.
//
// After reset an Arm CPU runs at EL3, the highest Exception level, in Root state: it may touch every physical
// address space. The MMU is off, so an address is a physical address, and loads and stores are Device
// accesses. There is no stack until the program makes one.
//
// Text can leave the machine in two ways:
//   UART         a device at a physical address; a store to its data register sends one character
//   semihosting  HLT #0xF000 asks whoever runs the machine; nothing has to be mapped or set up
//
// Exit codes
//    0  all is well
//    1  the program did not start at EL3
//   93  an exception that nobody expected was taken to EL3

#include "registers.inc"
#include "console.inc"
#include "exceptions.inc"

#define UART_BASE       0x09000000          // the PL011 of QEMU's virt board
#define UART_DR         0x00                // data register
#define UART_FR         0x18                // flag register
#define UART_FR_TXFF    5                   // transmit queue full

        .section .text
        .globl  _start
function _start
        address x0, stack_top
        mov     sp, x0
        mrs     x19, CurrentEL
        lsr     x19, x19, #CURRENTEL_EL_SHIFT
        mov     x20, #3
        expect_equal x19, x20, 1, "this guest has to start at EL3"
        address x0, vectors
        msr     VBAR_EL3, x0
        isb                                 // an exception from here on would find them

        address x0, greeting
        bl      uart_print
        say     "... and the same through semihosting.\n"
        say     "CurrentEL is "
        say_hex x19, print_hex
        say     "\n"

        mrs     x0, ID_AA64MMFR3_EL1
        ubfx    x0, x0, #ID_AA64MMFR3_MEC_SHIFT, #ID_FIELD_WIDTH
        cbnz    x0, .Lhas_mec
        say     "No FEAT_MEC on this machine: one key for all of Realm memory.\n"
        exit_with #0

.Lhas_mec:
        mrs     x20, MECIDR_EL2
        ubfx    x20, x20, #0, #MECIDR_WIDTHM1_WIDTH
        say     "FEAT_MEC is here. MECIDR_EL2.MECIDWidthm1 is "
        say_hex x20, print_hex
        say     ": a MECID has one bit more than that.\n"
        exit_with #0

// Sends the text at x0 to the UART, one character at a time. Changes x0-x3.
function uart_print
        mov_const x1, UART_BASE
.Lnext_character:
        ldrb    w2, [x0], #1
        cbz     w2, .Luart_done
.Lwait_for_room:
        ldr     w3, [x1, #UART_FR]
        tbnz    w3, #UART_FR_TXFF, .Lwait_for_room
        str     w2, [x1, #UART_DR]
        b       .Lnext_character
.Luart_done:
        ret

greeting:
        .asciz  "Hello from EL3, through the UART\n"

print_hex_routine print_hex
unexpected_exception unexpected_el3, 3, stack_top, print_hex
vector_table vectors, unexpected_el3, unexpected_el3, unexpected_el3

        .section .bss
        .balign GRANULE_SIZE
stack:
        .skip   GRANULE_SIZE
stack_top:

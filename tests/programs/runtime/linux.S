// A program's start and end under Linux on AArch64, in place of start.S and without a C library: for QEMU's user mode.

        .section .text.start, "ax"
        .globl  _start
        .type   _start, %function
_start:
        mov     x29, xzr
        mov     x30, xzr
        bl      main
        mov     x8, #93                     // exit
        svc     #0

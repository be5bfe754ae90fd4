// tlb: Loads from 1024 pages of 4 KiB in turn, more than a TLB holds, and a TLBI after every sweep.

#include "bench.h"

#define PAGES 1024
#define SWEEPS 2400
#define WINDOW UINT64_C(0xc0000000)     // the last of level 1's four entries
#define TABLE UINT64_C(3)
#define PAGE_NORMAL UINT64_C(0x60000000000703)  // UXN, PXN, Access flag, inner shareable, MAIR_EL1 index 0

extern uint64_t level1[4];
static uint64_t level2[512] __attribute__((aligned(4096))), level3[PAGES] __attribute__((aligned(4096)));
static uint64_t memory[PAGES][512] __attribute__((aligned(4096)));

uint64_t main(uint64_t percent) {
    uint64_t sum = 0, sweeps = scaled(SWEEPS, percent);
    for (uint64_t i = 0; i < PAGES; i++) {
        level3[i] = (uint64_t)memory[i] | PAGE_NORMAL;
        memory[i][0] = i * i;
    }
    for (uint64_t i = 0; i < PAGES / 512; i++)
        level2[i] = (uint64_t)&level3[512 * i] | TABLE;
    level1[3] = (uint64_t)level2 | TABLE;
    __asm__ volatile("dsb sy\n   isb" ::: "memory");
    for (uint64_t sweep = 0; sweep < sweeps; sweep++) {
        for (uint64_t i = 0; i < PAGES; i++)
            sum = sum * 3 + *(volatile uint64_t *)(WINDOW + 4096 * i);
        __asm__ volatile("tlbi vmalle1\n   dsb sy\n   isb" ::: "memory");
    }
    return sum;
}

// integer: Integer arithmetic in registers: shifts, multiplications, a division now and then.

#include "bench.h"

#define ROUNDS 120000000

uint64_t main(uint64_t percent) {
    uint64_t random = 0x243f6a8885a308d3, sum = HASH_START, rounds = scaled(ROUNDS, percent);
    for (uint64_t i = 1; i <= rounds; i++) {
        uint64_t x = next_random(&random);
        sum += (x >> 32) * (uint32_t)x;
        sum ^= sum << 11 | sum >> 53;
        if ((x & 7) == 0)
            sum += x / (i | 1);
        else
            sum -= x & i;
    }
    return sum;
}

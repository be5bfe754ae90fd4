// bytecode: An interpreter of bytecode: a loop around a switch, and a branch for every operation.

#include "bench.h"

#define LIMIT 500000       // primes below

enum code { PUSH, LOAD, STORE, PEEK, POKE, ADD, LESS, JUMP, JUMP_IF_ZERO, DUP, HALT };

// A sieve, one flag a word: 0 is i, 1 the count, 2 the limit, 3 is j.
static const int32_t sieve[] = {
    PUSH, 2, STORE, 0,                                     //  0: i = 2
    LOAD, 0, LOAD, 2, LESS, JUMP_IF_ZERO, 56,              //  4: while i < limit
    LOAD, 0, PEEK, JUMP_IF_ZERO, 18, JUMP, 47,             // 11: if not flag[i]
    LOAD, 1, PUSH, 1, ADD, STORE, 1,                       // 18: count++
    LOAD, 0, DUP, ADD, STORE, 3,                           // 25: j = 2 * i
    LOAD, 3, LOAD, 2, LESS, JUMP_IF_ZERO, 47,              // 31: while j < limit
    PUSH, 1, LOAD, 3, POKE,                                // 38: flag[j] = 1
    LOAD, 3, JUMP, 57,                                     // 43
    LOAD, 0, PUSH, 1, ADD, STORE, 0,                       // 47: i++
    JUMP, 4,                                               // 54
    HALT,                                                  // 56
    LOAD, 0, ADD, STORE, 3, JUMP, 31,                      // 57: j += i
};

static int32_t variables[4], flags[LIMIT];

static uint64_t run(const int32_t *program) {
    int32_t stack[16], *top = stack;
    const int32_t *at = program;
    for (uint64_t count = 0;; count++)
        switch ((enum code)*at++) {
        case PUSH: *++top = *at++; break;
        case LOAD: *++top = variables[*at++]; break;
        case STORE: variables[*at++] = *top--; break;
        case PEEK: *top = flags[*top]; break;
        case POKE: flags[top[0]] = top[-1]; top -= 2; break;
        case ADD: top--; *top += top[1]; break;
        case LESS: top--; *top = top[0] < top[1]; break;
        case JUMP: at = program + *at; break;
        case JUMP_IF_ZERO: at = *top-- ? at + 1 : program + *at; break;
        case DUP: top++; *top = top[-1]; break;
        case HALT: return count;
        }
}

uint64_t main(uint64_t percent) {
    uint64_t limit = scaled(LIMIT, percent > 100 ? 100 : percent);
    variables[2] = (int32_t)limit;
    uint64_t count = run(sieve);
    return mixed_with(mixed_with(HASH_START, count), (uint64_t)variables[1]);
}

// A stack machine, written twice: with a switch, and with a table of label addresses. It runs a sieve and fib.

#include "program.h"

#ifndef WORK
#define WORK PICK(17, 4) // fib(WORK), primes below 100 * WORK (SMALL: 12 * WORK)
#endif

enum code { PUSH, LOAD, STORE, PEEK, POKE, ADD, SUBTRACT, LESS, JUMP, JUMP_IF_ZERO, CALL, RETURN, DUP, DROP, PRINT, HALT };

static int32_t memory[4096];
static uint64_t executed;

// Primes below `limit`, one flag a word, their count printed.
static const int32_t sieve[] = {
    PUSH, 2, STORE, 0,                                     //  0: i = 2
    LOAD, 0, LOAD, 2, LESS, JUMP_IF_ZERO, 56,              //  4: while i < limit
    LOAD, 0, PEEK, JUMP_IF_ZERO, 18, JUMP, 47,             // 11: if flag[i] == 0
    LOAD, 1, PUSH, 1, ADD, STORE, 1,                       // 18: count++
    LOAD, 0, DUP, ADD, STORE, 3,                           // 25: j = 2 * i
    LOAD, 3, LOAD, 2, LESS, JUMP_IF_ZERO, 47,              // 31: while j < limit
    PUSH, 1, LOAD, 3, POKE,                                // 38: flag[j] = 1
    LOAD, 3, JUMP, 61,                                     // 43
    LOAD, 0, PUSH, 1, ADD, STORE, 0,                       // 47: i++
    JUMP, 4,                                               // 54
    LOAD, 1, PRINT, HALT, HALT,                            // 56
    LOAD, 0, ADD, STORE, 3, JUMP, 31,                      // 61: j += i
};

// fib(n), the argument and the result on the stack.
static const int32_t fib[] = {
    LOAD, 2, CALL, 6, PRINT, HALT,                         //  0
    DUP, PUSH, 2, LESS, JUMP_IF_ZERO, 13, RETURN,          //  6: if n < 2: n itself
    DUP, PUSH, 1, SUBTRACT, CALL, 6, STORE, 0,             // 13: fib(n - 1)
    LOAD, 0, LOAD, 1, PUSH, 1, ADD, STORE, 1,              // 21: count the calls
    STORE, 3, STORE, 0, LOAD, 3, LOAD, 0,                  // 30: n to the top again
    PUSH, 2, SUBTRACT, CALL, 6, ADD, RETURN,               // 38: fib(n - 2) + it
};

#define OPERATIONS(op, next)                                                                                           \
    op(PUSH) *++top = *at++; next                                                                                      \
    op(LOAD) *++top = memory[*at++]; next                                                                              \
    op(STORE) memory[*at++] = *top--; next                                                                             \
    op(PEEK) *top = memory[8 + *top]; next                                                                             \
    op(POKE) memory[8 + top[0]] = top[-1]; top -= 2; next                                                              \
    op(ADD) top--; *top = (int32_t)((uint32_t)top[0] + (uint32_t)top[1]); next                                         \
    op(SUBTRACT) top--; *top = (int32_t)((uint32_t)top[0] - (uint32_t)top[1]); next                                    \
    op(LESS) top--; *top = top[0] < top[1]; next                                                                       \
    op(JUMP) at = program + *at; next                                                                                  \
    op(JUMP_IF_ZERO) at = *top-- ? at + 1 : program + *at; next                                                        \
    op(CALL) *++back = (int32_t)(at + 1 - program); at = program + *at; next                                           \
    op(RETURN) at = program + *back--; next                                                                            \
    op(DUP) top++; *top = top[-1]; next                                                                                \
    op(DROP) top--; next                                                                                               \
    op(PRINT) print("  %d", *top--); next                                                                              \
    op(HALT) executed += count; return;

static NOINLINE void run_switch(const int32_t *program) {
    int32_t stack[64], calls[64], *top = stack, *back = calls;
    const int32_t *at = program;
    uint64_t count = 0;
#define CASE(name) case name:
    for (;;) {
        count++;
        switch ((enum code) * at++) { OPERATIONS(CASE, break;) }
    }
}

static NOINLINE void run_goto(const int32_t *program) {
    __extension__ static const void *const labels[] = {&&L_PUSH, &&L_LOAD, &&L_STORE, &&L_PEEK, &&L_POKE, &&L_ADD,
        &&L_SUBTRACT, &&L_LESS, &&L_JUMP, &&L_JUMP_IF_ZERO, &&L_CALL, &&L_RETURN, &&L_DUP, &&L_DROP, &&L_PRINT, &&L_HALT};
    int32_t stack[64], calls[64], *top = stack, *back = calls;
    const int32_t *at = program;
    uint64_t count = 0;
#define LABEL(name) L_##name:
#define NEXT                                                                                                           \
    count++;                                                                                                           \
    __extension__({ goto *labels[*at++]; });
    NEXT OPERATIONS(LABEL, NEXT)
}

static void prepare(int32_t argument) {
    memset(memory, 0, sizeof memory);
    memory[2] = argument;
}

int main(void) {
    int32_t limit = (int32_t)opaque(WORK) * PICK(100, 12), n = (int32_t)opaque(WORK);
    void (*const runs[])(const int32_t *) = {run_switch, run_goto};
    for (int i = 0; i < 2; i++) {
        executed = 0;
        prepare(limit);
        print("primes below %d:", limit);
        runs[i](sieve);
        prepare(n);
        print("\nfib(%d):", n);
        runs[i](fib);
        print("\n%llu operations\n", (unsigned long long)executed);
    }
    return 0;
}

// What every program of the corpus has, on this project's machine and on an operating system alike.
//
// A program is one file of portable C11 with a `main` that prints its results and returns 0. Its work size is the macro
// WORK; a file gives its own default as PICK(full, small), of which SMALL chooses the second.

#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef HOSTED
#include <setjmp.h>
#include <string.h>
#else
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);
size_t strlen(const char *text);

// x19 to x30, SP, d8 to d15: what a called function must keep.
typedef uint64_t jmp_buf[22];
int setjmp(jmp_buf buffer) __attribute__((returns_twice));
_Noreturn void longjmp(jmp_buf buffer, int value);
#endif

#ifdef SMALL
#define PICK(full, small) (small)
#else
#define PICK(full, small) (full)
#endif

#define NOINLINE __attribute__((noinline))

// Formatted output: %d %i %u %x %X %c %s %p %%, with - and 0, a width, and the lengths l, ll and z.
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The same number, which the compiler may not know: keeps it from working the program out by itself.
uint64_t opaque(uint64_t value);

// Pseudo-random numbers (Marsaglia's xorshift, 64 bits of state) that are the same everywhere.
static inline uint64_t next_random(uint64_t *state) {
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

// FNV-1a over bytes: one number for a whole result.
static inline uint64_t digest(uint64_t hash, const void *data, size_t size) {
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}
#define DIGEST_START UINT64_C(0xcbf29ce484222325)

// The bits of floating-point numbers: results are compared exactly.
static inline uint64_t bits_of_double(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline uint32_t bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

#endif

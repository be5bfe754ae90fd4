// Half precision: arithmetic, comparisons, conversions and sums of _Float16, each operation rounded on its own.

#include "program.h"

#ifndef WORK
#define WORK PICK(16, 1)
#endif
#define N PICK(130, 21)

typedef _Float16 half;

static half a[N], b[N], c[N], d[N];
static float wide[N];
static double widest[N];
static int16_t whole[N];
static uint64_t random;

#define EACH for (int i = 0; i < N; i++)

static uint16_t bits_of(half value) {
    uint16_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static NOINLINE void fill(void) {
    EACH {
        uint64_t r = next_random(&random);
        a[i] = (half)((float)(int16_t)r / 16384);
        b[i] = (half)((float)(r >> 16 & 0x7fff) / 2048 + 0.25f);
        d[i] = (half)((float)(int16_t)(r >> 32) / (float)(1024 << (r >> 50 & 15)));
    }
}

static NOINLINE void arithmetic(void) {
    EACH c[i] = a[i] + b[i];
    EACH c[i] = c[i] * d[i];
    EACH c[i] = c[i] > (half)100 ? (half)(c[i] / b[i]) : (half)(c[i] - a[i]);
    EACH c[i] = a[i] * b[i] + c[i];
    EACH c[i] = c[i] < 0 ? -c[i] : c[i];
    EACH c[i] = (half)__builtin_sqrtf((float)c[i]);
    EACH d[i] = c[i] - d[i] * a[i];
    EACH c[i] = d[i] < c[i] ? d[i] : c[i];
}

static NOINLINE void conversions(void) {
    EACH wide[i] = (float)a[i] * (float)b[i];
    EACH widest[i] = (double)d[i] / 3;
    EACH whole[i] = (int16_t)(a[i] * (half)2);
    EACH a[i] = (half)wide[i];
    EACH b[i] = (half)whole[i];
    EACH d[i] = (half)(widest[i] * 0.7);
}

// In order: a sum must not be rearranged.
static NOINLINE half dot(void) {
    half sum = 0;
    EACH {
        half product = (half)(a[i] / (half)256) * (half)(b[i] / (half)256);
        sum = sum + product;
    }
    return sum;
}

static NOINLINE float wide_dot(void) {
    float sum = 0;
    EACH sum += (float)c[i] * (float)(b[i] / (half)64);
    return sum;
}

static NOINLINE half polynomial(half x) {
    half y = (half)0.0083;
    y = y * x + (half)0.0417;
    y = y * x + (half)0.1667;
    y = y * x + (half)0.5;
    y = y * x + (half)1;
    return y * x + (half)1;
}

int main(void) {
    random = opaque(0x16161616);
    uint64_t hash = DIGEST_START;
    half sums = 0;
    float wide_sums = 0;
    for (int round = 0; round < WORK; round++) {
        fill();
        arithmetic();
        hash = digest(hash, c, sizeof c);
        conversions();
        sums = sums / (half)2 + dot();
        wide_sums = wide_sums / 2 + wide_dot();
        hash = digest(digest(hash, a, sizeof a), d, sizeof d);
        hash = digest(digest(hash, wide, sizeof wide), whole, sizeof whole);
        half p = polynomial((half)((float)(round % 64) / 32 - 1));
        hash = digest(hash, &p, sizeof p);
    }
    print("hash %016llx\nsum  %04x\nwide %08x\n", (unsigned long long)hash, bits_of(sums), bits_of_float(wide_sums));
    // Every exponent, through the subnormal numbers to zero, and up to infinity.
    for (half x = (half)1; x != 0; x = x * (half)0.4375)
        print("%04x ", bits_of(x));
    print("\n");
    for (half x = (half)1.0009765625; bits_of(x) < 0x7c00; x = x * (half)3.5)
        print("%04x ", bits_of(x));
    print("\n");
    return 0;
}

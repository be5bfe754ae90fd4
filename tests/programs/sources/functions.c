// Functions without a library: sine, exponential, logarithm, roots by polynomials; roundings; conversions of all kinds.

#include "program.h"

#ifdef __ARM_FEATURE_JCVT
#include <arm_acle.h>
#endif

#ifndef WORK
#define WORK PICK(400, 6)
#endif

static double scale(double x, int exponent) { // x * 2^exponent, for a normal result
    uint64_t bits = (uint64_t)(1023 + exponent) << 52;
    double factor;
    memcpy(&factor, &bits, sizeof factor);
    return x * factor;
}

static NOINLINE double exponential(double x) {
    double n = __builtin_rint(x * 1.4426950408889634), r = x - n * 0.693147180369123816490;
    r -= n * 1.90821492927058770002e-10;
    double sum = 1, term = 1;
    for (int i = 1; i < 14; i++) {
        term *= r / i;
        sum += term;
    }
    return scale(sum, (int)n);
}

static NOINLINE double logarithm(double x) { // of a normal number
    uint64_t bits = bits_of_double(x);
    int exponent = (int)(bits >> 52) - 1023;
    double mantissa = scale(x, -exponent);
    if (mantissa > 1.4142135623730951) {
        mantissa /= 2;
        exponent++;
    }
    double s = (mantissa - 1) / (mantissa + 1), z = s * s, sum = 0;
    for (int i = 21; i >= 1; i -= 2)
        sum = sum * z + 2.0 / i;
    return exponent * 0.693147180559945309417 + s * sum;
}

static NOINLINE double sine(double x) {
    double n = __builtin_rint(x * 0.63661977236758134), r = x - n * 1.57079632673412561417;
    r -= n * 6.07710050650619224932e-11;
    double z = r * r;
    double odd = r * (1 + z * (-1.0 / 6 + z * (1.0 / 120 + z * (-1.0 / 5040 + z * (1.0 / 362880 - z / 39916800)))));
    double even = 1 + z * (-0.5 + z * (1.0 / 24 + z * (-1.0 / 720 + z * (1.0 / 40320 - z / 3628800))));
    switch ((int64_t)n & 3) {
    case 0:
        return odd;
    case 1:
        return even;
    case 2:
        return -odd;
    default:
        return -even;
    }
}

static NOINLINE float cube_root(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits & 0x80000000) | ((bits & 0x7fffffff) / 3 + 0x2a514067);
    float y;
    memcpy(&y, &bits, sizeof y);
    for (int i = 0; i < 4; i++)
        y = (2 * y + x / (y * y)) / 3;
    return y;
}

static NOINLINE float inverse_root(float x) {
    uint32_t bits = bits_of_float(x);
    bits = 0x5f3759df - (bits >> 1);
    float y;
    memcpy(&y, &bits, sizeof y);
    for (int i = 0; i < 3; i++)
        y = y * (1.5f - 0.5f * x * y * y);
    return y;
}

// What JavaScript makes of a number: the integer part modulo 2^32.
static NOINLINE int32_t to_int32(double x) {
#ifdef __ARM_FEATURE_JCVT
    return __jcvt(x);
#else
    uint64_t bits = bits_of_double(x), mantissa = (bits & 0xfffffffffffff) | UINT64_C(1) << 52;
    int exponent = (int)(bits >> 52 & 0x7ff) - 1075;
    if (exponent <= -53 || exponent >= 32)
        return 0;
    uint32_t whole = exponent < 0 ? (uint32_t)(mantissa >> -exponent) : (uint32_t)(mantissa << exponent);
    return (int32_t)(bits >> 63 ? 0 - whole : whole);
#endif
}

static uint64_t hash;
static void keep(double x) {
    uint64_t bits = bits_of_double(x);
    hash = digest(hash, &bits, sizeof bits);
}
static void keep_whole(uint64_t x) { hash = digest(hash, &x, sizeof x); }
static void report(const char *name) {
    print("%-11s %016llx\n", name, (unsigned long long)hash);
    hash = DIGEST_START;
}

static NOINLINE void convert(uint64_t r) {
    double d = (double)(int64_t)r / (double)(UINT64_C(1) << (r & 63)), small = (double)(int32_t)r / 4096;
    float f = (float)small;
    keep((double)(int64_t)r), keep((double)r), keep((float)(int64_t)r), keep((float)r);
    keep((double)(int32_t)r), keep((double)(uint32_t)r), keep((float)(int32_t)r), keep((float)(uint32_t)r);
    keep((double)(int16_t)r), keep((float)(uint8_t)r), keep((float)d), keep((double)f);
    keep_whole((uint64_t)(int64_t)(small * 1e9)), keep_whole((uint64_t)(int32_t)small);
    keep_whole((uint32_t)(small < 0 ? -small : small)), keep_whole((uint64_t)(f < 0 ? -f * 1e6f : f * 1e6f));
    keep_whole((uint64_t)(int64_t)(int16_t)(f / 32)), keep_whole((uint8_t)(int)(f / 4096));
    keep_whole((uint64_t)(int64_t)(small * 65536)), keep((double)(int32_t)r / 65536), keep((float)(int64_t)r / 256);
}

static NOINLINE void round_all(double d, float f) {
    keep(__builtin_floor(d)), keep(__builtin_ceil(d)), keep(__builtin_trunc(d)), keep(__builtin_rint(d));
    keep(__builtin_round(d)), keep(__builtin_nearbyint(d)), keep(__builtin_fabs(d)), keep(-d);
    keep(__builtin_floorf(f)), keep(__builtin_ceilf(f)), keep(__builtin_truncf(f)), keep(__builtin_rintf(f));
    keep(__builtin_roundf(f)), keep(__builtin_copysignf(f, (float)d)), keep(__builtin_fabsf(f));
    keep_whole((uint64_t)(int64_t)__builtin_floor(d)), keep_whole((uint64_t)(int64_t)__builtin_ceil(d));
    keep_whole((uint64_t)(int64_t)__builtin_round(d)), keep_whole((uint64_t)(int64_t)__builtin_rint(d));
    keep(__builtin_fmin(d, f)), keep(__builtin_fmax(d, f)), keep(__builtin_fminf(f, 0.5f)), keep(__builtin_fmaxf(f, 0.5f));
}

static NOINLINE int relations(double a, double b) {
    return (a < b) | (a <= b) << 1 | (a > b) << 2 | (a >= b) << 3 | (a == b) << 4 | (a != b) << 5 |
           __builtin_isunordered(a, b) << 6 | __builtin_isless(a, b) << 7 | !(a < b) << 8 | !(a >= b) << 9 |
           __builtin_islessgreater(a, b) << 10 | (__builtin_isgreaterequal(a, b) && a > 0) << 11;
}

int main(void) {
    uint64_t random = opaque(0xfadec0de);
    static const double angles[] = {0.5, 1, 3, -2, 100};
    hash = DIGEST_START;
    for (int i = 0; i < PICK(5, 1); i++)
        print("sin %016llx exp %016llx log %016llx\n", (unsigned long long)bits_of_double(sine(angles[i])),
              (unsigned long long)bits_of_double(exponential(angles[i])),
              (unsigned long long)bits_of_double(logarithm(__builtin_fabs(angles[i]))));
    for (int i = 0; i < WORK; i++) {
        double x = (double)(int32_t)next_random(&random) / 1e7;
        keep(sine(x)), keep(exponential(x)), keep(logarithm(__builtin_fabs(x) + 0.001));
        keep(cube_root((float)x + 0.001f)), keep(inverse_root((float)(x * x) + 0.001f));
        keep(__builtin_sqrt(x * x + 1)), keep(__builtin_sqrtf((float)(x * x)));
    }
    report("functions");
    for (int i = 0; i < WORK; i++)
        convert(next_random(&random));
    report("conversions");
    for (int i = 0; i < WORK; i++) {
        double d = (double)((int64_t)next_random(&random) >> 50) / 4; // halves and quarters: ties
        round_all(d, (float)(d * 1.25));
    }
    report("roundings");
    double zero = (double)opaque(0), infinity = 1 / zero;
    double specials[] = {zero, -zero, infinity, -infinity, infinity - infinity, 1, -1, 0x1p-1074, -0x1.8p1023};
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        for (size_t j = 0; j < sizeof specials / sizeof *specials; j += PICK(1, 3))
            keep_whole((uint64_t)relations(specials[i], specials[j]));
    report("relations");
    for (int i = 0; i < WORK; i++) {
        uint64_t r = next_random(&random);
        double d = (double)(int64_t)r;
        keep_whole((uint32_t)to_int32(d / 1e9)), keep_whole((uint32_t)to_int32(d)), keep_whole((uint32_t)to_int32(d * 1e9));
    }
    report("to_int32");
    return 0;
}

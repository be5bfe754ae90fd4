// Loops that compilers turn into Advanced SIMD: every element size, sums, saturation, strides, gathers, conversions.

#include "program.h"

#ifndef WORK
#define WORK PICK(20, 1)
#endif
#define N PICK(259, 37) // odd, so that each loop has a remainder

static int8_t a8[N], b8[N], c8[N];
static uint8_t u8[N], v8[N], w8[N];
static int16_t a16[N], b16[N], c16[N];
static uint16_t u16[N], w16[N];
static int32_t a32[N], b32[N], c32[N], places[N];
static uint32_t u32[N];
static int64_t a64[N], b64[N], c64[N];
static float af[N], bf[N], cf[N];
static double ad[N], bd[N], cd[N];
static uint8_t pixels[4 * N];
static uint64_t random;

#define EACH for (int i = 0; i < N; i++)

static int32_t clamp(int32_t x, int32_t low, int32_t high) { return x < low ? low : x > high ? high : x; }

static NOINLINE void fill(void) {
    EACH {
        uint64_t r = next_random(&random);
        a8[i] = (int8_t)r, b8[i] = (int8_t)(r >> 8), u8[i] = (uint8_t)(r >> 16), v8[i] = (uint8_t)(r >> 24);
        a16[i] = (int16_t)r, b16[i] = (int16_t)(r >> 16), u16[i] = (uint16_t)(r >> 32);
        a32[i] = (int32_t)r, b32[i] = (int32_t)(r >> 32), u32[i] = (uint32_t)(r >> 16), places[i] = (int32_t)(r % N);
        a64[i] = (int64_t)r, b64[i] = (int64_t)(r * 0x9e3779b97f4a7c15);
        af[i] = (float)(int32_t)r / 65536, bf[i] = (float)(int16_t)(r >> 40) + 0.5f;
        ad[i] = (double)(int32_t)(r >> 8) / 1024, bd[i] = (double)(int32_t)(r >> 30) + 0.25;
        pixels[4 * i] = (uint8_t)r, pixels[4 * i + 1] = (uint8_t)(r >> 9);
        pixels[4 * i + 2] = (uint8_t)(r >> 17), pixels[4 * i + 3] = (uint8_t)(r >> 28);
    }
}

static NOINLINE void bytes(void) {
    EACH c8[i] = (int8_t)clamp(a8[i] + b8[i], -128, 127);
    EACH w8[i] = (uint8_t)clamp(u8[i] - v8[i], 0, 255);
    EACH w8[i] = (uint8_t)((w8[i] + u8[i] + 1) >> 1);
    EACH w8[i] ^= (uint8_t)(u8[i] > v8[i] ? u8[i] - v8[i] : v8[i] - u8[i]);
    EACH c8[i] = (int8_t)(c8[i] > a8[i] ? c8[i] : a8[i]);
    EACH c8[i] = (int8_t)(c8[i] ^ (int8_t)(b8[i] >> 3) ^ (int8_t)((uint8_t)a8[i] << 2));
    EACH w8[i] = (uint8_t)(w8[i] + __builtin_popcount(v8[i]));
}

static NOINLINE void halves(void) {
    EACH c16[i] = (int16_t)clamp(a16[i] - b16[i], -32768, 32767);
    EACH w16[i] = (uint16_t)clamp(u16[i] + u16[N - 1 - i], 0, 65535);
    EACH c16[i] = (int16_t)clamp((a16[i] * b16[i] + 0x4000) >> 15, -32768, 32767);
    EACH c16[i] = (int16_t)(c16[i] + a8[i] * b8[i]);
    EACH w16[i] = (uint16_t)(w16[i] + (u8[i] << 3) + (u16[i] >> 5));
    EACH c16[i] = (int16_t)(c16[i] < 0 ? -c16[i] : c16[i]);
}

static NOINLINE void words(void) {
    EACH c32[i] = (int32_t)((uint32_t)a32[i] * (uint32_t)b32[i] + u32[i]);
    EACH c32[i] ^= a16[i] * b16[i];
    EACH c32[i] = c32[i] >> (i & 31);
    EACH c32[i] = (int32_t)((uint32_t)c32[i] << (places[i] & 31) | u32[i] >> 7);
    EACH c32[i] += c32[i] > b32[i] ? a8[i] : u8[i];
    EACH u32[i] = u32[i] << 13 | u32[i] >> 19;
    EACH c32[i] = (int32_t)((uint32_t)c32[i] + (uint32_t)__builtin_clz(u32[i] | 1));
    EACH c32[i] = (int32_t)((uint32_t)c32[i] + u32[places[i]]); // a gather
    EACH u32[i] = u32[i] / 7 + __builtin_bswap32(u32[i]) % 1000;
    EACH a32[i] = (int32_t)clamp(a16[i] * 3, -40000, 40000);
}

static NOINLINE void doublewords(void) {
    EACH c64[i] = (int64_t)a32[i] * b32[i];
    EACH c64[i] = (int64_t)((uint64_t)c64[i] + ((uint64_t)a64[i] >> 3) - ((uint64_t)b64[i] << 5));
    EACH c64[i] = c64[i] > b64[i] ? c64[i] : b64[i];
    EACH c64[i] ^= (int64_t)u32[i] << 20 ^ a64[i] >> 11;
    EACH c64[i] = a64[i] < 0 ? c64[i] : ~c64[i];
    EACH c64[i] = (int64_t)((uint64_t)c64[i] * (uint64_t)b64[i]);
}

static NOINLINE void floats(void) {
    EACH cf[i] = af[i] * bf[i] + 1.5f;
    EACH cf[i] = cf[i] > 1e6f ? cf[i] / 3 : cf[i] - bf[i];
    EACH cf[i] += (float)c32[i] - (float)u16[i];
    EACH cf[i] = cf[i] < 0 ? -cf[i] : cf[i];
    EACH cf[i] = __builtin_sqrtf(cf[i]);
    EACH cd[i] = ad[i] / bd[i] - (double)af[i];
    EACH cd[i] = cd[i] * (double)(int32_t)a64[i] + (double)c64[i];
    EACH cd[i] = __builtin_sqrt(cd[i] < 0 ? -cd[i] : cd[i]);
    EACH c32[i] ^= (int32_t)(cf[i] * 16);
    EACH c64[i] ^= (int64_t)(cd[i] / 16);
    EACH u32[i] += (uint32_t)(cf[i] + 0.5f);
    EACH bf[i] = (float)cd[i];
    EACH af[i] = __builtin_floorf(af[i]) + __builtin_truncf(bf[i] / 512) + __builtin_ceilf(af[i] / 3);
    EACH ad[i] = ad[i] > bd[i] ? __builtin_copysign(ad[i], bd[i]) : __builtin_rint(bd[i] / 3);
}

static NOINLINE void strides(void) {
    EACH { // deinterleave, exchange, interleave
        uint8_t red = pixels[4 * i], green = pixels[4 * i + 1], blue = pixels[4 * i + 2], alpha = pixels[4 * i + 3];
        pixels[4 * i] = (uint8_t)(blue * alpha >> 8), pixels[4 * i + 1] = (uint8_t)((red + 2 * green + blue) >> 2);
        pixels[4 * i + 2] = (uint8_t)(255 - red), pixels[4 * i + 3] = (uint8_t)(alpha | 1);
    }
    for (int i = 0; i + 2 < N; i += 3) {
        int32_t x = a32[i], y = a32[i + 1], z = a32[i + 2];
        a32[i] = y - z, a32[i + 1] = z - x, a32[i + 2] = x - y;
    }
    for (int i = 0; i < N / 2; i++)
        c16[i] = (int16_t)(b16[2 * i] - b16[2 * i + 1]);
    for (int i = 0; i < N / 2; i++) {
        double t = ad[i];
        ad[i] = ad[N - 1 - i], ad[N - 1 - i] = t;
    }
    for (int i = N - 1; i >= 0; i--)
        w8[N - 1 - i] ^= u8[i];
    for (int i = 0; i < N - 4; i++)
        w16[i] = (uint16_t)(u8[i] + 4 * u8[i + 1] + 6 * u8[i + 2] + 4 * u8[i + 3] + u8[i + 4]);
}

static NOINLINE uint64_t sums(void) {
    uint64_t hash = DIGEST_START;
    int32_t dot = 0, mixed = 0, least = INT32_MAX, most = INT32_MIN, difference = 0;
    uint32_t unsigned_dot = 0, all = ~0u, any = 0, parity = 0, count = 0;
    uint64_t wide = 0, squares = 0;
    uint8_t peak = 0;
    int16_t lowest = INT16_MAX;
    EACH dot += a8[i] * b8[i];
    EACH unsigned_dot += (uint32_t)u8[i] * v8[i];
    EACH mixed += u8[i] * a8[i];
    EACH difference += u8[i] > v8[i] ? u8[i] - v8[i] : v8[i] - u8[i];
    EACH least = c32[i] < least ? c32[i] : least;
    EACH most = c32[i] > most ? c32[i] : most;
    EACH all &= u32[i] | 0xf0f0, any |= u32[i] & 0xff00ff, parity ^= u32[i];
    EACH wide += (uint64_t)a32[i] + u16[i];
    EACH squares += (uint64_t)((int64_t)a16[i] * a16[i]);
    EACH peak = u8[i] > peak ? u8[i] : peak;
    EACH lowest = c16[i] < lowest ? c16[i] : lowest;
    EACH count += a64[i] < b64[i] && a8[i] != b8[i];
    uint64_t parts[] = {(uint32_t)dot, unsigned_dot, (uint32_t)mixed, (uint32_t)difference, (uint32_t)least,
                        (uint32_t)most, all, any, parity, wide, squares, peak, (uint16_t)lowest, count};
    return digest(hash, parts, sizeof parts);
}

#define SHOW(array) print(#array " %016llx\n", (unsigned long long)digest(DIGEST_START, array, sizeof array))

int main(void) {
    uint64_t all = 0;
    random = opaque(0x7ec70125);
    for (int round = 0; round < WORK; round++) {
        fill();
        bytes();
        halves();
        words();
        doublewords();
        floats();
        strides();
        all = all * 31 + sums();
    }
    print("sums %016llx\n", (unsigned long long)all);
    SHOW(c8), SHOW(w8), SHOW(c16), SHOW(w16), SHOW(a32), SHOW(c32), SHOW(u32), SHOW(c64);
    SHOW(af), SHOW(bf), SHOW(cf), SHOW(ad), SHOW(cd), SHOW(pixels);
    return 0;
}

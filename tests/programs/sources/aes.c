// AES-128 in counter mode (FIPS 197) and GHASH (SP 800-38D), with the CPU's instructions where the compiler may.

#include "program.h"

#ifdef __ARM_FEATURE_AES
#include <arm_neon.h>
#endif

#ifndef WORK
#define WORK PICK(160, 1) // blocks of 16 bytes
#endif

static uint8_t sbox[256], inverse[256];

static uint8_t times2(uint8_t x) { return (uint8_t)(x << 1 ^ (x >> 7) * 0x1b); }

static void make_sboxes(void) {
    uint8_t p = 1, q = 1; // q is 1 / p: p runs through the powers of 3
    do {
        p = (uint8_t)(p ^ times2(p));
        q ^= (uint8_t)(q << 1);
        q ^= (uint8_t)(q << 2);
        q ^= (uint8_t)(q << 4);
        q ^= (q >> 7) * 0x09;
        unsigned x = q * 0x101u;
        sbox[p] = (uint8_t)(x ^ x >> 7 ^ x >> 6 ^ x >> 5 ^ x >> 4 ^ 0x63);
    } while (p != 1);
    sbox[0] = 0x63;
    for (int i = 0; i < 256; i++)
        inverse[sbox[i]] = (uint8_t)i;
}

static void expand_key(const uint8_t key[16], uint8_t keys[11][16]) {
    uint8_t round = 1, *flat = keys[0];
    memcpy(flat, key, 16);
    for (int i = 16; i < 176; i += 4) {
        uint8_t t[4];
        memcpy(t, flat + i - 4, 4);
        if (i % 16 == 0) {
            uint8_t first = t[0];
            t[0] = sbox[t[1]] ^ round, t[1] = sbox[t[2]], t[2] = sbox[t[3]], t[3] = sbox[first];
            round = times2(round);
        }
        for (int j = 0; j < 4; j++)
            flat[i + j] = flat[i + j - 16] ^ t[j];
    }
}

#ifdef __ARM_FEATURE_AES
static void encrypt(uint8_t keys[11][16], uint8_t block[16]) {
    uint8x16_t state = vld1q_u8(block);
    for (int round = 0; round < 9; round++)
        state = vaesmcq_u8(vaeseq_u8(state, vld1q_u8(keys[round])));
    vst1q_u8(block, veorq_u8(vaeseq_u8(state, vld1q_u8(keys[9])), vld1q_u8(keys[10])));
}

static void decrypt(uint8_t keys[11][16], uint8_t block[16]) {
    uint8x16_t state = vaesdq_u8(vld1q_u8(block), vld1q_u8(keys[10]));
    for (int round = 9; round > 0; round--)
        state = vaesdq_u8(vaesimcq_u8(state), vaesimcq_u8(vld1q_u8(keys[round])));
    vst1q_u8(block, veorq_u8(state, vld1q_u8(keys[0])));
}

// The product of two polynomials of degree 63.
static void multiply(uint64_t a, uint64_t b, uint64_t *high, uint64_t *low) {
    uint64x2_t product = vreinterpretq_u64_p128(vmull_p64(a, b));
    *low = vgetq_lane_u64(product, 0), *high = vgetq_lane_u64(product, 1);
}
#else
static void add_key(uint8_t block[16], const uint8_t key[16]) {
    for (int i = 0; i < 16; i++)
        block[i] ^= key[i];
}

static void encrypt(uint8_t keys[11][16], uint8_t block[16]) {
    add_key(block, keys[0]);
    for (int round = 1; round <= 10; round++) {
        uint8_t t[16];
        for (int i = 0; i < 16; i++)
            t[i] = sbox[block[(i + i % 4 * 4) % 16]];
        for (int i = 0; i < 16 && round < 10; i += 4) {
            uint8_t all = t[i] ^ t[i + 1] ^ t[i + 2] ^ t[i + 3], first = t[i];
            for (int j = 0; j < 4; j++)
                t[i + j] ^= all ^ times2(t[i + j] ^ (j == 3 ? first : t[i + j + 1]));
        }
        memcpy(block, t, 16);
        add_key(block, keys[round]);
    }
}

static uint8_t times(uint8_t a, uint8_t b) {
    uint8_t result = 0;
    for (; b; b >>= 1, a = times2(a))
        result ^= b & 1 ? a : 0;
    return result;
}

static void decrypt(uint8_t keys[11][16], uint8_t block[16]) {
    add_key(block, keys[10]);
    for (int round = 9; round >= 0; round--) {
        uint8_t t[16];
        for (int i = 0; i < 16; i++)
            t[(i + i % 4 * 4) % 16] = inverse[block[i]];
        add_key(t, keys[round]);
        for (int i = 0; i < 16; i++)
            block[i] = round == 0 ? t[i]
                                  : times(t[i], 14) ^ times(t[i & ~3 | (i + 1) & 3], 11) ^
                                        times(t[i & ~3 | (i + 2) & 3], 13) ^ times(t[i & ~3 | (i + 3) & 3], 9);
    }
}

static void multiply(uint64_t a, uint64_t b, uint64_t *high, uint64_t *low) {
    *high = *low = 0;
    for (int i = 0; i < 64; i++)
        if (b >> i & 1) {
            *low ^= a << i;
            *high ^= i ? a >> (64 - i) : 0;
        }
}
#endif

static uint64_t reverse(uint64_t x) {
    uint64_t result = 0;
    for (int i = 0; i < 64; i++)
        result |= (x >> i & 1) << (63 - i);
    return result;
}

// GHASH's field: x^128 + x^7 + x^2 + x + 1, here with the bits in their usual order.
static void field_multiply(uint64_t x[2], const uint64_t h[2]) {
    uint64_t r[4], high, low;
    multiply(x[0], h[0], &r[1], &r[0]);
    multiply(x[1], h[1], &r[3], &r[2]);
    multiply(x[0], h[1], &high, &low);
    r[1] ^= low, r[2] ^= high;
    multiply(x[1], h[0], &high, &low);
    r[1] ^= low, r[2] ^= high;
    for (int i = 3; i >= 2; i--) {
        multiply(r[i], 0x87, &high, &low);
        r[i - 2] ^= low, r[i - 1] ^= high;
    }
    x[0] = r[0], x[1] = r[1];
}

static void show(const char *name, const uint8_t block[16]) {
    print("%s ", name);
    for (int i = 0; i < 16; i++)
        print("%02x", block[i]);
    print("\n");
}

int main(void) {
    uint8_t key[16], keys[11][16], block[16], counter[16] = {0};
    uint64_t hash = DIGEST_START, x[2] = {0, 0}, h[2];
    make_sboxes();
    for (int i = 0; i < 16; i++)
        key[i] = (uint8_t)(opaque(0x10) * i / 16), block[i] = (uint8_t)(i * 0x11);
    expand_key(key, keys);
    encrypt(keys, block); // FIPS 197, appendix C.1
    show("cipher", block);
    decrypt(keys, block);
    show("plain ", block);

    memset(block, 0, sizeof block);
    encrypt(keys, block);
    memcpy(h, block, sizeof h);
    h[0] = reverse(h[0]), h[1] = reverse(h[1]);
    for (uint32_t i = 0; i < WORK; i++) {
        for (int j = 0; j < 4; j++)
            counter[15 - j] = (uint8_t)(i >> 8 * j);
        memcpy(block, counter, sizeof block);
        encrypt(keys, block);
        hash = digest(hash, block, sizeof block);
        uint64_t words[2];
        memcpy(words, block, sizeof words);
        x[0] ^= words[0], x[1] ^= words[1];
        field_multiply(x, h);
        decrypt(keys, block);
        if (memcmp(block, counter, sizeof block))
            return 1;
    }
    print("stream %016llx\nproduct %016llx%016llx\n", (unsigned long long)hash, (unsigned long long)x[1],
          (unsigned long long)x[0]);
    return 0;
}

// Big integers: Montgomery exponentiation as RSA does it, a factorial, division, and 128-bit products.

#include "program.h"

#ifndef WORK
#define WORK PICK(6, 1) // words of the modulus
#endif
#define DIGITS PICK(40, 4) // words of the factorial

__extension__ typedef unsigned __int128 wide;
__extension__ typedef __int128 signed_wide;

static void show(const char *name, const uint64_t *words, int count) {
    print("%s", name);
    while (count--)
        print("%016llx", (unsigned long long)words[count]);
    print("\n");
}

static int compare(const uint64_t *a, const uint64_t *b) {
    for (int i = WORK - 1; i >= 0; i--)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

static uint64_t subtract(uint64_t *a, const uint64_t *b) {
    uint64_t borrow = 0;
    for (int i = 0; i < WORK; i++) {
        wide difference = (wide)a[i] - b[i] - borrow;
        a[i] = (uint64_t)difference;
        borrow = (uint64_t)(difference >> 64) & 1;
    }
    return borrow;
}

// a * b / 2^(64 * WORK) modulo m (Montgomery); `inverse` is -1 / m modulo 2^64.
static void montgomery(uint64_t *result, const uint64_t *a, const uint64_t *b, const uint64_t *m, uint64_t inverse) {
    uint64_t t[WORK + 2] = {0};
    for (int i = 0; i < WORK; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < WORK; j++) {
            wide sum = (wide)a[j] * b[i] + t[j] + carry;
            t[j] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        wide top = (wide)t[WORK] + carry;
        t[WORK] = (uint64_t)top, t[WORK + 1] = (uint64_t)(top >> 64);
        uint64_t factor = t[0] * inverse;
        carry = (uint64_t)(((wide)factor * m[0] + t[0]) >> 64);
        for (int j = 1; j < WORK; j++) {
            wide sum = (wide)factor * m[j] + t[j] + carry;
            t[j - 1] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        top = (wide)t[WORK] + carry;
        t[WORK - 1] = (uint64_t)top;
        t[WORK] = t[WORK + 1] + (uint64_t)(top >> 64);
    }
    if (t[WORK] || compare(t, m) >= 0)
        subtract(t, m);
    memcpy(result, t, WORK * sizeof *t);
}

static void exponentiate(uint64_t *result, const uint64_t *base, const uint64_t *exponent, int bits, const uint64_t *m) {
    uint64_t inverse = 1, one[WORK] = {1}, square[WORK], x[WORK], y[WORK];
    for (int i = 0; i < 6; i++)
        inverse *= 2 - m[0] * inverse;
    inverse = 0 - inverse;
    // 2^(128 * WORK) modulo m by doubling: it takes numbers into Montgomery's form.
    memcpy(square, one, sizeof one);
    for (int i = 0; i < 128 * WORK; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < WORK; j++) {
            uint64_t high = square[j] >> 63;
            square[j] = square[j] << 1 | carry;
            carry = high;
        }
        if (carry || compare(square, m) >= 0)
            subtract(square, m);
    }
    montgomery(x, base, square, m, inverse);
    montgomery(y, one, square, m, inverse);
    for (int i = bits - 1; i >= 0; i--) {
        montgomery(y, y, y, m, inverse);
        if (exponent[i / 64] >> i % 64 & 1)
            montgomery(y, y, x, m, inverse);
    }
    montgomery(result, y, one, m, inverse);
}

static void factorial(void) {
    static uint64_t number[DIGITS];
    int used = 1, n = 1;
    number[0] = 1;
    for (; used < DIGITS; n++) {
        uint64_t carry = 0;
        for (int i = 0; i < used; i++) {
            wide product = (wide)number[i] * (uint64_t)n + carry;
            number[i] = (uint64_t)product;
            carry = (uint64_t)(product >> 64);
        }
        if (carry)
            number[used++] = carry;
    }
    print("%d! has %d words, digest %016llx\n", n - 1, used,
          (unsigned long long)digest(DIGEST_START, number, sizeof number));
    // In decimal, by division of 32 bits at a time.
    char text[DIGITS * 20 + 1];
    size_t start = sizeof text;
    text[--start] = 0;
    while (used) {
        uint64_t rest = 0;
        for (int i = used - 1; i >= 0; i--) {
            uint64_t high = rest << 32 | number[i] >> 32;
            uint64_t low = high % 1000000000 << 32 | (number[i] & 0xffffffff);
            number[i] = high / 1000000000 << 32 | low / 1000000000;
            rest = low % 1000000000;
        }
        while (used && !number[used - 1])
            used--;
        for (int i = 0; i < 9 && (used || rest); i++, rest /= 10)
            text[--start] = (char)('0' + rest % 10);
    }
    print("%s\n", text + start);
}

int main(void) {
    uint64_t random = opaque(0xb16b16), m[WORK], base[WORK], exponent[WORK], result[WORK], again[WORK];
    for (int i = 0; i < WORK; i++) {
        m[i] = next_random(&random), base[i] = next_random(&random), exponent[i] = next_random(&random);
    }
    m[0] |= 1, m[WORK - 1] |= UINT64_C(1) << 63, base[WORK - 1] &= UINT64_MAX >> 1;
    show("m    ", m, WORK);
    exponentiate(result, base, exponent, PICK(64 * WORK, 16), m);
    show("b^e  ", result, WORK);
    // (b^3)^5 and (b^5)^3 are the same.
    uint64_t three[WORK] = {3}, five[WORK] = {5};
    exponentiate(result, base, three, 2, m);
    exponentiate(result, result, five, 3, m);
    exponentiate(again, base, five, 3, m);
    exponentiate(again, again, three, 2, m);
    print("(b^3)^5 and (b^5)^3 %s\n", compare(result, again) ? "DIFFER" : "agree");
    show("b^15 ", again, WORK);
    factorial();
    signed_wide sum = 0;
    for (int i = 0; i < PICK(200, 20); i++) {
        int64_t a = (int64_t)next_random(&random), b = (int64_t)next_random(&random);
        sum = (signed_wide)((wide)sum + (wide)((signed_wide)a * b >> (i & 63)));
        sum ^= (signed_wide)((wide)(uint64_t)a * (uint64_t)b << (i & 127));
        sum = (signed_wide)((wide)sum - (wide)(sum < 0 ? a : b));
    }
    print("sum  %016llx%016llx\n", (unsigned long long)((wide)sum >> 64), (unsigned long long)sum);
    return 0;
}

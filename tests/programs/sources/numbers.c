// Numbers as text, exactly: doubles printed with all their digits, shortest forms that read back, and reading them.

#include "program.h"

#ifndef WORK
#define WORK PICK(40, 1)
#endif

#define LIMBS 72 // of 32 bits: more than 2^1100 * 10^340

struct big {
    int used;
    uint32_t limb[LIMBS];
};

static void set(struct big *b, uint64_t value) {
    b->limb[0] = (uint32_t)value, b->limb[1] = (uint32_t)(value >> 32);
    b->used = value >> 32 ? 2 : value ? 1 : 0;
}

static void multiply(struct big *b, uint32_t factor) {
    uint64_t carry = 0;
    for (int i = 0; i < b->used; i++) {
        carry += (uint64_t)b->limb[i] * factor;
        b->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        b->limb[b->used++] = (uint32_t)carry;
}

static void power_of_10(struct big *b, int exponent) {
    for (; exponent >= 9; exponent -= 9)
        multiply(b, 1000000000);
    for (; exponent; exponent--)
        multiply(b, 10);
}

static void shift(struct big *b, int bits) {
    int whole = bits / 32, part = bits % 32;
    if (!b->used)
        return;
    if (part)
        multiply(b, 1u << part);
    if (whole) {
        memmove(b->limb + whole, b->limb, (size_t)b->used * 4);
        memset(b->limb, 0, (size_t)whole * 4);
        b->used += whole;
    }
}

static int compare(const struct big *a, const struct big *b) {
    if (a->used != b->used)
        return a->used < b->used ? -1 : 1;
    for (int i = a->used - 1; i >= 0; i--)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

static void subtract(struct big *a, const struct big *b) {
    int64_t borrow = 0;
    for (int i = 0; i < a->used; i++) {
        borrow += (int64_t)a->limb[i] - (i < b->used ? b->limb[i] : 0);
        a->limb[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    while (a->used && !a->limb[a->used - 1])
        a->used--;
}

// value = mantissa * 2^exponent, for a finite one.
static uint64_t split(double value, int *exponent) {
    uint64_t bits = bits_of_double(value), fraction = bits & 0xfffffffffffff;
    int field = (int)(bits >> 52 & 0x7ff);
    *exponent = (field ? field : 1) - 1075;
    return field ? fraction | UINT64_C(1) << 52 : fraction;
}

// The first `wanted` significant digits, correctly rounded (half to even), and the power of ten of the first.
static int digits_of(double value, int wanted, char *text) {
    struct big top, bottom;
    int exponent, power;
    uint64_t mantissa = split(value, &exponent);
    set(&top, mantissa), set(&bottom, 1);
    // The logarithm, never too large by rounding down: 1233 / 4096 is a little less than log10(2).
    int bits = 63 - __builtin_clzll(mantissa) + exponent;
    power = bits * 1233 >> 12;
    if (exponent >= 0)
        shift(&top, exponent);
    else
        shift(&bottom, -exponent);
    if (power >= 0)
        power_of_10(&bottom, power);
    else
        power_of_10(&top, -power);
    for (;;) { // correct the estimate
        struct big tenfold = bottom;
        multiply(&tenfold, 10);
        if (compare(&top, &tenfold) < 0)
            break;
        bottom = tenfold;
        power++;
    }
    while (compare(&top, &bottom) < 0) {
        multiply(&top, 10);
        power--;
    }
    for (int i = 0; i < wanted; i++) {
        int digit = 0;
        while (compare(&top, &bottom) >= 0) {
            subtract(&top, &bottom);
            digit++;
        }
        text[i] = (char)('0' + digit);
        multiply(&top, 10);
    }
    text[wanted] = 0;
    multiply(&bottom, 5);
    int rest = compare(&top, &bottom);
    if (rest > 0 || (rest == 0 && (text[wanted - 1] & 1))) {
        int i = wanted - 1;
        while (i >= 0 && text[i] == '9')
            text[i--] = '0';
        if (i >= 0)
            text[i]++;
        else
            text[0] = '1', power++;
    }
    return power;
}

// The double nearest to 0.d1d2d3... * 10^power: long division to 55 bits, the last one telling of any rest.
static double value_of(const char *digits, int power) {
    struct big top, bottom;
    int count = 0, exponent = 0;
    set(&top, 0), set(&bottom, 1);
    for (; digits[count]; count++) {
        multiply(&top, 10);
        struct big digit;
        set(&digit, (uint64_t)(digits[count] - '0'));
        if (!top.used)
            top = digit;
        else {
            uint64_t carry = digit.used ? digit.limb[0] : 0;
            for (int i = 0; i < top.used && carry; i++) {
                carry += top.limb[i];
                top.limb[i] = (uint32_t)carry;
                carry >>= 32;
            }
        }
    }
    if (!top.used)
        return 0.0;
    power -= count - 1;
    power >= 0 ? power_of_10(&top, power) : power_of_10(&bottom, -power);
    int gap = 32 * (bottom.used - top.used) + __builtin_clz(top.limb[top.used - 1]) -
              __builtin_clz(bottom.limb[bottom.used - 1]);
    gap >= 0 ? shift(&top, gap) : shift(&bottom, -gap);
    exponent = -gap;
    if (compare(&top, &bottom) < 0) {
        multiply(&top, 2);
        exponent--;
    }
    // Now 1 <= top / bottom < 2. Subnormal numbers have fewer bits.
    int wanted = exponent < -1022 ? 53 - (-1022 - exponent) : 53;
    uint64_t mantissa = 0;
    if (wanted < 0)
        return 0.0;
    for (int i = 0; i < wanted; i++) {
        mantissa <<= 1;
        if (compare(&top, &bottom) >= 0) {
            subtract(&top, &bottom);
            mantissa |= 1;
        }
        multiply(&top, 2);
    }
    int rest = compare(&top, &bottom);
    if (rest > 0 || (rest == 0 && (mantissa & 1)))
        mantissa++;
    if (exponent < -1022)
        exponent = -1022;
    // A mantissa of 2^53 carries into the exponent, one below 2^52 is subnormal: both by plain addition.
    uint64_t bits = mantissa + ((uint64_t)(exponent + 1022) << 52);
    double value;
    if (exponent > 1023 || bits >= UINT64_C(0x7ff) << 52)
        bits = UINT64_C(0x7ff) << 52;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void show(double value) {
    char text[20];
    int power = 0, length = 1;
    if (value < 0)
        value = -value;
    for (; length <= 17; length++) { // the shortest that reads back
        power = digits_of(value, length, text);
        if (bits_of_double(value_of(text, power)) == bits_of_double(value))
            break;
        if (length == 1)
            length = PICK(1, 14);
    }
    print("%016llx %c.%se%d%s\n", (unsigned long long)bits_of_double(value), text[0], text + 1, power,
          length > 17 ? " DOES NOT READ BACK" : "");
}

int main(void) {
    static const uint64_t corners[] = {
        UINT64_C(0x3fb999999999999a), UINT64_C(0x4024000000000000), UINT64_C(0x0000000000000001),
        UINT64_C(0x000fffffffffffff), UINT64_C(0x0010000000000000), UINT64_C(0x7fefffffffffffff),
        UINT64_C(0x3ff0000000000001), UINT64_C(0x433fffffffffffff), UINT64_C(0x44b52d02c7e14af6),
        UINT64_C(0x3c9cd2b297d889bc), UINT64_C(0x4341c37937e08000), UINT64_C(0x3ff3c0ca428c59fb),
    };
    uint64_t random = opaque(0x123456789);
    for (size_t i = 0; i < PICK(sizeof corners / sizeof *corners, 2); i++) {
        double value;
        memcpy(&value, &corners[i], sizeof value);
        show(value);
    }
    for (int i = 0; i < WORK; i++) {
        uint64_t r = next_random(&random), bits = r % 37 << 20;
        bits = ((r >> 8 & (UINT64_C(1) << 52) - 1) & ~bits) | (uint64_t)(1023 - PICK(96, 4) + r % PICK(192, 8)) << 52;
        double value;
        memcpy(&value, &bits, sizeof value);
        show(value);
    }
    static const char *const reads[] = {"22250738585072011", "17976931348623158", "49406564584124654", "9007199254740993"};
    static const int powers[] = {-308, 308, -324, 15};
    for (int i = 0; i < PICK(4, 0); i++)
        print("%s e%d is %016llx\n", reads[i], powers[i], (unsigned long long)bits_of_double(value_of(reads[i], powers[i])));
    print("[%5d] [%-5d] [%05d] [%x] [%08X] [%c] [%8s] [%-8s] [%lld] [%llu] [%lld] [%%]\n", -42, 42, -42, 0xbeef, 0xbeefu,
          'x', "right", "left", (long long)opaque(1) * -9000000000, (unsigned long long)(0 - opaque(1)),
          (long long)(opaque(1) << 63));
    return 0;
}

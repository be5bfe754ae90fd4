// The kinds of work of the CoreMark benchmark, written anew: linked lists, small matrices, a state machine, a CRC.

#include "program.h"

#ifndef WORK
#define WORK PICK(40, 1)
#endif
#define LIST_LENGTH PICK(96, 24)
#define SIDE PICK(12, 6)

struct node {
    struct node *next;
    int16_t key, value;
};

static uint16_t crc16(uint16_t crc, uint32_t data, int bits) {
    for (int i = 0; i < bits; i++) {
        bool carry = ((data ^ crc) & 1) != 0;
        data >>= 1;
        crc >>= 1;
        if (carry)
            crc ^= 0xa001;
    }
    return crc;
}

static struct node *reverse(struct node *list) {
    struct node *result = NULL;
    while (list) {
        struct node *rest = list->next;
        list->next = result;
        result = list;
        list = rest;
    }
    return result;
}

static struct node *find(struct node *list, int16_t key) {
    while (list && list->key != key)
        list = list->next;
    return list;
}

static int by_key(const struct node *a, const struct node *b) { return a->key - b->key; }
static int by_value(const struct node *a, const struct node *b) { return a->value - b->value; }

static struct node *merge(struct node *a, struct node *b, int (*order)(const struct node *, const struct node *)) {
    struct node head = {NULL, 0, 0}, *last = &head;
    while (a && b) {
        struct node **least = order(a, b) <= 0 ? &a : &b;
        last = last->next = *least;
        *least = (*least)->next;
    }
    last->next = a ? a : b;
    return head.next;
}

static struct node *sort(struct node *list, int (*order)(const struct node *, const struct node *)) {
    if (!list || !list->next)
        return list;
    struct node *slow = list, *fast = list->next;
    while (fast && fast->next) {
        slow = slow->next;
        fast = fast->next->next;
    }
    struct node *half = slow->next;
    slow->next = NULL;
    return merge(sort(list, order), sort(half, order), order);
}

static uint16_t list_work(uint16_t crc, uint64_t *random) {
    static struct node pool[LIST_LENGTH];
    struct node *list = NULL;
    for (int i = 0; i < LIST_LENGTH; i++) {
        pool[i] = (struct node){list, (int16_t)(i * 7 % LIST_LENGTH), (int16_t)next_random(random)};
        list = &pool[i];
    }
    list = sort(list, by_value);
    for (int i = 0; i < 8; i++) {
        struct node *found = find(list, (int16_t)(next_random(random) % (LIST_LENGTH + 4)));
        list = reverse(list);
        crc = crc16(crc, found ? (uint16_t)found->value : 0xffff, 16);
    }
    list = sort(list, by_key);
    for (struct node *at = list; at; at = at->next)
        crc = crc16(crc, (uint32_t)(uint16_t)at->value << 16 | (uint16_t)at->key, 32);
    return crc;
}

static uint16_t matrix_work(uint16_t crc, uint64_t *random) {
    static int16_t a[SIDE][SIDE], b[SIDE][SIDE];
    static int32_t product[SIDE][SIDE];
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            a[i][j] = (int16_t)next_random(random);
            b[i][j] = (int16_t)(next_random(random) >> 7);
        }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            uint32_t sum = 0, extracted = 0;
            for (int k = 0; k < SIDE; k++) {
                uint32_t term = (uint32_t)(a[i][k] * b[k][j]);
                sum += term;
                extracted += (term >> 2 & 0xf) * (term >> 5 & 0x7f);
            }
            product[i][j] = (int32_t)(sum ^ extracted);
        }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            a[i][j] = (int16_t)(a[i][j] + (product[i][j] >> 3));
            crc = crc16(crc, (uint32_t)product[i][j] + (uint16_t)a[i][j], 32);
        }
    return crc;
}

enum state { START, SIGN, INTEGER, POINT, FRACTION, EXPONENT, EXPONENT_SIGN, SCIENTIFIC, INVALID, STATES };

static enum state step(enum state state, char c) {
    bool digit = c >= '0' && c <= '9', sign = c == '+' || c == '-';
    switch (state) {
    case START:
        return digit ? INTEGER : sign ? SIGN : c == '.' ? POINT : INVALID;
    case SIGN:
        return digit ? INTEGER : c == '.' ? POINT : INVALID;
    case INTEGER:
        return digit ? INTEGER : c == '.' ? FRACTION : c == 'e' ? EXPONENT : INVALID;
    case POINT:
        return digit ? FRACTION : INVALID;
    case FRACTION:
        return digit ? FRACTION : c == 'e' ? EXPONENT : INVALID;
    case EXPONENT:
        return digit ? SCIENTIFIC : sign ? EXPONENT_SIGN : INVALID;
    case EXPONENT_SIGN:
    case SCIENTIFIC:
        return digit ? SCIENTIFIC : INVALID;
    default:
        return INVALID;
    }
}

static uint16_t state_work(uint16_t crc, uint64_t *random) {
    static const char *const samples[] = {"5012", "-874", "+122", "35.54400", ".1234500", "-110.700", "+0.64400",
                                          "5.500e+3", "-.123e-2", "-87e+832", "T0.3e-1F", "34.0e-T^", "", "1e", "+.e1"};
    uint32_t ends[STATES] = {0}, visits[STATES] = {0};
    for (int i = 0; i < PICK(64, 16); i++) {
        const char *text = samples[next_random(random) % (sizeof samples / sizeof *samples)];
        enum state state = START;
        for (; *text; text++)
            visits[state = step(state, *text)]++;
        ends[state]++;
    }
    for (int i = 0; i < STATES; i++)
        crc = crc16(crc, ends[i] << 16 | visits[i], 32);
    return crc;
}

int main(void) {
    uint64_t random = opaque(0x3415);
    uint16_t list = 0, matrix = 0, state = 0;
    for (int i = 0; i < WORK; i++) {
        list = list_work(list, &random);
        matrix = matrix_work(matrix, &random);
        state = state_work(state, &random);
    }
    print("list   %04x\nmatrix %04x\nstate  %04x\n", list, matrix, state);
    return 0;
}

// chase: A list followed through 4 MiB in random order, so that hardly two steps are on one page.

#include "bench.h"

#define NODES (1 << 16)
#define STEPS 40000000

struct node {
    struct node *next;
    uint64_t rest[7];
};

static struct node nodes[NODES];
static uint32_t order[NODES];

uint64_t main(uint64_t percent) {
    uint64_t random = 0x13198a2e03707344, steps = scaled(STEPS, percent);
    for (uint32_t i = 0; i < NODES; i++)
        order[i] = i;
    for (uint32_t i = NODES - 1; i > 0; i--) {      // one cycle through all of them (Sattolo)
        uint32_t j = (uint32_t)(next_random(&random) >> 20) % i, t = order[i];
        order[i] = order[j], order[j] = t;
    }
    for (uint32_t i = 0; i < NODES; i++)
        nodes[order[i]].next = &nodes[order[(i + 1) % NODES]];
    const struct node *volatile start = nodes;
    const struct node *at = start;
    for (; steps; steps--)
        at = at->next;
    return (uint64_t)(at - nodes);
}

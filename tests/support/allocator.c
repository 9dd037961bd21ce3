/* See allocator.h. Each block stands behind a header of 64 bytes and before a guard of 16. */
#include "support/allocator.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_BYTES 16
#define LIVE UINT64_C(0x6c6976656c697665)
#define FREED UINT64_C(0x6672656566726565)

typedef struct block_header {
    uint64_t mark;
    size_t bytes;
    void *base;
    test_allocator *owner;
} block_header;

static void complain(const char *what)
{
    fprintf(stderr, "test allocator: %s\n", what);
    abort();
}

static void *allocate(void *user, size_t bytes, size_t alignment)
{
    test_allocator *allocator = user;
    long long call = atomic_fetch_add(&allocator->calls, 1) + 1;
    if (alignment < 64 || (alignment & (alignment - 1)) != 0)
        complain("the alignment asked for is not a power of two from 64 on");
    if (bytes == 0)
        complain("asked for no bytes");
    if (allocator->fail_at > 0 &&
        (call == allocator->fail_at || (allocator->fail_after && call > allocator->fail_at)))
        return NULL;
    if (bytes > SIZE_MAX - 2 * alignment - GUARD_BYTES - 64)
        return NULL;
    size_t head = alignment;
    unsigned char *base = NULL;
    if (posix_memalign((void **)&base, alignment, head + bytes + GUARD_BYTES))
        return NULL;
    unsigned char *memory = base + head;
    block_header *header = (block_header *)(void *)(memory - 64);
    *header = (block_header){LIVE, bytes, base, allocator};
    memset(memory, 0xa5, bytes); /* nobody may count on zeros */
    memset(memory + bytes, 0x5a, GUARD_BYTES);
    atomic_fetch_add(&allocator->live, 1);
    long long total = atomic_fetch_add(&allocator->live_bytes, (long long)bytes) + (long long)bytes;
    long long peak = atomic_load(&allocator->peak_bytes);
    while (total > peak && !atomic_compare_exchange_weak(&allocator->peak_bytes, &peak, total))
        ;
    return memory;
}

static void deallocate(void *user, void *memory)
{
    test_allocator *allocator = user;
    if (!memory)
        complain("NULL was given back");
    block_header *header = (block_header *)(void *)((unsigned char *)memory - 64);
    if (header->mark == FREED)
        complain("a block was freed twice");
    if (header->mark != LIVE || header->owner != allocator)
        complain("a block was freed that is not its own");
    for (int i = 0; i < GUARD_BYTES; i++) {
        if (((unsigned char *)memory)[header->bytes + (size_t)i] != 0x5a)
            complain("a block was written beyond its end");
    }
    header->mark = FREED;
    atomic_fetch_sub(&allocator->live, 1);
    atomic_fetch_sub(&allocator->live_bytes, (long long)header->bytes);
    memset(memory, 0xdd, header->bytes);
    free(header->base);
}

void test_allocator_init(test_allocator *allocator)
{
    atomic_init(&allocator->calls, 0);
    atomic_init(&allocator->live, 0);
    atomic_init(&allocator->live_bytes, 0);
    atomic_init(&allocator->peak_bytes, 0);
    allocator->fail_at = 0;
    allocator->fail_after = 0;
}

void test_allocator_options(test_allocator *allocator, mbn_context_options *options)
{
    mbn_context_options_init(options);
    options->allocate = allocate;
    options->deallocate = deallocate;
    options->allocator_user = allocator;
    options->threads = 1;
}

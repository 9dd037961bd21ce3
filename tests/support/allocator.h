/* An allocator for contexts in tests: counts live blocks, fails the k-th allocation, and aborts on a block
 * that is not its own, is freed twice or was written beyond its end. Safe to call from any thread. */
#ifndef TESTS_ALLOCATOR_H
#define TESTS_ALLOCATOR_H

#include <mobilenet/context.h>
#include <stdatomic.h>

typedef struct test_allocator {
    atomic_llong calls;      /* allocations asked for so far */
    atomic_llong live;       /* blocks not yet freed */
    atomic_llong live_bytes; /* their bytes */
    atomic_llong peak_bytes; /* the most that live_bytes was */
    long long fail_at;       /* this allocation fails, counted from 1; 0: none */
    int fail_after;          /* not 0: and all later ones too */
} test_allocator;

void test_allocator_init(test_allocator *allocator);
/* Fills the defaults and sets this allocator, with one thread; change what else is wanted afterwards. */
void test_allocator_options(test_allocator *allocator, mbn_context_options *options);

#endif

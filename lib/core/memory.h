/* Memory through the context's allocator, sizes in checked arithmetic, and an arena that is sized before it
 * is made. */
#ifndef MBNI_CORE_MEMORY_H
#define MBNI_CORE_MEMORY_H

#include <mobilenet/context.h>
#include <stdbool.h>

#define MBNI_ALIGNMENT 64

/* *out = a * b or a + b; false on overflow or negative operands. Sizes stay below INT64_MAX / 2. */
bool mbni_mul(int64_t a, int64_t b, int64_t *out);
bool mbni_add(int64_t a, int64_t b, int64_t *out);
/* Product of `rank` lengths; false on overflow or a negative length. */
bool mbni_product(int32_t rank, const int64_t *dims, int64_t *out);

/* 64-byte aligned memory of the context, which must not be NULL. `bytes` may be 0. On failure NULL, and the
 * error (MBN_ERR_MEMORY) is recorded with the number of bytes. The plain one is not cleared, the other is. */
void *mbni_alloc(mbn_context *context, int64_t bytes);
void *mbni_alloc_zeroed(mbn_context *context, int64_t bytes);
/* Copy of a string. */
char *mbni_strdup(mbn_context *context, const char *text);
void mbni_free(mbn_context *context, void *memory); /* NULL is allowed */

/* One block that is handed out from front to back. Plan first: mbni_arena_plan on a zeroed arena adds up what
 * is needed and returns the offset of each piece; mbni_arena_create then allocates it all. */
typedef struct mbni_arena {
    unsigned char *base;
    int64_t bytes;
    bool overflow; /* a plan did not fit into int64_t */
    bool lent;     /* base belongs to somebody else */
} mbni_arena;

int64_t mbni_arena_plan(mbni_arena *arena, int64_t count, int64_t element_bytes);
mbn_status mbni_arena_create(mbn_context *context, mbni_arena *arena);
/* Instead of create: in memory that outlives the arena, aligned and large enough. */
void mbni_arena_lend(mbni_arena *arena, unsigned char *memory);
void mbni_arena_destroy(mbn_context *context, mbni_arena *arena);

#endif

/* Memory through the context's allocator, checked arithmetic, the arena. */
#include "core/memory.h"
#include <string.h>
#include "core/context.h"

/* Half of the range: sums of two sizes and roundings up never overflow. */
#define LARGEST (INT64_MAX / 2)

bool mbni_mul(int64_t a, int64_t b, int64_t *out)
{
    if (a < 0 || b < 0 || (b != 0 && a > LARGEST / b))
        return false;
    *out = a * b;
    return true;
}

bool mbni_add(int64_t a, int64_t b, int64_t *out)
{
    if (a < 0 || b < 0 || a > LARGEST || b > LARGEST - a)
        return false;
    *out = a + b;
    return true;
}

/* Zero lengths count as one until the end: the answer does not depend on the order of the axes, and the
 * strides of an empty array fit as well. */
bool mbni_product(int32_t rank, const int64_t *dims, int64_t *out)
{
    int64_t product = 1;
    bool empty = false;
    for (int32_t i = 0; i < rank; i++) {
        empty |= dims[i] == 0;
        if (!mbni_mul(product, dims[i] == 0 ? 1 : dims[i], &product))
            return false;
    }
    *out = empty ? 0 : product;
    return true;
}

void *mbni_alloc(mbn_context *context, int64_t bytes)
{
    if (bytes < 0 || (uint64_t)bytes > PTRDIFF_MAX / 2) {
        mbni_error(MBN_ERR_MEMORY, "a size does not fit into the address space");
        return NULL;
    }
    const mbn_context_options *options = &context->options;
    size_t asked = bytes ? (size_t)bytes : 1;
    void *memory = options->allocate(options->allocator_user, asked, MBNI_ALIGNMENT);
    if (!memory) {
        mbni_error(MBN_ERR_MEMORY, "no memory for %lld bytes", (long long)bytes);
    } else if ((uintptr_t)memory % MBNI_ALIGNMENT != 0) {
        options->deallocate(options->allocator_user, memory);
        memory = NULL;
        mbni_error(MBN_ERR_MEMORY, "the allocator of the context returned memory not aligned to %d bytes",
                   MBNI_ALIGNMENT);
    }
    return memory;
}

void *mbni_alloc_zeroed(mbn_context *context, int64_t bytes)
{
    void *memory = mbni_alloc(context, bytes);
    if (memory)
        memset(memory, 0, (size_t)bytes);
    return memory;
}

char *mbni_strdup(mbn_context *context, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = mbni_alloc(context, (int64_t)bytes);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

void mbni_free(mbn_context *context, void *memory)
{
    if (memory)
        context->options.deallocate(context->options.allocator_user, memory);
}

int64_t mbni_arena_plan(mbni_arena *arena, int64_t count, int64_t element_bytes)
{
    int64_t bytes, end, offset = arena->bytes;
    if (!mbni_mul(count, element_bytes, &bytes) || !mbni_add(bytes, MBNI_ALIGNMENT - 1, &bytes) ||
        !mbni_add(offset, bytes / MBNI_ALIGNMENT * MBNI_ALIGNMENT, &end)) {
        arena->overflow = true;
        return offset;
    }
    arena->bytes = end;
    return offset;
}

mbn_status mbni_arena_create(mbn_context *context, mbni_arena *arena)
{
    arena->base = NULL;
    if (arena->overflow)
        return mbni_error(MBN_ERR_MEMORY, "a workspace does not fit into the address space");
    arena->base = mbni_alloc(context, arena->bytes);
    return arena->base ? MBN_OK : MBN_ERR_MEMORY;
}

void mbni_arena_lend(mbni_arena *arena, unsigned char *memory)
{
    arena->base = memory;
    arena->lent = true;
}

void mbni_arena_destroy(mbn_context *context, mbni_arena *arena)
{
    if (!arena->lent)
        mbni_free(context, arena->base);
    memset(arena, 0, sizeof *arena);
}

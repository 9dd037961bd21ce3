/* The list of files that a directory's data set leaves out; it grows while pictures are read, by any thread.
 */
#ifndef MBNI_DATA_SKIPPED_H
#define MBNI_DATA_SKIPPED_H

#include "core/context.h"

typedef struct mbni_skipped mbni_skipped;

mbn_status mbni_skipped_create(mbn_context *context, mbni_skipped **out);
void mbni_skipped_destroy(mbn_context *context, mbni_skipped *list); /* NULL is allowed */
/* Copies both texts. */
mbn_status mbni_skipped_add(mbn_context *context, mbni_skipped *list, const char *name, const char *reason);
/* NULL is an empty list. Texts stay where they are as long as the list lives. */
int64_t mbni_skipped_count(mbni_skipped *list);
const char *mbni_skipped_name(mbni_skipped *list, int64_t index);
const char *mbni_skipped_reason(mbni_skipped *list, int64_t index);

#endif

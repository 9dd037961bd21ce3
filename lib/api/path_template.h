/* Paths with numbers in them, as ModelCheckpoint takes them. */
#ifndef MBNI_API_PATH_TEMPLATE_H
#define MBNI_API_PATH_TEMPLATE_H

#include <mobilenet/train.h>
#include <stdbool.h>

enum { MBNI_TEMPLATE_BYTES = 1024 };

/* Braces and what stands in them: MBN_ERR_ARGUMENT with a sentence about option path. */
mbn_status mbni_template_check(const char *path);
/* Puts the epoch, from 1, and values of the history's last row in the place of {epoch}, {epoch:WIDTH},
 * {column} and {column:DECIMALS}. A history without rows gives zeros. MBN_ERR_ARGUMENT where no column has
 * the name, or the path becomes too long. */
mbn_status mbni_template_fill(const char *path, int64_t epoch, const mbn_history *history,
                              char out[MBNI_TEMPLATE_BYTES]);
/* Whether the template can have become this path, whatever the numbers. */
bool mbni_template_fits(const char *path, const char *filled);

#endif

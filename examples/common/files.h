/* What the example programs ask about files. */
#ifndef EXAMPLES_COMMON_FILES_H
#define EXAMPLES_COMMON_FILES_H

#include <stdio.h>

/* Size of a file; -1 when it is not there or cannot be read. */
static inline long long file_bytes(const char *path)
{
    FILE *file = fopen(path, "rb");
    long long bytes = file && !fseek(file, 0, SEEK_END) ? ftell(file) : -1;
    if (file)
        fclose(file);
    return bytes;
}

#endif

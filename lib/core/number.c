/* Numbers as text. The process' locale may print a comma, or any other bytes, where a file wants a point: it
 * is put there afterwards, since the library neither changes a locale nor relies on one. */
#include "core/number.h"
#include <stdio.h>
#include <stdlib.h>

enum { MOST_DIGITS = 17 };

static int is_ascii_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The one run of bytes that are neither digits, letters nor signs is the locale's point. */
static void set_point(char *text)
{
    char *to = text;
    for (const char *from = text; *from;) {
        if (is_ascii_alnum((unsigned char)*from) || *from == '-' || *from == '+') {
            *to++ = *from++;
            continue;
        }
        while (*from && !is_ascii_alnum((unsigned char)*from))
            from++;
        *to++ = '.';
    }
    *to = 0;
}

void mbni_number_shortest(double value, char text[MBNI_NUMBER_BYTES])
{
    for (int digits = 1; digits <= MOST_DIGITS; digits++) {
        snprintf(text, MBNI_NUMBER_BYTES, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    set_point(text);
}

void mbni_number_fixed(double value, int decimals, char text[MBNI_NUMBER_BYTES])
{
    snprintf(text, MBNI_NUMBER_BYTES, "%.*f", decimals, value);
    set_point(text);
}

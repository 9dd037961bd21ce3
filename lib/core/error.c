/* The sentence of the last failure and the name of the running public call, one of each per thread. */
#include "core/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char last_text[1024];
static _Thread_local const char *call_name;

const char *mbni_call_begin(const char *name)
{
    const char *before = call_name;
    call_name = name;
    return before;
}

const char *mbni_error_text(void)
{
    return last_text;
}

/* Takes an incomplete UTF-8 sequence off the end of a text that was cut, so that bindings can decode it. */
static void trim_cut_character(char *text)
{
    size_t length = strlen(text);
    size_t start = length;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0 || (unsigned char)text[start - 1] < 0xc0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t needed = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (length - (start - 1) < needed)
        text[start - 1] = '\0';
}

mbn_status mbni_error(mbn_status status, const char *format, ...)
{
    /* Built aside: an argument may be the text of the error before. */
    char text[sizeof last_text];
    int used = call_name ? snprintf(text, sizeof text, "%s: ", call_name) : 0;
    if (used < 0 || used >= (int)sizeof text)
        used = 0;
    va_list arguments;
    va_start(arguments, format);
    int needed = vsnprintf(text + used, sizeof text - (size_t)used, format, arguments);
    va_end(arguments);
    if (needed < 0)
        snprintf(text + used, sizeof text - (size_t)used, "failed");
    else if ((size_t)needed >= sizeof text - (size_t)used)
        trim_cut_character(text);
    memcpy(last_text, text, sizeof text);
    return status;
}

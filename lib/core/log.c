/* Messages to the host's log, or to stdout where the caller asked for them. */
#include <stdarg.h>
#include <stdio.h>
#include "core/context.h"

void mbni_log(mbn_context *context, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    int needed = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (needed < 0)
        return;
    if (context->options.log) {
        /* The host may call the library from here; the names of its calls are not the running one's. */
        const char *call = mbni_call_begin(NULL);
        context->options.log(context->options.log_user, 0, text);
        mbni_call_begin(call);
    } else {
        fprintf(stdout, "%s\n", text);
        fflush(stdout);
    }
}

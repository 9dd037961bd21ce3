/* mobilenet/context.h */
#include "core/context.h"
#include "core/options.h"

MBN_API void mbn_context_options_init_sized(mbn_context_options *options, size_t struct_size)
{
    mbn_context_options defaults;
    mbni_context_defaults(&defaults);
    mbni_options_write(options, struct_size, &defaults, sizeof defaults);
}

MBN_API mbn_status mbn_context_create(const mbn_context_options *options, mbn_context **out)
{
    MBNI_CALL();
    if (!out)
        return mbni_error(MBN_ERR_ARGUMENT, "argument out is NULL");
    return mbni_context_new(options, mbni_cpu_isa(), out);
}

MBN_API void mbn_context_destroy(mbn_context *context)
{
    mbni_context_release(context);
}

MBN_API int32_t mbn_context_threads(const mbn_context *context)
{
    MBNI_CALL();
    if (context)
        return context->options.threads;
    mbn_context *used = mbni_context_retain(NULL);
    int32_t threads = used ? used->options.threads : 0;
    mbni_context_release(used);
    return threads;
}

MBN_API int32_t mbn_context_isa(const mbn_context *context)
{
    MBNI_CALL();
    if (context)
        return context->isa;
    mbn_context *used = mbni_context_retain(NULL);
    int32_t isa = used ? used->isa : 0;
    mbni_context_release(used);
    return isa;
}

MBN_API void mbn_default_context_shutdown(void)
{
    mbni_context_shutdown_default();
}

/* Prints, in Markdown, the time of each kernel family beside its floor, for each instruction set that machine
 * and build have. kernels [--small] [--isa generic|avx2|avx512|neon] [--family
 * limits|products|first|depthwise|passes|denormals|augment] */
#include "bench.h"
#include <mobilenet/mobilenet.h>
#include "common/cli.h"
#include "core/context.h"

static const struct {
    const char *name;
    void (*run)(const bench_isa *isa);
} FAMILIES[] = {{"limits", bench_limits},       {"products", bench_products}, {"first", bench_first},
                {"depthwise", bench_depthwise}, {"passes", bench_passes},     {"denormals", bench_denormals},
                {"augment", bench_augment}};

static const char *const ISAS[] = {"", "generic", "avx2", "avx512", "neon"}; /* by MBN_ISA_... */

/* 0, or -1 when machine or build have no such kernels. */
static int open_isa(int32_t isa, bench_isa *out)
{
    *out = (bench_isa){.isa = isa, .name = ISAS[isa]};
    for (int32_t t = 0; t < BENCH_THREADS; t++) {
        mbn_context_options options;
        mbn_context_options_init(&options);
        options.threads = t + 1;
        options.isa_limit = isa;
        if (mbn_context_create(&options, &out->contexts[t]) || mbn_context_isa(out->contexts[t]) != isa)
            return -1;
    }
    out->kernels = mbni_kernels_select(isa);
    out->train = mbni_train_kernels_select(isa);
    return 0;
}

int main(int argc, char **argv)
{
    int32_t only_isa = 0, only_family = -1;
    const cli_option options[] = {
        {"small", CLI_FLAG, &bench_small, "everything once, on few rows", 0, 0, 0},
        {"isa", CLI_CHOICE, &only_isa, "this one only", 0, 0, "all|generic|avx2|avx512|neon"},
        {"family", CLI_CHOICE, &only_family, "this one only", 0, 0,
         "limits|products|first|depthwise|passes|denormals|augment"},
    };
    const int go_on = CLI_PARSE(argc, argv, "Times the library's kernels.", options);
    if (go_on)
        return go_on > 0 ? 0 : 2;
    printf("## Kernels of libmobilenet %s (%s)\n\n", mbn_version_string(), mbn_build_info());
    puts("Floor: the larger of flops over the measured peak and bytes over the measured bandwidth of a "
         "working set of\n"
         "that size, both measured just before the row with as many threads. Bytes: every operand once, "
         "every result\n"
         "once. Flops: multiplications and additions on pixels inside the picture. Times are medians.");
    for (int32_t isa = MBN_ISA_GENERIC; isa <= MBN_ISA_NEON; isa++) {
        bench_isa opened;
        if (only_isa && isa != only_isa)
            continue;
        if (open_isa(isa, &opened))
            printf("\nskipped: %s, which this machine or build has not\n", ISAS[isa]);
        else
            for (size_t f = 0; f < sizeof FAMILIES / sizeof *FAMILIES; f++)
                if (only_family < 0 || only_family == (int32_t)f)
                    FAMILIES[f].run(&opened);
        for (int t = 0; t < BENCH_THREADS; t++)
            mbn_context_destroy(opened.contexts[t]);
    }
    return 0;
}

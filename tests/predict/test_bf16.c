/* The tests of test_predictor.c over the products that AVX-512 has with instructions for bfloat16, done in
 * plain C: scratch, its place in the workspace, and how near answers stay when activations are rounded, too.
 * Not under valgrind, where the same schedule runs with the library's own kernels. */
#include <stdio.h>
#include "support/bf16.h"

/* In place of the library's (kernels/select.c), which is then not linked. */
const mbni_kernels *mbni_kernels_select(int32_t isa)
{
    static mbni_kernels emulated;
    (void)isa;
    if (!emulated.name)
        emulated = bf16_kernels();
    return &emulated;
}

int predictor_tests(void);
#define main predictor_tests
#include "predict/test_predictor.c"
#undef main

int main(void)
{
    if (!getenv("MBN_TEST_VALGRIND"))
        return predictor_tests();
    puts("skipped under valgrind: instructions for bfloat16 in plain C");
    return EXIT_SUCCESS;
}

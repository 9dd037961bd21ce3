/* What ONNX Runtime answers, its own rewriting of graphs switched off: batch norms stay apart from
 * convolutions. ort_run GRAPH N C H W CLASSES <floats >floats Reads [n, c, h, w], writes [n, classes].
 * ORT_LIBRARY names the library. */
#include "bench/peers/ort.h"

static size_t product(const int64_t *dims, size_t count)
{
    size_t all = 1;
    for (size_t i = 0; i < count; i++)
        all *= (size_t)dims[i];
    return all;
}

int main(int argc, char **argv)
{
    ort_session ort;
    int64_t dims[5];
    if (argc != 7) {
        fprintf(stderr, "usage: ort_run GRAPH N C H W CLASSES\n");
        return 2;
    }
    for (int i = 0; i < 5; i++)
        dims[i] = strtol(argv[i + 2], NULL, 10);
    const int64_t out[] = {dims[0], dims[4]};
    const size_t inputs = product(dims, 4), outputs = product(out, 2);
    float *x = malloc(sizeof *x * inputs), *y = malloc(sizeof *y * outputs);
    if (!x || !y || fread(x, sizeof *x, inputs, stdin) != inputs) {
        fprintf(stderr, "ort_run: the pictures end early\n");
        return 1;
    }
    ort_find_library(&ort);
    ort_read_graph(&ort, argv[1], 1, ORT_OPTIMIZE_NONE);
    ort.input = ort_tensor(&ort, x, dims, 4);
    ort.output = ort_tensor(&ort, y, out, 2);
    ort_run(&ort);
    const int whole = fwrite(y, sizeof *y, outputs, stdout) == outputs && fflush(stdout) == 0;
    free(x);
    free(y);
    return whole ? 0 : 1;
}

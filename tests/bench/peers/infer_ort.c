/* ONNX Runtime's inference of the graphs that infer_onnx.py writes. */
#include "infer.h"
#include "ort.h"

static ort_session ort;

static void load(infer_work *w)
{
    const int64_t in[] = {w->batch, 3, w->size, w->size}, out[] = {w->batch, w->classes};
    infer_check(!w->model, "finding --model");
    ort_read_graph(&ort, w->model, (int)w->threads, ORT_OPTIMIZE_ALL);
    ort.input = ort_tensor(&ort, w->input, in, 4);
    ort.output = ort_tensor(&ort, w->output, out, 2);
}

static void run(const infer_work *w)
{
    (void)w;
    ort_run(&ort);
}

static const char *version(void)
{
    return ort.base->version();
}

int main(int argc, char **argv)
{
    static const infer_peer ORT = {"ONNX Runtime", version, 1, load, run};
    ort_find_library(&ort);
    return infer_main(argc, argv, &ORT);
}

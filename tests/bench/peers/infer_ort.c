/* ONNX Runtime, loaded from the file that ORT_LIBRARY names. Its C API is a table of functions whose places
 * never change; the few that are called are declared here, so that no header is needed. */
#include <dlfcn.h>
#include "infer.h"

/* Places in the table, of the first version that had all of them. */
enum {
    API_VERSION = 13,
    ERROR_MESSAGE = 2,
    CREATE_ENVIRONMENT = 3,
    CREATE_SESSION = 7,
    RUN = 9,
    CREATE_OPTIONS = 10,
    SET_OPTIMIZATION = 23,
    SET_THREADS = 24,
    CREATE_TENSOR = 49,
    CREATE_CPU_MEMORY = 69
};
enum { LEVEL_ERROR = 3, OPTIMIZE_ALL = 99, ARENA = 1, DEFAULT_MEMORY = 0, TYPE_FLOAT = 1 };

typedef void (*function)(void);
typedef struct handle handle; /* of whatever the library creates */
typedef handle *(*create_fn)(handle **out);
typedef handle *(*create_env_fn)(int level, const char *name, handle **out);
typedef handle *(*create_session_fn)(handle *env, const char *path, handle *options, handle **out);
typedef handle *(*set_fn)(handle *options, int value);
typedef handle *(*create_memory_fn)(int allocator, int type, handle **out);
typedef handle *(*create_tensor_fn)(handle *memory, void *data, size_t bytes, const int64_t *shape,
                                    size_t dims, int type, handle **out);
typedef handle *(*run_fn)(handle *session, handle *options, const char *const *input_names,
                          handle *const *inputs, size_t input_count, const char *const *output_names,
                          size_t output_count, handle **outputs);

typedef struct api_base {
    const function *(*api)(uint32_t version);
    const char *(*version)(void);
} api_base;

static const api_base *base;
static const function *api;
static handle *session, *input, *output;

/* NULL is success. */
static void check(handle *status, const char *what)
{
    typedef const char *(*message_fn)(handle *);
    if (status)
        fprintf(stderr, "bench: ONNX Runtime: %s\n", ((message_fn)api[ERROR_MESSAGE])(status));
    infer_check(status != NULL, what);
}

static void find_library(void)
{
    const char *path = getenv("ORT_LIBRARY");
    const api_base *(*get_base)(void) = NULL;
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (library)
        *(void **)&get_base = dlsym(library, "OrtGetApiBase");
    infer_check(!get_base, "loading the library that ORT_LIBRARY names");
    base = get_base();
    api = base->api(API_VERSION);
    infer_check(!api, "finding the C API");
}

static handle *tensor(handle *memory, float *data, const int64_t *shape, size_t dims)
{
    handle *made;
    size_t count = 1;
    for (size_t i = 0; i < dims; i++)
        count *= (size_t)shape[i];
    check(((create_tensor_fn)api[CREATE_TENSOR])(memory, data, sizeof(float) * count, shape, dims, TYPE_FLOAT,
                                                 &made),
          "making a tensor");
    return made;
}

static void load(infer_work *w)
{
    handle *env, *options, *memory;
    const int64_t in[] = {w->batch, 3, w->size, w->size}, out[] = {w->batch, w->classes};
    infer_check(!w->model, "finding --model");
    check(((create_env_fn)api[CREATE_ENVIRONMENT])(LEVEL_ERROR, "bench", &env), "starting");
    check(((create_fn)api[CREATE_OPTIONS])(&options), "making options");
    check(((set_fn)api[SET_OPTIMIZATION])(options, OPTIMIZE_ALL), "setting the optimization");
    check(((set_fn)api[SET_THREADS])(options, (int)w->threads), "setting the threads");
    check(((create_session_fn)api[CREATE_SESSION])(env, w->model, options, &session), "reading the graph");
    check(((create_memory_fn)api[CREATE_CPU_MEMORY])(ARENA, DEFAULT_MEMORY, &memory), "naming the memory");
    input = tensor(memory, w->input, in, 4);
    output = tensor(memory, w->output, out, 2);
}

static void run(const infer_work *w)
{
    const char *const input_name = "x", *const output_name = "y";
    (void)w;
    check(((run_fn)api[RUN])(session, NULL, &input_name, &input, 1, &output_name, 1, &output), "running");
}

static const char *version(void)
{
    return base->version();
}

int main(int argc, char **argv)
{
    static const infer_peer ORT = {"ONNX Runtime", version, 1, load, run};
    find_library();
    return infer_main(argc, argv, &ORT);
}

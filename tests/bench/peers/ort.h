/* ONNX Runtime, loaded from the file that ORT_LIBRARY names: a session that runs a graph with one input, "x",
 * and one output, "y". Its C API is a table of functions whose places never change; the few that are called
 * are declared here, so that no header is needed. What fails ends the program with a sentence. */
#ifndef TESTS_BENCH_PEERS_ORT_H
#define TESTS_BENCH_PEERS_ORT_H

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Places in the table, of the first version that had all of them. */
enum {
    ORT_API_VERSION = 13,
    ORT_ERROR_MESSAGE = 2,
    ORT_CREATE_ENVIRONMENT = 3,
    ORT_CREATE_SESSION = 7,
    ORT_RUN = 9,
    ORT_CREATE_OPTIONS = 10,
    ORT_SET_OPTIMIZATION = 23,
    ORT_SET_THREADS = 24,
    ORT_CREATE_TENSOR = 49,
    ORT_CREATE_CPU_MEMORY = 69
};
enum { ORT_LEVEL_ERROR = 3, ORT_ARENA = 1, ORT_DEFAULT_MEMORY = 0, ORT_TYPE_FLOAT = 1 };
enum { ORT_OPTIMIZE_NONE = 0, ORT_OPTIMIZE_ALL = 99 };

typedef void (*ort_function)(void);
typedef struct ort_handle ort_handle; /* of whatever the library creates */
typedef const char *(*ort_message_fn)(ort_handle *);
typedef ort_handle *(*ort_create_fn)(ort_handle **out);
typedef ort_handle *(*ort_create_env_fn)(int level, const char *name, ort_handle **out);
typedef ort_handle *(*ort_create_session_fn)(ort_handle *env, const char *path, ort_handle *options,
                                             ort_handle **out);
typedef ort_handle *(*ort_set_fn)(ort_handle *options, int value);
typedef ort_handle *(*ort_create_memory_fn)(int allocator, int type, ort_handle **out);
typedef ort_handle *(*ort_create_tensor_fn)(ort_handle *memory, void *data, size_t bytes,
                                            const int64_t *shape, size_t dims, int type, ort_handle **out);
typedef ort_handle *(*ort_run_fn)(ort_handle *session, ort_handle *options, const char *const *input_names,
                                  ort_handle *const *inputs, size_t input_count,
                                  const char *const *output_names, size_t output_count, ort_handle **outputs);

typedef struct ort_api_base {
    const ort_function *(*api)(uint32_t version);
    const char *(*version)(void);
} ort_api_base;

typedef struct ort_session {
    const ort_api_base *base;
    const ort_function *api;
    ort_handle *session, *memory, *input, *output;
} ort_session;

static inline void ort_fail(const char *what, const char *why)
{
    fprintf(stderr, "ONNX Runtime: %s failed: %s\n", what, why);
    exit(1);
}

/* NULL is success. */
static inline void ort_check(const ort_session *s, ort_handle *status, const char *what)
{
    if (status)
        ort_fail(what, ((ort_message_fn)s->api[ORT_ERROR_MESSAGE])(status));
}

static inline void ort_find_library(ort_session *s)
{
    const char *path = getenv("ORT_LIBRARY");
    const ort_api_base *(*get_base)(void) = NULL;
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (library)
        *(void **)&get_base = dlsym(library, "OrtGetApiBase");
    if (!get_base)
        ort_fail("loading the library that ORT_LIBRARY names", path ? path : "it is not set");
    s->base = get_base();
    s->api = s->base->api(ORT_API_VERSION);
    if (!s->api)
        ort_fail("finding the C API", s->base->version());
}

/* After ort_find_library. */
static inline void ort_read_graph(ort_session *s, const char *path, int threads, int optimization)
{
    const ort_function *api = s->api;
    ort_handle *env, *options;
    ort_check(s, ((ort_create_env_fn)api[ORT_CREATE_ENVIRONMENT])(ORT_LEVEL_ERROR, "tests", &env),
              "starting");
    ort_check(s, ((ort_create_fn)api[ORT_CREATE_OPTIONS])(&options), "making options");
    ort_check(s, ((ort_set_fn)api[ORT_SET_OPTIMIZATION])(options, optimization), "setting the optimization");
    ort_check(s, ((ort_set_fn)api[ORT_SET_THREADS])(options, threads), "setting the threads");
    ort_check(s, ((ort_create_session_fn)api[ORT_CREATE_SESSION])(env, path, options, &s->session),
              "reading the graph");
    ort_check(s,
              ((ort_create_memory_fn)api[ORT_CREATE_CPU_MEMORY])(ORT_ARENA, ORT_DEFAULT_MEMORY, &s->memory),
              "naming the memory");
}

/* A tensor over the caller's floats. */
static inline ort_handle *ort_tensor(const ort_session *s, float *data, const int64_t *shape, size_t dims)
{
    ort_handle *made = NULL;
    size_t count = 1;
    for (size_t i = 0; i < dims; i++)
        count *= (size_t)shape[i];
    ort_check(s,
              ((ort_create_tensor_fn)s->api[ORT_CREATE_TENSOR])(s->memory, data, sizeof(float) * count, shape,
                                                                dims, ORT_TYPE_FLOAT, &made),
              "making a tensor");
    return made;
}

/* From the floats of s->input to those of s->output. */
static inline void ort_run(ort_session *s)
{
    const char *const input_name = "x", *const output_name = "y";
    ort_check(s,
              ((ort_run_fn)s->api[ORT_RUN])(s->session, NULL, &input_name, &s->input, 1, &output_name, 1,
                                            &s->output),
              "running");
}

#endif

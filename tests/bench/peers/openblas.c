/* OpenBLAS, loaded when it is there. Which of its kernels it takes is decided by the processor or
 * OPENBLAS_CORETYPE. */
#include "peers.h"
#include <dlfcn.h>
#include <stddef.h>
#include <time.h>

enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111 }; /* of the CBLAS interface */

static void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                     int lda, const float *b, int ldb, float beta, float *c, int ldc);
static void (*set_threads)(int threads);
static char *(*core_name)(void);

/* dlsym answers with an object pointer; POSIX says how a function pointer is made of it. */
static int find(void *library, const char *name, void **function)
{
    *function = dlsym(library, name);
    return *function ? 0 : -1;
}

static int open_product(const product *p, int threads)
{
    (void)p;
    set_threads(threads);
    return 0;
}

static void run(const product *p)
{
    sgemm(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, (int)p->m, (int)p->n, (int)p->k, 1, p->a, (int)p->k, p->b,
          (int)p->n, 0, p->c, (int)p->n);
}

static void nothing(void)
{
}

/* Its threads look for work for up to some 200 ms before they sleep, and would take a core from whoever comes
 * next. */
static void rest(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 400 * 1000 * 1000}, NULL);
}

static const char *describe(void)
{
    return core_name();
}

const peer *peer_openblas(void)
{
    static const peer OPENBLAS = {"OpenBLAS", open_product, nothing, run, rest, nothing, describe};
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library || find(library, "cblas_sgemm", (void **)&sgemm) ||
        find(library, "openblas_set_num_threads", (void **)&set_threads) ||
        find(library, "openblas_get_corename", (void **)&core_name))
        return NULL;
    return &OPENBLAS;
}

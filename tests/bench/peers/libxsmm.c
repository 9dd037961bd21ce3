/* libxsmm, whose generated kernels multiply small matrices: which tiles, in which order, from which layout of
 * b is for the caller to find. So many ways are tried for each product, and the fastest is kept. On two
 * threads a product is cut into halves of its rows or of its columns, the second of which a thread of this
 * file takes.
 *
 * libxsmm is column-major: c' [n, m] = b' [n, k] a' [k, m] is what it computes, and its m is our n. */
#include "peers.h"
#include "bench/bench.h"
#include <stddef.h>
#ifndef PEERS_LIBXSMM
const peer *peer_libxsmm(void)
{
    return NULL;
}
#else
#include <libxsmm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HALVES = 2, TRIED_AGAIN = 8, MAX_PLANS = 2048 };

/* A way to compute a product: tiles of m_tile x n_tile sums over k_tile at a time. */
typedef struct plan {
    int64_t m_tile, n_tile, k_tile;
    int packed;        /* b lies in panels [n / n_tile][k][n_tile] */
    int columns_outer; /* which tiles follow each other */
    int split_columns; /* on two threads */
    double us;
    /* [rows are the rest of m][sums are added] */
    libxsmm_smmfunction kernels[2][2];
} plan;

static struct {
    plan plan;
    product p;
    int threads;
    float *panels; /* b by the plan, or NULL */
    char text[96];
} opened;

/* The second half's thread: it spins while a series lasts. */
static struct {
    pthread_t thread;
    atomic_int asked, done;
} second;

static void tile(const plan *w, const product *p, int64_t row, int64_t column)
{
    const int64_t lda = opened.panels ? w->n_tile : p->n;
    const float *b = opened.panels ? opened.panels + column * p->k : p->b + column;
    const int rest = row + w->m_tile > p->m;
    for (int64_t k = 0; k < p->k; k += w->k_tile)
        w->kernels[rest][k > 0](b + k * lda, p->a + row * p->k + k, p->c + row * p->n + column);
}

/* Tiles are dealt to halves whole. */
static void half(int which)
{
    const plan *w = &opened.plan;
    const product *p = &opened.p;
    const int64_t m_tiles = (p->m + w->m_tile - 1) / w->m_tile, n_tiles = p->n / w->n_tile;
    const int split = opened.threads > 1;
    int64_t row[2] = {0, m_tiles}, column[2] = {0, n_tiles};
    int64_t *cut = w->split_columns ? column : row;
    if (split)
        cut[which ? 0 : 1] = (cut[1] + 1) / 2;
    if (w->columns_outer) {
        for (int64_t j = column[0]; j < column[1]; j++)
            for (int64_t i = row[0]; i < row[1]; i++)
                tile(w, p, i * w->m_tile, j * w->n_tile);
    } else {
        for (int64_t i = row[0]; i < row[1]; i++)
            for (int64_t j = column[0]; j < column[1]; j++)
                tile(w, p, i * w->m_tile, j * w->n_tile);
    }
}

static void *second_half(void *unused)
{
    (void)unused;
    for (int seen = 0;; seen++) {
        int asked;
        while ((asked = atomic_load_explicit(&second.asked, memory_order_acquire)) == seen)
            ;
        if (asked < 0)
            return NULL;
        half(1);
        atomic_store_explicit(&second.done, asked, memory_order_release);
    }
}

static void begin(void)
{
    second.asked = 0;
    second.done = 0;
    if (opened.threads > 1 && pthread_create(&second.thread, NULL, second_half, NULL)) {
        perror("bench: a thread");
        exit(1);
    }
}

static void end(void)
{
    atomic_store(&second.asked, -1);
    if (opened.threads > 1)
        pthread_join(second.thread, NULL);
}

static void run(const product *p)
{
    opened.p = *p;
    if (opened.threads < HALVES) {
        half(0);
        return;
    }
    const int asked = atomic_load(&second.asked) + 1;
    atomic_store_explicit(&second.asked, asked, memory_order_release);
    half(0);
    while (atomic_load_explicit(&second.done, memory_order_acquire) != asked)
        ;
}

/* Generates the plan's kernels; -1 where libxsmm makes none. */
static int generate(plan *w, const product *p)
{
    const libxsmm_blasint lda = (libxsmm_blasint)(w->packed ? w->n_tile : p->n), ldb = (libxsmm_blasint)p->k,
                          ldc = (libxsmm_blasint)p->n;
    const int64_t rows[2] = {w->m_tile, p->m % w->m_tile};
    const float one = 1, betas[2] = {0, 1};
    const int no_flags = LIBXSMM_GEMM_FLAG_NONE, no_prefetch = LIBXSMM_GEMM_PREFETCH_NONE;
    for (int rest = 0; rest < 2; rest++)
        for (int added = 0; added < 2; added++) {
            if (!rows[rest])
                continue;
            w->kernels[rest][added] = libxsmm_smmdispatch(
                (libxsmm_blasint)w->n_tile, (libxsmm_blasint)rows[rest], (libxsmm_blasint)w->k_tile, &lda,
                &ldb, &ldc, &one, &betas[added], &no_flags, &no_prefetch);
            if (!w->kernels[rest][added])
                return -1;
        }
    return 0;
}

static void close_product(void)
{
    free(opened.panels);
    opened.panels = NULL;
}

/* Makes a plan the one that runs; packing is not timed, as weights are packed once. */
static int use(const plan *w, const product *p)
{
    void *memory = NULL;
    close_product();
    opened.plan = *w;
    if (!w->packed)
        return 0;
    if (posix_memalign(&memory, 64, sizeof(float) * (size_t)(p->k * p->n)))
        return -1;
    opened.panels = memory;
    for (int64_t j = 0; j < p->n; j += w->n_tile)
        for (int64_t k = 0; k < p->k; k++)
            memcpy(opened.panels + j * p->k + k * w->n_tile, p->b + k * p->n + j,
                   sizeof(float) * (size_t)w->n_tile);
    return 0;
}

static int faster(const void *a, const void *b)
{
    const plan *x = a, *y = b;
    return (x->us > y->us) - (x->us < y->us);
}

/* All ways that are tried: tiles that divide, panels or b as it is, orders, and cuts for two threads. */
static int64_t list_plans(const product *p, int threads, plan *plans)
{
    static const int64_t M_TILES[] = {1, 6, 12, 14, 16, 24, 28, 32, 48, 49, 64, 98, 128, 196, 256};
    static const int64_t N_TILES[] = {16, 32, 48, 64, 128, 256, 512}, K_TILES[] = {64, 128, 256, 512, 1024};
    int64_t count = 0;
    for (size_t i = 0; i < sizeof M_TILES / sizeof *M_TILES; i++)
        for (size_t j = 0; j < sizeof N_TILES / sizeof *N_TILES; j++)
            for (size_t l = 0; l < sizeof K_TILES / sizeof *K_TILES; l++) {
                const int64_t m = M_TILES[i], n = N_TILES[j], k = K_TILES[l] < p->k ? K_TILES[l] : p->k;
                if (m > p->m || p->n % n || p->k % k || (l > 0 && K_TILES[l - 1] >= p->k))
                    continue;
                for (int bits = 0; bits < (threads > 1 ? 8 : 4) && count < MAX_PLANS; bits++)
                    plans[count++] = (plan){.m_tile = m,
                                            .n_tile = n,
                                            .k_tile = k,
                                            .packed = bits & 1,
                                            .columns_outer = bits >> 1 & 1,
                                            .split_columns = bits >> 2 & 1};
            }
    return count;
}

static int open_product(const product *p, int threads)
{
    static plan plans[MAX_PLANS];
    const int64_t listed = list_plans(p, threads, plans), count = bench_small && listed > 9 ? 9 : listed;
    int64_t usable = 0;
    opened.threads = threads;
    for (int64_t i = 0; i < count; i++)
        if (!generate(&plans[i], p) && !use(&plans[i], p)) {
            plans[i].us = peer_series_us(peer_libxsmm(), p, 0.2);
            plans[usable++] = plans[i];
        }
    qsort(plans, (size_t)usable, sizeof *plans, faster);
    if (usable > TRIED_AGAIN)
        usable = TRIED_AGAIN;
    for (int64_t i = 0; i < usable; i++)
        if (!use(&plans[i], p))
            plans[i].us = peer_series_us(peer_libxsmm(), p, 5);
    qsort(plans, (size_t)usable, sizeof *plans, faster);
    return usable ? use(&plans[0], p) : -1;
}

static const char *describe(void)
{
    const plan *w = &opened.plan;
    snprintf(opened.text, sizeof opened.text, "%lldx%lldx%lld%s%s", (long long)w->m_tile,
             (long long)w->k_tile, (long long)w->n_tile, w->packed ? " packed" : "",
             w->columns_outer ? ", by columns" : ", by rows");
    return opened.text;
}

const peer *peer_libxsmm(void)
{
    static const peer LIBXSMM = {"libxsmm", open_product, begin, run, end, close_product, describe};
    libxsmm_init();
    return &LIBXSMM;
}
#endif

/* Products by other libraries, so that they can be timed in turn with ours: c [m, n] = a [m, k] b [k, n]. */
#ifndef TESTS_BENCH_PEERS_H
#define TESTS_BENCH_PEERS_H

#include <stdint.h>

typedef struct product {
    int64_t m, k, n;
    const float *a, *b;
    float *c;
} product;

typedef struct peer {
    const char *name;
    /* Gets ready for a product on so many threads, which may take a second; 0, or -1 when the peer cannot. */
    int (*open)(const product *p, int threads);
    /* Around a series of products: threads are started, and are gone or asleep afterwards. */
    void (*begin)(void);
    void (*run)(const product *p);
    void (*end)(void);
    void (*close)(void);
    const char *(*describe)(void); /* of what is open, e.g. its tiles; may be NULL */
} peer;

/* NULL when the library is not there. */
const peer *peer_openblas(void);
const peer *peer_libxsmm(void);

/* Microseconds a product, of one series that takes about `ms`. */
double peer_series_us(const peer *which, const product *p, double ms);

#endif

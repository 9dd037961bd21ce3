/* Random numbers that are the same on every machine: no libm but sqrt, no state that is not in the struct. */
#ifndef MBNI_CORE_RANDOM_H
#define MBNI_CORE_RANDOM_H

#include <stdint.h>

typedef struct mbni_random {
    uint64_t state[4]; /* xoshiro256** (Blackman & Vigna 2018), filled by splitmix64 */
} mbni_random;

/* A generator for a seed and a stream: different streams of a seed are independent. */
void mbni_random_seed(mbni_random *random, uint64_t seed, uint64_t stream);
uint64_t mbni_random_next(mbni_random *random);
float mbni_random_float(mbni_random *random);                  /* [0, 1), 24 bits */
double mbni_random_double(mbni_random *random);                /* [0, 1), 53 bits */
int64_t mbni_random_below(mbni_random *random, int64_t limit); /* 0 to limit - 1, unbiased; limit above 0 */
double mbni_random_normal(mbni_random *random);                /* mean 0, deviation 1; own logarithm */
double mbni_random_beta(mbni_random *random, double alpha);    /* Beta(alpha, alpha); alpha 1e-3 to 1e3 */
/* The logarithm is uniform between those of low and high, 1e-100 to 1e100. */
double mbni_random_log_uniform(mbni_random *random, double low, double high);
/* A well-mixed 64-bit hash of a counter: random access, for masks that must not depend on the order of work.
 */
uint64_t mbni_random_hash(uint64_t seed, uint64_t counter);
/* order[i] = i, shuffled (Fisher and Yates). */
void mbni_random_permutation(mbni_random *random, int64_t count, int64_t *order);

#endif

/* Random numbers of the same bits on every machine.
 *
 * The generator is xoshiro256** 1.0 (Blackman & Vigna 2018), seeded by splitmix64 (Steele, Lea & Flood 2014).
 * Floating point uses only + - * / and sqrt, which IEEE 754 rounds the same everywhere. */
#include "core/random.h"
#include <math.h>
#include <string.h>

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

/* The output function of splitmix64. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Element `counter` of the splitmix64 sequence that starts at the mixed seed: near seeds are far apart. */
uint64_t mbni_random_hash(uint64_t seed, uint64_t counter)
{
    return mix(mix(seed + GOLDEN) + (counter + 1) * GOLDEN);
}

void mbni_random_seed(mbni_random *random, uint64_t seed, uint64_t stream)
{
    uint64_t x = mbni_random_hash(seed, stream);
    for (int i = 0; i < 4; i++) {
        x += GOLDEN;
        random->state[i] = mix(x);
    }
}

uint64_t mbni_random_next(mbni_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

float mbni_random_float(mbni_random *random)
{
    return (float)(mbni_random_next(random) >> 40) * 0x1p-24f;
}

double mbni_random_double(mbni_random *random)
{
    return (double)(mbni_random_next(random) >> 11) * 0x1p-53;
}

/* The lowest 2^64 mod limit values are refused, which leaves a multiple of limit. */
int64_t mbni_random_below(mbni_random *random, int64_t limit)
{
    uint64_t n = (uint64_t)limit;
    uint64_t refused = (0 - n) % n;
    uint64_t x;
    do
        x = mbni_random_next(random);
    while (x < refused);
    return (int64_t)(x % n);
}

/* Natural logarithm of a normal positive number, by ln m = 2 artanh((m - 1) / (m + 1)) with m in
 * [sqrt 1/2, sqrt 2); the series is cut where a term is below the last bit. */
static double logarithm(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x3ff0000000000000);
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        exponent++;
    }
    double s = (m - 1.0) / (m + 1.0);
    double s2 = s * s;
    double sum = 0.0;
    for (int k = 21; k >= 1; k -= 2)
        sum = sum * s2 + 1.0 / k;
    return exponent * 0.6931471805599453 + 2.0 * s * sum;
}

/* Marsaglia's polar method. Its second number is not kept: the state is the generator's alone. */
double mbni_random_normal(mbni_random *random)
{
    double u, v, s;
    do {
        u = 2.0 * mbni_random_double(random) - 1.0;
        v = 2.0 * mbni_random_double(random) - 1.0;
        s = u * u + v * v;
    } while (s >= 1.0 || s == 0.0);
    return u * sqrt(-2.0 * logarithm(s) / s);
}

/* e^x as 2^k e^r with |r| below 0.35, where the series' terms end at the last bit. Held at the ends of what
 * a double can say. */
static double exponential(double x)
{
    if (x < -700.0)
        return 0.0;
    if (x > 700.0)
        x = 700.0;
    const int k = (int)(x * 1.4426950408889634 + (x < 0.0 ? -0.5 : 0.5));
    const double r = (x - k * 0.69314718036912382) - k * 1.9082149292705877e-10; /* ln 2 in two parts */
    double sum = 1.0;
    for (int i = 14; i >= 1; i--)
        sum = 1.0 + sum * r / i;
    const uint64_t bits = (uint64_t)(1023 + k) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* Above 0, at most 1: has a logarithm. */
static double positive(mbni_random *random)
{
    return 1.0 - mbni_random_double(random);
}

/* For alpha up to 1 the ratio of two powers whose sum is at most 1 (Joehnk 1964), in logarithms, as the
 * powers vanish where alpha is small. Above, a coordinate of a point on a sphere of 2 alpha + 1 dimensions,
 * with its radius by inversion (Ulrich 1984). */
double mbni_random_beta(mbni_random *random, double alpha)
{
    if (alpha <= 1.0) {
        double u, v;
        do {
            u = logarithm(positive(random)) / alpha;
            v = logarithm(positive(random)) / alpha;
        } while (exponential(u) + exponential(v) > 1.0);
        return 1.0 / (1.0 + exponential(v - u));
    }
    double x, y, s;
    do {
        x = 2.0 * mbni_random_double(random) - 1.0;
        y = 2.0 * mbni_random_double(random) - 1.0;
        s = x * x + y * y;
    } while (s >= 1.0 || s == 0.0);
    const double cosine = (x * x - y * y) / s; /* of twice the angle, which is uniform too */
    const double power = exponential(logarithm(positive(random)) * 2.0 / (2.0 * alpha - 1.0));
    return 0.5 + 0.5 * sqrt(1.0 - (power < 1.0 ? power : 1.0)) * cosine;
}

double mbni_random_log_uniform(mbni_random *random, double low, double high)
{
    const double from = logarithm(low);
    return exponential(from + (logarithm(high) - from) * mbni_random_double(random));
}

void mbni_random_permutation(mbni_random *random, int64_t count, int64_t *order)
{
    for (int64_t i = 0; i < count; i++)
        order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = mbni_random_below(random, i + 1);
        int64_t moved = order[i];
        order[i] = order[j];
        order[j] = moved;
    }
}

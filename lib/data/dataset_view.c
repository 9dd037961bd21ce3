/* Views of a data set: a list of places in the set that has the pictures; a view of a view is one of that
 * set, too. And what brings all pictures of a data set into memory. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "core/random.h"
#include "core/tensor.h"
#include "data/dataset.h"

/* Two purposes of a seed must not share a stream. */
static const uint64_t SHUFFLE_SALT = 0x73687566ULL, SPLIT_SALT = 0x73706c6974ULL,
                      BALANCE_SALT = 0x62616c616eULL;

static int64_t place_of(const mbn_dataset *view, int64_t index)
{
    return ((const int64_t *)view->self)[index];
}

static const void *view_pixels(const mbn_dataset *dataset, int64_t index)
{
    return mbni_dataset_pixels(dataset->root, place_of(dataset, index));
}

static mbn_status view_read(const mbn_dataset *dataset, int64_t index, void *pixels, int32_t *id, float *soft)
{
    return mbni_dataset_read(dataset->root, place_of(dataset, index), pixels, id, soft);
}

static void view_close(mbn_dataset *dataset)
{
    mbni_free(dataset->context, dataset->self);
}

static const mbni_dataset_kind VIEW = {view_pixels, view_read, view_close};

/* A view of `count` pictures, whose places in dataset->root are still to be written into *places. */
static mbn_status view_new(mbn_dataset *dataset, int64_t count, mbn_dataset **out, int64_t **places)
{
    int64_t bytes;
    mbn_dataset *root = dataset->root ? dataset->root : dataset;
    if (!mbni_mul(count, sizeof **places, &bytes))
        return mbni_error(MBN_ERR_MEMORY, "a view of %lld pictures is more than can be addressed",
                          (long long)count);
    mbn_dataset *view = mbni_dataset_new(root->context, root->type, count, root->height, root->width,
                                         root->channels, root->classes);
    if (!view)
        return MBN_ERR_MEMORY;
    view->self = mbni_alloc(view->context, bytes);
    if (!view->self) {
        mbni_dataset_release(view);
        return MBN_ERR_MEMORY;
    }
    view->kind = &VIEW;
    view->names = root->names;
    view->skipped = root->skipped;
    view->soft = root->soft;
    view->in_memory = root->in_memory;
    view->thread_safe = root->thread_safe;
    view->root = root;
    mbni_dataset_retain(root);
    *places = view->self;
    *out = view;
    return MBN_OK;
}

/* The indices in a view's list are those of `dataset` so far; they become those of its root. */
static void map_places(const mbn_dataset *dataset, const mbn_dataset *view, int64_t *places)
{
    for (int64_t i = 0; dataset->root && i < view->count; i++)
        places[i] = place_of(dataset, places[i]);
}

mbn_status mbni_dataset_subset(mbn_dataset *dataset, const int64_t *indices, int64_t count, mbn_dataset **out)
{
    int64_t *places;
    if (count < 0)
        return mbni_error(MBN_ERR_ARGUMENT, "argument count is %lld; allowed are 0 and more",
                          (long long)count);
    for (int64_t i = 0; i < count; i++)
        if (indices[i] < 0 || indices[i] >= dataset->count)
            return mbni_error(MBN_ERR_ARGUMENT,
                              "argument indices has %lld at %lld; the data set has %lld pictures",
                              (long long)indices[i], (long long)i, (long long)dataset->count);
    MBNI_TRY(view_new(dataset, count, out, &places));
    if (count)
        memcpy(places, indices, (size_t)count * sizeof *places);
    map_places(dataset, *out, places);
    return MBN_OK;
}

mbn_status mbni_dataset_shuffle(mbn_dataset *dataset, uint64_t seed, mbn_dataset **out)
{
    int64_t *places;
    mbni_random random;
    MBNI_TRY(view_new(dataset, dataset->count, out, &places));
    mbni_random_seed(&random, seed, SHUFFLE_SALT);
    mbni_random_permutation(&random, dataset->count, places);
    map_places(dataset, *out, places);
    return MBN_OK;
}

/* Pictures by class. */
typedef struct census {
    int32_t *labels; /* [count] */
    int64_t *counts; /* [classes] */
    int64_t *quota;  /* [classes]: for whoever took the census; zero at first */
} census;

static void census_free(mbn_context *context, census *c)
{
    mbni_free(context, c->labels);
    mbni_free(context, c->counts);
    mbni_free(context, c->quota);
    *c = (census){0};
}

static mbn_status census_take(const mbn_dataset *dataset, census *c)
{
    mbn_context *context = dataset->context;
    c->labels = mbni_alloc(context, dataset->count * (int64_t)sizeof *c->labels);
    c->counts = c->labels ? mbni_alloc_zeroed(context, dataset->classes * (int64_t)sizeof *c->counts) : NULL;
    c->quota = c->counts ? mbni_alloc_zeroed(context, dataset->classes * (int64_t)sizeof *c->quota) : NULL;
    mbn_status status = c->quota ? MBN_OK : MBN_ERR_MEMORY;
    for (int64_t i = 0; !status && i < dataset->count; i++) {
        status = mbni_dataset_label(dataset, i, &c->labels[i]);
        if (!status)
            c->counts[c->labels[i]]++;
    }
    if (status)
        census_free(context, c);
    return status;
}

/* How many of each class go first: its share, rounded down, and one more for those that rounding took most
 * from, until there are `total`. */
static void set_quotas(const census *c, int64_t classes, double fraction, int64_t total)
{
    int64_t given = 0;
    for (int64_t k = 0; k < classes; k++) {
        c->quota[k] = (int64_t)floor(fraction * (double)c->counts[k]);
        given += c->quota[k];
    }
    for (; given < total; given++) {
        int64_t best = -1;
        double most = 0;
        for (int64_t k = 0; k < classes; k++) {
            const double left = fraction * (double)c->counts[k] - (double)c->quota[k];
            if (left > most) {
                most = left;
                best = k;
            }
        }
        if (best < 0)
            return;
        c->quota[best]++;
    }
}

/* Deals the shuffled pictures out: each goes first while its class's quota lasts. */
static void deal(const int64_t *order, int64_t count, const census *c, int64_t *first, int64_t *second)
{
    for (int64_t i = 0; i < count; i++) {
        const int32_t label = c->labels[order[i]];
        if (c->quota[label] > 0) {
            c->quota[label]--;
            *first++ = order[i];
        } else {
            *second++ = order[i];
        }
    }
}

static int64_t quota_sum(const census *c, int64_t classes)
{
    int64_t sum = 0;
    for (int64_t k = 0; k < classes; k++)
        sum += c->quota[k];
    return sum;
}

static mbn_status split_order(mbn_dataset *dataset, const int64_t *order, int64_t taken, const census *c,
                              mbn_dataset **first, mbn_dataset **second)
{
    int64_t *one, *two;
    MBNI_TRY(view_new(dataset, taken, first, &one));
    mbn_status status = view_new(dataset, dataset->count - taken, second, &two);
    if (status) {
        mbni_dataset_release(*first);
        *first = NULL;
        return status;
    }
    if (c->labels) {
        deal(order, dataset->count, c, one, two);
    } else {
        for (int64_t i = 0; i < dataset->count; i++)
            *(i < taken ? one + i : two + (i - taken)) = order[i];
    }
    map_places(dataset, *first, one);
    map_places(dataset, *second, two);
    return MBN_OK;
}

mbn_status mbni_dataset_split(mbn_dataset *dataset, double fraction, uint64_t seed, bool stratified,
                              mbn_dataset **first, mbn_dataset **second)
{
    census c = {0};
    mbni_random random;
    if (!(fraction > 0 && fraction < 1))
        return mbni_error(MBN_ERR_ARGUMENT, "argument fraction is %g; allowed is what lies between 0 and 1",
                          fraction);
    int64_t taken = (int64_t)floor(fraction * (double)dataset->count + 0.5);
    if (stratified) {
        MBNI_TRY(census_take(dataset, &c));
        set_quotas(&c, dataset->classes, fraction, taken);
        taken = quota_sum(&c, dataset->classes);
    }
    mbn_status status = MBN_ERR_MEMORY;
    int64_t *order = mbni_alloc(dataset->context, dataset->count * (int64_t)sizeof *order);
    if (order) {
        mbni_random_seed(&random, seed, SPLIT_SALT);
        mbni_random_permutation(&random, dataset->count, order);
        status = split_order(dataset, order, taken, &c, first, second);
    }
    mbni_free(dataset->context, order);
    census_free(dataset->context, &c);
    return status;
}

/* quota[k] becomes how many repeats class k needs; returns their sum, -1 when it cannot be addressed. */
static int64_t count_repeats(const census *c, int64_t classes)
{
    int64_t most = 0, sum = 0;
    for (int64_t k = 0; k < classes; k++)
        most = c->counts[k] > most ? c->counts[k] : most;
    for (int64_t k = 0; k < classes; k++) {
        c->quota[k] = c->counts[k] ? most - c->counts[k] : 0;
        if (!mbni_add(sum, c->quota[k], &sum))
            return -1;
    }
    return sum;
}

/* Goes through the shuffled pictures, again and again, until every class has its repeats: each round takes
 * each picture of a class at most once. */
static void write_repeats(const int64_t *order, int64_t count, const census *c, int64_t *places,
                          int64_t repeats)
{
    for (int64_t written = 0; written < repeats;)
        for (int64_t i = 0; i < count && written < repeats; i++) {
            const int32_t label = c->labels[order[i]];
            if (c->quota[label] > 0) {
                c->quota[label]--;
                places[written++] = order[i];
            }
        }
}

static void shuffle_in_place(mbni_random *random, int64_t *places, int64_t count)
{
    for (int64_t i = count - 1; i > 0; i--) {
        const int64_t j = mbni_random_below(random, i + 1), moved = places[i];
        places[i] = places[j];
        places[j] = moved;
    }
}

static mbn_status balance(mbn_dataset *dataset, uint64_t seed, const census *c, int64_t *order,
                          mbn_dataset **out)
{
    int64_t *places, total;
    mbni_random random;
    const int64_t count = dataset->count, repeats = count_repeats(c, dataset->classes);
    if (repeats < 0 || !mbni_add(count, repeats, &total))
        return mbni_error(MBN_ERR_MEMORY, "the balanced data set has more pictures than can be addressed");
    MBNI_TRY(view_new(dataset, total, out, &places));
    mbni_random_seed(&random, seed, BALANCE_SALT);
    mbni_random_permutation(&random, count, order);
    for (int64_t i = 0; i < count; i++)
        places[i] = i;
    write_repeats(order, count, c, places + count, repeats);
    shuffle_in_place(&random, places + count, repeats);
    map_places(dataset, *out, places);
    return MBN_OK;
}

mbn_status mbni_dataset_balance(mbn_dataset *dataset, uint64_t seed, mbn_dataset **out)
{
    census c = {0};
    MBNI_TRY(census_take(dataset, &c));
    int64_t *order = mbni_alloc(dataset->context, dataset->count * (int64_t)sizeof *order);
    mbn_status status = order ? balance(dataset, seed, &c, order, out) : MBN_ERR_MEMORY;
    mbni_free(dataset->context, order);
    census_free(dataset->context, &c);
    return status;
}

/* Reading everything. Threads keep the failure of the lowest index, so that it is the same however many. */
typedef struct reading {
    const mbn_dataset *dataset;
    unsigned char *pixels;
    int32_t *ids;  /* [count], or */
    float *shares; /* [count, classes] */
    pthread_mutex_t lock;
    uint32_t denormals; /* the caller's mode */
    int64_t failed_at;  /* -1: none */
    mbn_status status;
    char sentence[1024];
} reading;

static void note_failure(reading *r, int64_t index, mbn_status status)
{
    pthread_mutex_lock(&r->lock);
    if (r->failed_at < 0 || index < r->failed_at) {
        r->failed_at = index;
        r->status = status;
        snprintf(r->sentence, sizeof r->sentence, "%s", mbni_error_text());
    }
    pthread_mutex_unlock(&r->lock);
}

static void read_one(void *data, int64_t index)
{
    reading *r = data;
    const mbn_dataset *d = r->dataset;
    /* A callback of the caller finds the caller's mode. */
    const uint32_t mode = mbni_denormals_flush();
    mbni_denormals_restore(r->denormals);
    const char *call = mbni_call_begin(NULL);
    mbn_status status =
        mbni_dataset_read(d, index, r->pixels + index * d->picture_bytes, r->ids ? r->ids + index : NULL,
                          r->shares ? r->shares + index * d->classes : NULL);
    (void)mbni_call_begin(call);
    if (mode)
        (void)mbni_denormals_flush();
    if (status)
        note_failure(r, index, status);
}

static mbn_status read_all(reading *r)
{
    const mbn_dataset *d = r->dataset;
    if (d->thread_safe) {
        r->failed_at = -1;
        r->denormals = mbni_denormals_flush();
        mbni_denormals_restore(r->denormals);
        pthread_mutex_init(&r->lock, NULL);
        mbni_parallel(d->context, d->count, read_one, r);
        pthread_mutex_destroy(&r->lock);
        return r->failed_at < 0 ? MBN_OK : mbni_error(r->status, "%s", r->sentence);
    }
    for (int64_t i = 0; i < d->count; i++)
        MBNI_TRY(mbni_dataset_read(d, i, r->pixels + i * d->picture_bytes, r->ids ? r->ids + i : NULL,
                                   r->shares ? r->shares + i * d->classes : NULL));
    return MBN_OK;
}

mbn_status mbni_dataset_tensors(const mbn_dataset *dataset, mbn_tensor **x, mbn_tensor **y)
{
    const int64_t dims[] = {dataset->count, dataset->height, dataset->width, dataset->channels};
    const int64_t rows[] = {dataset->count, dataset->classes};
    MBNI_TRY(mbni_tensor_new(dataset->context, dataset->type, 4, dims, 0, x));
    mbn_status status = mbni_tensor_new(dataset->context, dataset->soft ? MBN_F32 : MBN_I32,
                                        dataset->soft ? 2 : 1, rows, 0, y);
    if (!status) {
        reading r = {.dataset = dataset, .pixels = (*x)->data};
        if (dataset->soft)
            r.shares = (*y)->data;
        else
            r.ids = (*y)->data;
        status = read_all(&r);
    } else {
        *y = NULL;
    }
    if (status) {
        mbni_tensor_free(*x);
        mbni_tensor_free(*y);
        *x = *y = NULL;
    }
    return status;
}

mbn_status mbni_dataset_cache(mbn_dataset *dataset, mbn_dataset **out)
{
    mbn_tensor *x, *y;
    if (dataset->in_memory) {
        mbni_dataset_retain(dataset);
        *out = dataset;
        return MBN_OK;
    }
    MBNI_TRY(mbni_dataset_tensors(dataset, &x, &y));
    mbn_dataset *root = dataset->root ? dataset->root : dataset;
    MBNI_TRY(mbni_dataset_own_tensors(x, y, dataset->classes, root->names, out));
    /* The names and the list of what was skipped stay with the root. */
    (*out)->source = root;
    (*out)->skipped = root->skipped;
    mbni_dataset_retain(root);
    return MBN_OK;
}

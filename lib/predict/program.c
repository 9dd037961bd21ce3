/* Programs by reference, and what is hung on a model: the programs that its predictors have, so that another
 * predictor finds its weights packed, and the predictor that mbn_predict keeps. The list holds no reference:
 * a program goes with its last predictor. The lock is held for a few comparisons, never while packing; two
 * threads that pack the same weights at the same time notice afterwards, and one gives its own away. */
#include <pthread.h>
#include "predict/program.h"

struct mbni_share {
    mbni_attachment attachment;
    mbn_context *context;
    pthread_mutex_t lock;
    int64_t references; /* the model's, and one for each program in the list */
    mbni_program *first;
    _Atomic(mbn_predictor *) kept;
};

static void free_program(mbni_program *program)
{
    mbn_context *context = program->context;
    mbni_arena_destroy(context, &program->weights);
    mbni_free(context, program->steps);
    mbni_free(context, program);
    mbni_context_release(context);
}

/* Gives up a reference with the lock held, and lets it go. */
static void release_locked(mbni_share *share)
{
    const bool last = --share->references == 0;
    pthread_mutex_unlock(&share->lock);
    if (last) {
        mbn_context *context = share->context;
        pthread_mutex_destroy(&share->lock);
        mbni_free(context, share);
        mbni_context_release(context);
    }
}

/* The model goes. */
static void detach(mbni_attachment *attachment)
{
    mbni_share *share = (mbni_share *)attachment;
    mbn_predictor *kept = atomic_exchange(&share->kept, NULL);
    if (kept)
        mbni_predictor_free(kept);
    pthread_mutex_lock(&share->lock);
    release_locked(share);
}

static mbni_share *share_of(const mbn_model *model)
{
    mbni_attachment *found = atomic_load_explicit(&model->attachment, memory_order_acquire);
    if (found)
        return (mbni_share *)found;
    mbni_share *share = mbni_alloc_zeroed(model->context, sizeof *share);
    if (!share)
        return NULL;
    share->attachment.detach = detach;
    share->context = model->context;
    share->references = 1;
    atomic_init(&share->kept, NULL);
    pthread_mutex_init(&share->lock, NULL);
    /* A cache: the model looks the same with it. */
    if (!atomic_compare_exchange_strong(&((mbn_model *)model)->attachment, &found, &share->attachment)) {
        pthread_mutex_destroy(&share->lock);
        mbni_free(model->context, share);
        return (mbni_share *)found;
    }
    mbni_context_retain(model->context);
    return share;
}

/* With the lock held. */
static mbni_program *find(const mbni_share *share, const mbni_target *target, uint64_t revision)
{
    for (mbni_program *p = share->first; p; p = p->next)
        if (p->isa == target->isa && p->precision == target->precision && p->layers == target->layers &&
            p->revision == revision) {
            mbni_program_retain(p);
            return p;
        }
    return NULL;
}

static mbn_status values_of_model(void *user, const mbni_layer *layer, const mbni_param *param,
                                  const float **out)
{
    (void)user, (void)layer;
    *out = param->value;
    return MBN_OK;
}

mbn_status mbni_program_of(const mbn_model *model, const mbni_target *target, mbni_program **out)
{
    static const mbni_weight_source source = {values_of_model, NULL};
    mbni_share *share = share_of(model);
    *out = NULL;
    if (!share)
        return MBN_ERR_MEMORY;
    pthread_mutex_lock(&share->lock);
    *out = find(share, target, model->revision);
    pthread_mutex_unlock(&share->lock);
    if (*out)
        return MBN_OK;
    mbni_program *packed;
    MBNI_TRY(mbni_program_compile(model, target, &packed));
    mbn_status status = mbni_program_pack(packed, model, &source);
    if (status) {
        mbni_program_release(packed);
        return status;
    }
    pthread_mutex_lock(&share->lock);
    *out = find(share, target, model->revision);
    if (!*out) {
        packed->share = share;
        packed->next = share->first;
        share->first = packed;
        share->references++;
        *out = packed;
    }
    pthread_mutex_unlock(&share->lock);
    if (*out != packed)
        mbni_program_release(packed);
    return MBN_OK;
}

void mbni_program_retain(mbni_program *program)
{
    atomic_fetch_add_explicit(&program->references, 1, memory_order_relaxed);
}

/* The last reference goes under the lock, so that nobody finds a program that is on its way out. */
void mbni_program_release(mbni_program *program)
{
    mbni_share *share = program->share;
    if (!share) {
        if (atomic_fetch_sub_explicit(&program->references, 1, memory_order_acq_rel) == 1)
            free_program(program);
        return;
    }
    pthread_mutex_lock(&share->lock);
    if (atomic_fetch_sub_explicit(&program->references, 1, memory_order_acq_rel) != 1) {
        pthread_mutex_unlock(&share->lock);
        return;
    }
    mbni_program **at = &share->first;
    while (*at != program)
        at = &(*at)->next;
    *at = program->next;
    free_program(program);
    release_locked(share);
}

mbn_predictor *mbni_share_take(const mbn_model *model)
{
    mbni_share *share = share_of(model);
    return share ? atomic_exchange(&share->kept, NULL) : NULL;
}

void mbni_share_keep(const mbn_model *model, mbn_predictor *predictor)
{
    mbni_share *share = share_of(model);
    mbn_predictor *before = share ? atomic_exchange(&share->kept, predictor) : predictor;
    if (before)
        mbni_predictor_free(before);
}

/* Who may use a model now: any number of calls that read it, or one that has it alone.
 *
 * One atomic number holds it all: the readers, and a bit for each state of the call that has the model alone.
 * ALONE refuses everybody. LENT, set around callbacks of fit, lets readers in and keeps writers out. Nobody
 * waits but `take`, for readers that came while the model was lent; it refuses new ones meanwhile, so that it
 * ends. Orders are sequentially consistent: these are a few operations a call. */
#include "model/model.h"
#include <threads.h>

enum { ALONE = 1 << 30, LENT = 1 << 29, READERS = LENT - 1 };

mbn_status mbni_model_read_begin(const mbn_model *model)
{
    atomic_int *users = &((mbn_model *)model)->users;
    int now = atomic_load(users);
    do {
        if (now & ALONE)
            return mbni_error(MBN_ERR_BUSY, "the model is being trained or changed by another call");
        if ((now & READERS) == READERS)
            return mbni_error(MBN_ERR_BUSY, "the model is in use by %d calls, which is the most", READERS);
    } while (!atomic_compare_exchange_weak(users, &now, now + 1));
    return MBN_OK;
}

void mbni_model_read_end(const mbn_model *model)
{
    atomic_fetch_sub(&((mbn_model *)model)->users, 1);
}

mbn_status mbni_model_write_begin(mbn_model *model)
{
    int now = 0;
    if (atomic_compare_exchange_strong(&model->users, &now, ALONE))
        return MBN_OK;
    if (now & (ALONE | LENT))
        return mbni_error(MBN_ERR_BUSY, "the model is being trained or changed by another call");
    return mbni_error(MBN_ERR_BUSY, "the model is in use by %d other call%s, and this one changes it",
                      now & READERS, (now & READERS) == 1 ? "" : "s");
}

void mbni_model_write_end(mbn_model *model)
{
    atomic_store(&model->users, 0);
}

void mbni_model_lend(mbn_model *model)
{
    atomic_store(&model->users, LENT);
}

void mbni_model_take(mbn_model *model)
{
    const struct timespec pause = {.tv_nsec = 200000};
    atomic_fetch_or(&model->users, ALONE);
    while (atomic_load(&model->users) & READERS)
        thrd_sleep(&pause, NULL);
    atomic_store(&model->users, ALONE);
}

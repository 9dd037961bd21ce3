/* Schedules of the learning rate. mbn_fit takes them in its options; docs/training.md has the formulas. */
#ifndef MOBILENET_CALLBACKS_H
#define MOBILENET_CALLBACKS_H

#include <mobilenet/train.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Curves of the learning rate over epochs. */
enum {
    MBN_SCHEDULE_CONSTANT = 0,
    MBN_SCHEDULE_STEP = 1,       /* times `factor` at the end of every `period` */
    MBN_SCHEDULE_COSINE = 2,     /* half a cosine down to end_rate, arXiv 1608.03983 without restarts */
    MBN_SCHEDULE_ONE_CYCLE = 3,  /* half a cosine up, half a cosine down, arXiv 1708.07120 */
    MBN_SCHEDULE_EXPONENTIAL = 4 /* times `factor` within every `period`, evenly */
};

/** A curve. It is read at every update, at the epochs that the model has been trained for since mbn_compile
 * and the part of the present one, so that a resumed training is where it would be. */
struct mbn_schedule_options {
    size_t struct_size;
    double learning_rate; /* the highest; above 0 to 1e6; has no default */
    double start_rate;    /* of the first update, from where it rises evenly to learning_rate; 0 to
                             learning_rate;    below 0 (the default): 0, ONE_CYCLE learning_rate / 25 */
    double end_rate; /* COSINE, ONE_CYCLE: the last; STEP, EXPONENTIAL: none is lower; 0 to learning_rate;
                        below 0 (the default): 0, ONE_CYCLE start_rate / 1e4 */
    double warmup_epochs; /* of the rise, also parts of one; the curve begins behind it; at least 0; below 0
                             (the default): 0, ONE_CYCLE 0.3 * epochs */
    double epochs;        /* COSINE, ONE_CYCLE: of all, the rise included; above warmup_epochs; no default */
    double period;        /* STEP, EXPONENTIAL: in epochs; above 0; default 1 */
    double factor;        /* STEP, EXPONENTIAL: above 0 to 1; default 0.1 */
    double first_epoch; /* trained epochs at which all this begins; before it: start_rate; at least 0; default
                           0 */
    int32_t kind;       /* MBN_SCHEDULE_...; default CONSTANT */
    int32_t reserved;   /* 0 */
};

MBN_API void mbn_schedule_options_init_sized(mbn_schedule_options *options, size_t struct_size);
static inline void mbn_schedule_options_init(mbn_schedule_options *options)
{
    mbn_schedule_options_init_sized(options, sizeof *options);
}

/** The rate of an update, for plots: fit uses the same numbers.
 *  @param epoch  trained epochs and the part of the present one: update k of b in the first epoch is at k / b
 *  @param rate   receives it; NaN on failure
 *  @return MBN_OK, MBN_ERR_ARGUMENT. Any thread. */
MBN_API mbn_status mbn_schedule_rate(const mbn_schedule_options *options, double epoch, double *rate);

#ifdef __cplusplus
}
#endif
#endif

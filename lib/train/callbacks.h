/* Callbacks of fit: what a kind of them is, what one call of fit keeps for each, and the state that outlives
 * the call. A kind is a table of functions; the train room has most of them, api one that writes files. */
#ifndef MBNI_TRAIN_CALLBACKS_H
#define MBNI_TRAIN_CALLBACKS_H

#include <stdbool.h>
#include "train/schedule.h"
#include "train/trainer.h"

enum {
    MBNI_TRAIN_BEGIN,
    MBNI_TRAIN_END,
    MBNI_EPOCH_BEGIN,
    MBNI_EPOCH_END,
    MBNI_BATCH_BEGIN,
    MBNI_BATCH_END,
    MBNI_EVENTS
};

typedef struct mbni_callbacks mbni_callbacks;
typedef struct mbni_slot mbni_slot;
typedef mbn_status (*mbni_event_fn)(mbni_slot *slot, const mbn_fit_event *event);

/* At one event those that change the training come first, then those that only look, which may save what the
 * first have settled, and at last those that save. */
enum { MBNI_TURN_STATE, MBNI_TURN_USER, MBNI_TURN_SAVE, MBNI_TURNS };

typedef struct mbni_callback_ops {
    const char *name; /* in messages and in the names of records */
    int32_t turn;
    bool rules_rate;   /* cannot stand beside a schedule */
    bool forgives_nan; /* ends fit with MBN_OK where a loss is not finite */
    /* Before the first step: checks what only a call of fit can tell, and takes what it needs. May be NULL.
     */
    mbn_status (*open)(mbni_slot *slot);
    void (*close)(mbni_slot *slot);    /* what open took; called also when open failed; may be NULL */
    mbni_event_fn events[MBNI_EVENTS]; /* NULL: not interested */
} mbni_callback_ops;

/* The public object, never changed: the settings of its kind follow. State is the model's. */
struct mbn_callback {
    mbn_context *context; /* a reference */
    const mbni_callback_ops *ops;
};
/* All of `bytes`, cleared behind the head. NULL: error recorded. */
void *mbni_callback_new(mbn_context *context, const mbni_callback_ops *ops, int64_t bytes);
void mbni_callback_free(mbn_callback *callback);

/* What is watched, and which way is better. */
typedef struct mbni_monitor {
    char name[40];
    int32_t mode;
} mbni_monitor;
/* name NULL: val_loss. */
mbn_status mbni_monitor_set(mbni_monitor *monitor, const char *name, int32_t mode);
bool mbni_monitor_maximizes(const mbni_monitor *monitor);
double mbni_monitor_worst(const mbni_monitor *monitor); /* an infinity */

/* What a callback remembers from epoch to epoch, across calls of fit and checkpoints, until the model is
 * compiled anew. The numbers' meaning is the kind's. */
enum { MBNI_STATE_NUMBERS = 4, MBNI_STATE_KEY = 88 };
typedef struct mbni_callback_state {
    struct mbni_callback_state *next;
    char key[MBNI_STATE_KEY];
    double numbers[MBNI_STATE_NUMBERS];
    float *weights; /* as the model's parameter block, and a block of averages where they are kept, behind it;
                       NULL: not needed so far */
    bool has_weights; /* something has been put there */
    char *text;       /* NULL: none */
} mbni_callback_state;

/* One callback in one call of fit. */
struct mbni_slot {
    mbni_callbacks *run;
    const mbn_callback *callback;
    int64_t place;              /* in the caller's list */
    int64_t column;             /* of the history, watched; -1: none */
    mbni_callback_state *state; /* NULL: the kind keeps none */
    void *resource;             /* what open took */
    bool began;                 /* has been told that training begins */
};

struct mbni_callbacks {
    mbn_model *model;
    const mbn_fit_options *options;
    const mbn_history *history;
    mbn_schedule_options schedule; /* complete, when there is one */
    mbni_slot *slots;
    int64_t count;
    uint32_t denormals; /* the caller's mode, which its functions run in */
    bool stopped;       /* no further step */
    bool failed;        /* at the end: fit will not return MBN_OK */
    bool complete;      /* at the end: nothing is missing that was asked for */
};

/* For fit. Everything is checked before the first step; `options` and `history` are lent until close. */
mbn_status mbni_callbacks_open(mbni_callbacks *run, mbn_model *model, const mbn_fit_options *options,
                               const mbn_history *history, uint32_t denormals);
void mbni_callbacks_close(mbni_callbacks *run);
/* Tells all of them, whether or not one fails; the first failure is returned. `stopped` may be set. */
mbn_status mbni_callbacks_tell(mbni_callbacks *run, int32_t event, mbn_fit_event *about);
/* The last event, told to all who have been told of the first. Returns what fit is to return. MBN_ERR_NUMERIC
 * may be forgiven: the model has the weights of the last good epoch. */
mbn_status mbni_callbacks_end(mbni_callbacks *run, mbn_fit_event *about, mbn_status status);

/* For kinds. */
/* Around functions of the caller's, which run in its own mode and may read the model. */
typedef struct mbni_away {
    uint32_t mode;
    const char *call;
} mbni_away;
mbni_away mbni_callbacks_leave(mbni_callbacks *run);
void mbni_callbacks_return(mbni_callbacks *run, const mbni_away *away);
/* One such function; an answer above 0 stops. */
int32_t mbni_callbacks_call(mbni_callbacks *run, mbn_fit_callback_fn function, void *user,
                            const mbn_fit_event *about);
/* Names the callback in a message: "callbacks[2] (early_stopping): ". Returns `status`. */
mbn_status mbni_slot_error(const mbni_slot *slot, mbn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Finds the column. */
mbn_status mbni_slot_watch(mbni_slot *slot, const mbni_monitor *monitor);
/* Of the epoch that has ended. */
double mbni_slot_value(const mbni_slot *slot);
/* The state that this callback has left, or a new one with these numbers. Callbacks of one kind that watch
 * the same are told apart by their order. monitor NULL: it watches nothing. */
mbn_status mbni_slot_remember(mbni_slot *slot, const mbni_monitor *monitor,
                              const double numbers[MBNI_STATE_NUMBERS]);
/* Epochs trained before the present one, or before the one that has just ended. */
int64_t mbni_slot_epoch(const mbni_slot *slot);

/* Memory for a model's weights and averages, if there is none yet; their copy into it, and back. */
mbn_status mbni_state_reserve(mbni_callback_state *state, const mbni_trainer *trainer);
void mbni_state_keep(mbni_callback_state *state, const mbn_model *model);
void mbni_state_restore(const mbni_callback_state *state, mbn_model *model);

/* For the trainer. */
void mbni_callback_states_free(mbni_trainer *trainer);
mbn_status mbni_callback_states_export(const mbn_model *model, mbni_records *records);
mbn_status mbni_callback_states_import(mbn_model *model, const mbni_records *records);

/* Constructors of the kinds, from options of the library's size. */
mbn_status mbni_user_callback(mbn_context *context, const mbn_callback_options *options, mbn_callback **out);
mbn_status mbni_early_stopping(mbn_context *context, const mbn_early_stopping_options *options,
                               mbn_callback **out);
mbn_status mbni_reduce_on_plateau(mbn_context *context, const mbn_reduce_on_plateau_options *options,
                                  mbn_callback **out);
mbn_status mbni_rate_scheduler(mbn_context *context, const mbn_learning_rate_scheduler_options *options,
                               mbn_callback **out);
mbn_status mbni_csv_logger(mbn_context *context, const mbn_csv_logger_options *options, mbn_callback **out);
mbn_status mbni_progress_callback(mbn_context *context, const mbn_progress_options *options,
                                  mbn_callback **out);
mbn_status mbni_terminate_on_nan(mbn_context *context, mbn_callback **out);

#endif

/* Data sets for training: the loaders of a call, which join the data room and the train room. */
#ifndef MBNI_API_FEEDING_H
#define MBNI_API_FEEDING_H

#include "data/loader.h"
#include "train/trainer.h"

/* Zeroed it is valid to close. */
typedef struct mbni_feeding {
    mbn_dataset *wrapped; /* made of the call's tensors */
    mbni_loader *train, *val;
    mbni_feed train_feed, val_feed;
    mbn_augment_options augment; /* as this library knows them */
} mbni_feeding;

/* MBN_OK, or the sentence why the options of reading cannot be. */
mbn_status mbni_feeding_check(const mbn_fit_options *options);
/* Replaces the training half of `data`, which is the tensors', by augmented pictures of the same. */
mbn_status mbni_feeding_augment(mbni_feeding *feeding, const mbn_model *model, const mbn_tensor *x,
                                const mbn_tensor *y, const mbn_fit_options *options, uint32_t denormals,
                                mbni_fit_data *data);
void mbni_feeding_close(mbni_feeding *feeding);

#endif

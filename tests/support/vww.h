/* The visual wake words network of MLPerf Tiny, MobileNet V1 alpha 0.25 at 96 x 96, and the weights of its
 * Keras file. */
#ifndef TESTS_VWW_H
#define TESTS_VWW_H

#include <mobilenet/mobilenet.h>

enum { VWW_SIDE = 96, VWW_CLASSES = 2 };

/* The layers of the file, every convolution with a bias, padding `same`; built. */
mbn_status vww_create(mbn_model **model);

typedef enum vww_weights {
    VWW_COPIED,
    VWW_ABSENT, /* the file cannot be read here, for want of it or of h5py */
    VWW_OTHER   /* the file is another network's */
} vww_weights;

/* All parameters in order, by tests/predict/h5_floats.py: to be called in the root of the project. */
vww_weights vww_copy_weights(mbn_model *model, const char *path);

#endif

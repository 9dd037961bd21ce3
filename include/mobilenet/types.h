/* Small types and named constants that all headers share.
 *
 * Enumerated options are int32_t fields; the constants are listed here. 0 is always the default. */
#ifndef MOBILENET_TYPES_H
#define MOBILENET_TYPES_H

#include <stddef.h>
#include <stdint.h>

/** Tensors have at most this many axes. */
#define MBN_MAX_RANK 4

/** Element types of tensors. */
enum {
    MBN_F32 = 0, /* IEEE float */
    MBN_U8 = 1,  /* pictures: 0 to 255 */
    MBN_I8 = 2,
    MBN_I32 = 3 /* class ids */
};

/** Padding of convolutions and pooling, as TensorFlow defines it. */
enum {
    MBN_PADDING_VALID = 0, /* none: (in - kernel) / stride + 1 outputs */
    MBN_PADDING_SAME = 1   /* ceil(in / stride) outputs; an odd pixel of padding goes after */
};

/** How the values of a kernel are drawn. fan_in and fan_out count inputs and outputs of one weight as Keras
 * does. */
enum {
    MBN_INIT_GLOROT_UNIFORM = 0, /* uniform in +- sqrt(6 / (fan_in + fan_out)); Glorot & Bengio 2010 */
    MBN_INIT_HE_UNIFORM = 1,     /* uniform in +- sqrt(6 / fan_in); He et al. 2015 */
    MBN_INIT_HE_NORMAL = 2,      /* normal, deviation sqrt(2 / fan_in), cut at two deviations */
    MBN_INIT_ZEROS = 3
};

/** The order of axes of pictures at the model's edge. Inside, everything is channels last. */
enum {
    MBN_CHANNELS_LAST = 0, /* [n, height, width, channels] */
    MBN_CHANNELS_FIRST = 1 /* [n, channels, height, width] */
};

/** The activation between the layers of a MobileNet. */
enum {
    MBN_ACTIVATION_RELU6 = 0, /* min(max(x, 0), 6), as Keras Applications */
    MBN_ACTIVATION_RELU = 1   /* max(x, 0), as the paper */
};

/** What stands at the end of a MobileNet without its top. */
enum {
    MBN_POOLING_NONE = 0, /* the last feature map, [height, width, channels] */
    MBN_POOLING_AVG = 1,  /* its mean over height and width, [channels] */
    MBN_POOLING_MAX = 2   /* its maximum, [channels] */
};

/** How u8 pictures become the numbers that the first layer sees. Stored in the model. f32 input is taken as
 * it is. */
enum {
    MBN_PREPROCESSING_NONE = 0,      /* not known: u8 pictures are refused */
    MBN_PREPROCESSING_SYMMETRIC = 1, /* x / 127.5 - 1: MobileNet */
    MBN_PREPROCESSING_UNIT = 2,      /* x / 255 */
    MBN_PREPROCESSING_RAW = 3        /* x */
};

/** Instruction sets, in rising order; a context's limit names the highest that may be used. */
enum {
    MBN_ISA_BEST = 0,    /* the best that the machine has */
    MBN_ISA_GENERIC = 1, /* portable C only */
    MBN_ISA_AVX2 = 2,
    MBN_ISA_AVX512 = 3,
    MBN_ISA_NEON = 4
};

#endif

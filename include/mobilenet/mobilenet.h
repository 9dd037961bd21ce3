/* libmobilenet: builds, trains, fine-tunes and runs MobileNet V1 (arXiv 1704.04861) on CPUs.
 *
 * This header includes all others. The short way through the library:
 *
 *     mbn_cifar10_load       pictures and labels as tensors          data.h
 *     mbn_mobilenet_create   a network                               model.h
 *     mbn_compile, mbn_fit   train it                                train.h
 *     mbn_model_save, _load  keep it                                 io.h
 *     mbn_predict            probabilities                           predict.h
 *
 * Everything returns an mbn_status (status.h), takes options as structs that an init function fills with
 * defaults, and names in mbn_last_error() what was wrong. Own networks are built from layers (layers.h).
 * Memory, threads and messages are settled by a context (context.h); NULL stands for the default one. */
#ifndef MOBILENET_MOBILENET_H
#define MOBILENET_MOBILENET_H

#include <mobilenet/export.h>
#include <mobilenet/version.h>
#include <mobilenet/status.h>
#include <mobilenet/types.h>
#include <mobilenet/context.h>
#include <mobilenet/tensor.h>
#include <mobilenet/model.h>
#include <mobilenet/layers.h>
#include <mobilenet/train.h>
#include <mobilenet/callbacks.h>
#include <mobilenet/metrics.h>
#include <mobilenet/predict.h>
#include <mobilenet/data.h>
#include <mobilenet/augment.h>
#include <mobilenet/dataset.h>
#include <mobilenet/io.h>

#endif

/* The learning rate as a function of the epochs trained. */
#ifndef MBNI_TRAIN_SCHEDULE_H
#define MBNI_TRAIN_SCHEDULE_H

#include <mobilenet/callbacks.h>

void mbni_schedule_defaults(mbn_schedule_options *options);
/* Reads options of any age, checks them and fills in what depends on the kind. */
mbn_status mbni_schedule_read(const mbn_schedule_options *options, const char *what,
                              mbn_schedule_options *known);
/* Of options so read. */
double mbni_schedule_rate(const mbn_schedule_options *options, double epoch);

#endif

/* What callbacks watch: a column of the history, and which of two of its values is the better. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "train/callbacks.h"

enum { LIST_BYTES = 256 };

mbn_status mbni_monitor_set(mbni_monitor *monitor, const char *name, int32_t mode)
{
    name = name ? name : "val_loss";
    if (strlen(name) >= sizeof monitor->name || !*name)
        return mbni_error(MBN_ERR_ARGUMENT, "option monitor is '%.40s'; allowed are columns of the history",
                          name);
    if (mode < MBN_MONITOR_AUTO || mode > MBN_MONITOR_MAX)
        return mbni_error(MBN_ERR_ARGUMENT, "option mode is %d; allowed are MBN_MONITOR_AUTO (0) to _MAX (2)",
                          (int)mode);
    strcpy(monitor->name, name);
    monitor->mode = mode;
    return MBN_OK;
}

bool mbni_monitor_maximizes(const mbni_monitor *monitor)
{
    return monitor->mode == MBN_MONITOR_MAX ||
           (monitor->mode == MBN_MONITOR_AUTO && strstr(monitor->name, "acc"));
}

double mbni_monitor_worst(const mbni_monitor *monitor)
{
    return mbni_monitor_maximizes(monitor) ? -INFINITY : INFINITY;
}

static void list_columns(const mbn_history *history, char list[LIST_BYTES])
{
    size_t used = 0;
    for (int64_t i = 0; i < mbni_history_columns(history); i++) {
        int needed = snprintf(list + used, LIST_BYTES - used, "%s%s", i ? ", " : "",
                              mbni_history_column_name(history, i));
        if (needed < 0 || (size_t)needed >= LIST_BYTES - used)
            return;
        used += (size_t)needed;
    }
}

mbn_status mbni_slot_watch(mbni_slot *slot, const mbni_monitor *monitor)
{
    const mbn_history *history = slot->run->history;
    char list[LIST_BYTES] = "";
    for (int64_t i = 0; i < mbni_history_columns(history); i++)
        if (!strcmp(mbni_history_column_name(history, i), monitor->name)) {
            slot->column = i;
            return MBN_OK;
        }
    list_columns(history, list);
    return mbni_slot_error(slot, MBN_ERR_ARGUMENT, "monitor is '%s'; this call of fit has %s", monitor->name,
                           list);
}

double mbni_slot_value(const mbni_slot *slot)
{
    const mbn_history *history = slot->run->history;
    return mbni_history_value(history, slot->column, mbni_history_epochs(history) - 1);
}

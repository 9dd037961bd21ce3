/* Saves the visual wake words network with the weights of its Keras file, for check-oracle.
 *   vww H5_FILE MBN_FILE           in the root of the project; 77 when the first cannot be read here */
#include "support/vww.h"
#include <stdio.h>

enum { CANNOT_READ = 77 };

int main(int argc, char **argv)
{
    mbn_model *model;
    if (argc != 3) {
        fprintf(stderr, "usage: vww H5_FILE MBN_FILE\n");
        return 2;
    }
    if (vww_create(&model)) {
        fprintf(stderr, "vww: %s\n", mbn_last_error());
        return 1;
    }
    const vww_weights copied = vww_copy_weights(model, argv[1]);
    if (copied == VWW_OTHER)
        fprintf(stderr, "vww: the weights of %s are another network's\n", argv[1]);
    const mbn_status saved = copied == VWW_COPIED ? mbn_model_save(model, argv[2], NULL) : MBN_OK;
    if (saved)
        fprintf(stderr, "vww: %s\n", mbn_last_error());
    mbn_model_destroy(model);
    return copied == VWW_ABSENT ? CANNOT_READ : copied == VWW_OTHER || saved;
}

/* Ends what pointwise.h began. */
#include "kernels/vector/tile_end.h"
#undef MULTIPLY_ADD
#undef BLOCK_FLOATS
#undef BLOCK_ROWS
#undef ROW_PANELS
#undef GROUP
#undef HEIGHTS

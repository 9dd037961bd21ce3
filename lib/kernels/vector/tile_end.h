/* Ends what vector/tile.h begins. No guard: see vector/isa.h. */
#undef MR
#undef NV
#undef NR

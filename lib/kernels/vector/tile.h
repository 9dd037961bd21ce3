/* The register tile of products: MR rows of NV vectors, as many sums as registers hold beside NV vectors of b
 * and one element of a. A family reads this inside its section for one instruction set, and tile_end.h at the
 * end of it; no guard, see vector/isa.h. */
#if VREGS == 32 && VW == 16
#define MR 14
#define NV 2
#elif VREGS == 32
#define MR 8
#define NV 3
#else
#define MR 6
#define NV 2
#endif
#define NR (NV * VW)

/* Rows of the next tile when `left` are left: MR, but the last two tiles share what is short of a whole one,
 * since a low tile cannot keep the multipliers busy. */
V_OP int64_t ISA(tile_rows)(int64_t left)
{
    return left > MR && left < MR + MR / 2 ? (left + 1) / 2 : left < MR ? left : MR;
}

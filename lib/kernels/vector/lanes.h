/* Loads and stores of a whole vector or of the few lanes behind the last one, so that one function serves the
 * loop and its tail. A family reads this inside its section for one instruction set; no guard, see
 * vector/isa.h. */

/* n is VW, known at compile time, or less. */
V_OP vf ISA(load_lanes)(const float *p, int64_t n)
{
    return n == VW ? v_load(p) : v_load_n(p, n);
}

V_OP void ISA(store_lanes)(float *p, int64_t n, vf v)
{
    if (n == VW)
        v_store(p, v);
    else
        v_store_n(p, n, v);
}

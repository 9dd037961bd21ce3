/* Ends what one of the ops_ headers began: the target and its names. No guard: read once per instruction set.
 */
#ifdef MBNI_TARGET_PUSHED
#undef MBNI_TARGET_PUSHED
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
#undef MBNI_ISA
#undef VW
#undef VREGS

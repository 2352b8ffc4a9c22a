/* The 100 % of every ratio: what one core can do with its registers alone. */
#ifndef TDL_BENCH_PEAK_H
#define TDL_BENCH_PEAK_H

/* CPU time of the calling thread in seconds. Unlike wall time it holds up on a shared core. */
double tdl_cpu_seconds(void);

/* Floating-point operations a second (a multiply-add is two) of independent multiply-add chains
 * held in registers: the best of some milliseconds of repetitions. isa      a name tdl_isa_name may
 * answer returns  0 when there is no such probe on this machine */
double tdl_peak_flops(const char *isa);

#endif

/* The 100 % of every ratio: what one core can do with its registers alone. */
#ifndef TDL_BENCH_PEAK_H
#define TDL_BENCH_PEAK_H

#include "tensor/gemm.h"

/* CPU time of the calling thread in seconds. Unlike wall time it holds up on a shared core. */
double tdl_cpu_seconds(void);

/* Operations a second (a multiply-add is two) of independent chains held in registers, of the
 * instructions that a product of this precision is made of: the best of some milliseconds of
 * repetitions.
 *   isa      a name tdl_isa_name may answer
 *   returns  0 when there is no such probe on this machine */
double tdl_peak_ops(const char *isa, tdl_precision precision);

#endif

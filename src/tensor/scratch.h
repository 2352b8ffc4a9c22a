/* One growing buffer per thread, for what a product packs.
 *
 * Threads    each has its own; freed when the thread ends
 * Lifetime   what tdl_scratch gave is good until the next call on the same thread
 */
#ifndef TDL_TENSOR_SCRATCH_H
#define TDL_TENSOR_SCRATCH_H

#include <stddef.h>

/* At least `floats` floats, 64-byte aligned, of no particular content. NULL: no memory. */
float *tdl_scratch(size_t floats);

/* A buffer for long: 64-byte aligned; huge pages when it is large. free() it. NULL: no memory. */
float *tdl_floats_new(size_t floats);

#endif

/* A small product on the tiles of one type, compared bit for bit with plain C. */
#ifndef TDL_TENSOR_SELFTEST_H
#define TDL_TENSOR_SELFTEST_H

#include "tensor/kernel.h"

/* Takes some microseconds and no memory but the stack. */
bool tdl_tiles_agree(const tdl_tiles *tiles, tdl_precision type);

#endif

/* AVX-512F: a tile of 14 x 32, 31 of 32 registers. */
#define KERN_NAME    avx512
#define KERN_VL      16
#define KERN_MR      14
#define KERN_PAIR_MR 6
#define KERN_NV      2
#include "tensor/table_kern.h"

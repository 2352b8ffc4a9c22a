/* AVX2 with FMA: a tile of 6 x 16, 15 of 16 registers. */
#define KERN_NAME    avx2
#define KERN_VL      8
#define KERN_MR      6
#define KERN_PAIR_MR 2
#define KERN_NV      2
#include "tensor/table_kern.h"

/* NEON: a tile of 8 x 12, 28 of 32 registers. */
#define KERN_NAME    neon
#define KERN_VL      4
#define KERN_MR      8
#define KERN_PAIR_MR 3
#define KERN_NV      3
#include "tensor/table_kern.h"

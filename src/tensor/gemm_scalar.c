/* Plain C: every multiply-add a call of fmaf. The reference the others must equal, and what runs
 * where nothing better does. */
#define KERN_NAME    scalar
#define KERN_VL      1
#define KERN_MR      4
#define KERN_PAIR_MR 1
#define KERN_NV      4
#include "tensor/table_kern.h"

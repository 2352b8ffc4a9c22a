/* Int8 and int4 in plain C: the reference. */
#define KERN_NAME scalar
#define KERN_VL   1
#include "tensor/vec_kern.h"

static int32_t dot_of_four(uint32_t x, uint32_t w, int32_t sum)
{
    for (unsigned shift = 0; shift < 32; shift += 8)
        sum += (int8_t)(x >> shift & 0xff) * (int8_t)(w >> shift & 0xff);
    return sum;
}

#define S8_MR       4
#define S8_NV       4
#define S8_PAIR_MR  1
#define S8_X_OFFSET 0
#define S8_DOT      dot_of_four
#include "tensor/s8_kern.h"

#define Q4_MR       4
#define Q4_NV       4
#define Q4_SUM      int32_t
#define Q4_DOT      dot_of_four
#define Q4_WHOLE(s) (s)
#include "tensor/q4_kern.h"

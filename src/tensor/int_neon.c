/* Int8 and int4 with the dot product of ARMv8.2: s8 x s8, four products summed to 32 bits. */
#include <arm_neon.h>

#define KERN_NAME neon
#define KERN_VL   4
#include "tensor/vec_kern.h"

KERN_INLINE vec_int dot_of_four(vec_bits x, vec_bits w, vec_int sum)
{
    return (vec_int)vdotq_s32((int32x4_t)sum, (int8x16_t)x, (int8x16_t)w);
}

#define S8_MR       8
#define S8_NV       3
#define S8_PAIR_MR  3
#define S8_X_OFFSET 0
#define S8_DOT      dot_of_four
#include "tensor/s8_kern.h"

#define Q4_MR       4
#define Q4_NV       3
#define Q4_SUM      vec_int
#define Q4_DOT      dot_of_four
#define Q4_WHOLE(s) (s)
#include "tensor/q4_kern.h"

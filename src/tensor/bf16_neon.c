/* bf16 with the widening multiply-adds of ARMv8.6: the odd (top) elements, then the even ones.
 * bfdot is no use here: it rounds otherwise. */
#include <arm_neon.h>

#define KERN_VL 4
#include "tensor/vec_kern.h"

KERN_INLINE vec dot_of_two(vec_bits x, vec_bits w, vec sum)
{
    bfloat16x8_t a = vreinterpretq_bf16_u32((uint32x4_t)x),
                 b = vreinterpretq_bf16_u32((uint32x4_t)w);

    return (vec)vbfmlalbq_f32(vbfmlaltq_f32((float32x4_t)sum, a, b), a, b);
}

#define BF16_NAME    neon
#define BF16_MR      8
#define BF16_NV      3
#define BF16_PAIR_MR 3
#define BF16_DOT     dot_of_two
#include "tensor/bf16_dot_kern.h"

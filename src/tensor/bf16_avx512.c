/* bf16 with AVX-512 BF16: an instruction is two fused multiply-adds, the odd element first. */
#include <immintrin.h>

#define KERN_VL 16
#include "tensor/vec_kern.h"

KERN_INLINE vec dot_of_two(vec_bits x, vec_bits w, vec sum)
{
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)w);
}

#define BF16_NAME    avx512
#define BF16_MR      14
#define BF16_NV      2
#define BF16_PAIR_MR 6
#define BF16_DOT     dot_of_two
#include "tensor/bf16_dot_kern.h"

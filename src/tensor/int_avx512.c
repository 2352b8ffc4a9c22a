/* Int8 and int4 with AVX-512 VNNI: u8 x s8, four products summed to 32 bits without saturation. */
#include <immintrin.h>

#define KERN_NAME avx512
#define KERN_VL   16
#include "tensor/vec_kern.h"

/* x holds q + 128; 128 times the sum of the weights is taken off at the end. */
KERN_INLINE vec_int dot_s8(vec_bits x, vec_bits w, vec_int sum)
{
    return (vec_int)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x, (__m512i)w);
}

KERN_INLINE __m512i dot_q4(vec_bits x, vec_bits w, __m512i sum)
{
    return _mm512_dpbusd_epi32(sum, (__m512i)w, (__m512i)x);
}

#define S8_MR       14
#define S8_NV       2
#define S8_PAIR_MR  6
#define S8_X_OFFSET 128
#define S8_DOT      dot_s8
#include "tensor/s8_kern.h"

#define Q4_MR       6
#define Q4_NV       2
#define Q4_SUM      __m512i
#define Q4_DOT      dot_q4
#define Q4_WHOLE(s) (vec_int)(s)
#include "tensor/q4_kern.h"

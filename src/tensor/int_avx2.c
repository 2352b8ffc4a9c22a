/* Int8 and int4 with AVX2, which has only u8 x s8, summed in pairs to 16 bits. */
#include <immintrin.h>

#define KERN_NAME avx2
#define KERN_VL   8
#include "tensor/vec_kern.h"

/* |x| times w with the sign of x: with both sides within +-127 a pair is at most 32,258. */
KERN_INLINE vec_int dot_s8(vec_bits x, vec_bits w, vec_int sum)
{
    __m256i size = _mm256_abs_epi8((__m256i)x);
    __m256i pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8((__m256i)w, (__m256i)x));

    return sum + (vec_int)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

/* w is 0..15: the eight pairs of a block are at most 8 x 2 x 15 x 127 = 30,480. */
KERN_INLINE __m256i dot_q4(vec_bits x, vec_bits w, __m256i sum)
{
    return _mm256_add_epi16(sum, _mm256_maddubs_epi16((__m256i)w, (__m256i)x));
}

#define S8_MR       4
#define S8_NV       2
#define S8_PAIR_MR  2
#define S8_X_OFFSET 0
#define S8_DOT      dot_s8
#include "tensor/s8_kern.h"

#define Q4_MR       4
#define Q4_NV       2
#define Q4_SUM      __m256i
#define Q4_DOT      dot_q4
#define Q4_WHOLE(s) (vec_int) _mm256_madd_epi16(s, _mm256_set1_epi16(1))
#include "tensor/q4_kern.h"

/* The register tile of one type of numbers. A template, included once per type by gemm_kern.h and
 * its siblings, after vec_kern.h and with these defined; it undefines them again.
 *     TILE_NAME            f32, bf16, s8
 *     TILE_MR              rows of C kept in registers
 *     TILE_NV              vectors per row of a panel
 *     TILE_PAIR_MR         rows when two panels are taken at once
 *     TILE_SUM             type of a vector of sums, vec or vec_int
 *     TILE_OPERAND         type of what is multiplied, vec or vec_bits
 *     TILE_PHASES          multiply-adds that one step is made of, done one after the other
 *     TILE_A_UNITS         units of A in a step; phase 0 takes the last of them
 *     TILE_ROW(phase, p)   a vector of B at p, as the phase wants it
 *     TILE_X(phase, p)     the unit of A at p in all lanes, as the phase wants it
 *     TILE_DOT(x, w, sum)  the multiply-add
 * f32 alone also has a tile that reads A where it is, unpacked.
 */

#ifndef TDL_TENSOR_TILE_KERN_ONCE
#define TDL_TENSOR_TILE_KERN_ONCE

enum { AHEAD_FLOATS = 512, INTO_L2 = 2 };

#define TILE_HEIGHTS_1(X)  X(1)
#define TILE_HEIGHTS_2(X)  TILE_HEIGHTS_1(X) X(2)
#define TILE_HEIGHTS_3(X)  TILE_HEIGHTS_2(X) X(3)
#define TILE_HEIGHTS_4(X)  TILE_HEIGHTS_3(X) X(4)
#define TILE_HEIGHTS_6(X)  TILE_HEIGHTS_4(X) X(5) X(6)
#define TILE_HEIGHTS_8(X)  TILE_HEIGHTS_6(X) X(7) X(8)
#define TILE_HEIGHTS_14(X) TILE_HEIGHTS_8(X) X(9) X(10) X(11) X(12) X(13) X(14)
#define TILE_HEIGHTS(n)    KERN_PASTE(TILE_HEIGHTS_, n)

/* The part of a tdl_tiles that the templates provide. */
#define TILE_SET(name, rows, vectors, pair_rows)                                                   \
    .mr = rows, .nr = KERN_VL * vectors, .tile = name##_tiles_by_height, .pair_mr = pair_rows,     \
    .pair = name##_pairs_by_height

#endif

#define TILE_JOIN(suffix) KERN_PASTE(TILE_NAME, suffix)

/* Over one panel of b or two at once. A is packed, or, with `direct`, lies in rows a_row apart.
 * `h`, `panels` and `direct` are constants in every instance, so all loops but the one over k
 * unroll. The tile over two panels is for few rows, which wait for memory
 * rather than for the multipliers: it asks ahead in the panels it is reading. */
KERN_INLINE void TILE_JOIN(_run)(size_t h, size_t panels, bool direct, size_t steps,
                                 const float *restrict a, size_t a_row, const float *restrict b,
                                 size_t b_step, float *restrict c, size_t c_step, size_t ldc,
                                 bool add, const float *next)
{
    enum { NR = KERN_VL * TILE_NV };
    TILE_SUM sum[TILE_MR][2 * TILE_NV];

    KERN_UNROLL for (size_t i = 0; i < h; i++)
    {
        KERN_UNROLL for (size_t j = 0; j < panels * TILE_NV; j++)
        {
            sum[i][j] = (TILE_SUM){0};
        }
        KERN_UNROLL for (size_t p = 0; p < panels; p++)
        {
            __builtin_prefetch(c + i * ldc + p * c_step, 1);
            __builtin_prefetch(c + i * ldc + p * c_step + NR - 1, 1);
        }
    }
    for (size_t k = 0; k < steps; k++) {
        if (panels == 1)
            __builtin_prefetch(next + k * TDL_LINE_FLOATS, 0, INTO_L2);
        KERN_UNROLL for (size_t phase = 0; phase < TILE_PHASES; phase++)
        {
            TILE_OPERAND row[2 * TILE_NV];

            KERN_UNROLL for (size_t j = 0; j < panels * TILE_NV; j++)
            {
                const float *p = b + j / TILE_NV * b_step + k * NR + j % TILE_NV * KERN_VL;

                row[j] = TILE_ROW(phase, p);
                if (phase == 0 && panels == 2 && j * KERN_VL % TDL_LINE_FLOATS == 0)
                    __builtin_prefetch(p + AHEAD_FLOATS);
            }
            KERN_UNROLL for (size_t i = 0; i < h; i++)
            {
                const float *unit =
                    direct ? a + i * a_row + k : a + ((k + 1) * TILE_A_UNITS - 1 - phase) * h + i;
                TILE_OPERAND x = TILE_X(phase, unit);

                KERN_UNROLL for (size_t j = 0; j < panels * TILE_NV; j++)
                {
                    sum[i][j] = TILE_DOT(x, row[j], sum[i][j]);
                }
            }
        }
    }
    KERN_UNROLL for (size_t i = 0; i < h; i++)
    {
        KERN_UNROLL for (size_t j = 0; j < panels * TILE_NV; j++)
        {
            KERN_PASTE(TILE_SUM, _unaligned) *p =
                (void *)(c + i * ldc + j / TILE_NV * c_step + j % TILE_NV * KERN_VL);

            if (add) {
                TILE_SUM before = *p;
                sum[i][j] = before + sum[i][j];
            }
            *p = sum[i][j];
        }
    }
}

#define TILE_FN(h)                                                                                 \
    static __attribute__((noinline)) void TILE_JOIN(_tile_##h)(                                    \
        size_t steps, const float *a, const float *b, float *c, size_t ldc, bool add,              \
        const float *next)                                                                         \
    {                                                                                              \
        TILE_JOIN(_run)(h, 1, false, steps, a, 0, b, 0, c, 0, ldc, add, next);                     \
    }
#define TILE_PAIR_FN(h)                                                                            \
    static __attribute__((noinline)) void TILE_JOIN(_pair_##h)(                                    \
        size_t steps, const float *a, const float *b, size_t b_step, float *c, size_t c_step,      \
        size_t ldc, bool add)                                                                      \
    {                                                                                              \
        TILE_JOIN(_run)(h, 2, false, steps, a, 0, b, b_step, c, c_step, ldc, add, NULL);           \
    }
#define TILE_ENTRY(h)      [h] = TILE_JOIN(_tile_##h),
#define TILE_PAIR_ENTRY(h) [h] = TILE_JOIN(_pair_##h),

TILE_HEIGHTS(TILE_MR)
(TILE_FN) TILE_HEIGHTS(TILE_PAIR_MR)(TILE_PAIR_FN)

    static tdl_tile_fn *const
    TILE_JOIN(_tiles_by_height)[TILE_MR + 1] = {TILE_HEIGHTS(TILE_MR)(TILE_ENTRY)};
static tdl_pair_fn *const TILE_JOIN(_pairs_by_height)[TILE_PAIR_MR + 1] = {
    TILE_HEIGHTS(TILE_PAIR_MR)(TILE_PAIR_ENTRY)};

#undef TILE_NAME
#undef TILE_MR
#undef TILE_NV
#undef TILE_PAIR_MR
#undef TILE_SUM
#undef TILE_OPERAND
#undef TILE_PHASES
#undef TILE_A_UNITS
#undef TILE_ROW
#undef TILE_X
#undef TILE_DOT
#undef TILE_JOIN
#undef TILE_FN
#undef TILE_PAIR_FN
#undef TILE_ENTRY
#undef TILE_PAIR_ENTRY

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/report.h"
#include "base/rng.h"

/* Known answers of the Random123 distribution (kat_vectors, philox4x32 10). */
static void philox_gives_the_published_known_answers(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, /* digits of pi */
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    uint32_t got[4];

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdl_philox4x32(cases[i].counter, cases[i].key, got);
        assert_memory_equal(got, cases[i].expected, sizeof got);
    }
}

static void a_stream_is_the_blocks_of_its_counter(void **state)
{
    uint64_t seed = 0x1122334455667788, stream = 0x99aabbccddeeff00;
    const uint32_t key[2] = {0x55667788, 0x11223344};
    tdl_rng rng = tdl_rng_make(seed, stream);
    uint32_t block[4];

    TDL_UNUSED(state);
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t counter[4] = {i, 0, 0xddeeff00, 0x99aabbcc};

        tdl_philox4x32(counter, key, block);
        for (int j = 0; j < 4; j++)
            assert_int_equal(tdl_rng_u32(&rng), block[j]);
    }
}

static void a_copy_replays_and_another_stream_differs(void **state)
{
    tdl_rng a = tdl_rng_make(1, 0), other_stream = tdl_rng_make(1, 1),
            other_seed = tdl_rng_make(2, 0);
    tdl_rng copy;
    int same_stream = 0, same_seed = 0;

    TDL_UNUSED(state);
    tdl_rng_u32(&a);
    copy = a;
    for (int i = 0; i < 100; i++) {
        uint64_t draw = tdl_rng_u64(&a);

        assert_true(draw == tdl_rng_u64(&copy));
        same_stream += draw == tdl_rng_u64(&other_stream);
        same_seed += draw == tdl_rng_u64(&other_seed);
    }
    assert_int_equal(same_stream + same_seed, 0);
}

/* Each count is binomial: mean 10,000, standard deviation below 100; 6 of them is one in 10^9. */
static void below_is_even_over_its_range(void **state)
{
    tdl_rng rng = tdl_rng_make(7, 0);
    int count[7] = {0};

    TDL_UNUSED(state);
    for (int i = 0; i < 70000; i++) {
        uint64_t draw = tdl_rng_below(&rng, 7);

        assert_true(draw < 7);
        count[draw]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(count[i], 9400, 10600);
}

/* With 3 * 2^62 values a plain remainder would draw the first third twice as often: 1/2, not 1/3.
 * Binomial with p = 1/3, n = 9,000: standard deviation 45. */
static void below_is_even_where_a_remainder_would_not_be(void **state)
{
    const uint64_t third = 1ULL << 62;
    tdl_rng rng = tdl_rng_make(8, 0);
    int first = 0;

    TDL_UNUSED(state);
    for (int i = 0; i < 9000; i++)
        first += tdl_rng_below(&rng, 3 * third) < third;
    assert_in_range(first, 2730, 3270);
}

static void below_one_is_zero_and_the_widest_range_works(void **state)
{
    tdl_rng rng = tdl_rng_make(9, 0);
    uint64_t all = 0;

    TDL_UNUSED(state);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(tdl_rng_below(&rng, 1), 0);
        assert_true(tdl_rng_below(&rng, UINT32_MAX) < UINT32_MAX);
        assert_true(tdl_rng_below(&rng, (uint64_t)UINT32_MAX + 1) <= UINT32_MAX);
        all |= tdl_rng_below(&rng, UINT64_MAX);
    }
    assert_true(all == UINT64_MAX); /* every bit is drawn: each is missed with 2^-100 */
}

/* n = 200,000: the mean of uniforms has standard deviation 0.00065, their variance 1/12. */
static void uniform_has_the_moments_of_the_unit_interval(void **state)
{
    tdl_rng rng = tdl_rng_make(10, 0);
    double sum = 0, squares = 0;

    TDL_UNUSED(state);
    for (int i = 0; i < 200000; i++) {
        double u = tdl_rng_uniform(&rng);

        assert_true(u >= 0 && u < 1);
        sum += u;
        squares += u * u;
    }
    assert_true(fabs(sum / 200000 - 0.5) < 0.004);
    assert_true(fabs(squares / 200000 - 1.0 / 3) < 0.004);
}

/* n = 200,000: standard errors are .0022 (mean), .0032 (variance) and .022 (fourth moment, 3);
 * P(|x| < 1) = 0.6827. */
static void normal_has_the_moments_of_the_normal_distribution(void **state)
{
    tdl_rng rng = tdl_rng_make(11, 0);
    double sum = 0, squares = 0, fourths = 0, within = 0;

    TDL_UNUSED(state);
    for (int i = 0; i < 200000; i++) {
        double x = tdl_rng_normal(&rng);

        assert_true(isfinite(x));
        sum += x;
        squares += x * x;
        fourths += x * x * x * x;
        within += fabs(x) < 1;
    }
    assert_true(fabs(sum / 200000) < 0.012);
    assert_true(fabs(squares / 200000 - 1) < 0.018);
    assert_true(fabs(fourths / 200000 - 3) < 0.13);
    assert_true(fabs(within / 200000 - 0.6827) < 0.006);
}

/* All 24 orders of 4 values; each count is binomial with mean 1,000 and standard deviation 31. */
static void shuffle_gives_every_order_equally_often(void **state)
{
    tdl_rng rng = tdl_rng_make(12, 0);
    int count[256] = {0}, orders = 0;

    TDL_UNUSED(state);
    for (int i = 0; i < 24000; i++) {
        uint32_t v[4] = {0, 1, 2, 3};

        tdl_rng_shuffle(&rng, v, 4);
        assert_int_equal(1U << v[0] | 1U << v[1] | 1U << v[2] | 1U << v[3], 15);
        count[v[0] | v[1] << 2 | v[2] << 4 | v[3] << 6]++;
    }
    for (int i = 0; i < 256; i++) {
        if (count[i] == 0)
            continue;
        orders++;
        assert_in_range(count[i], 800, 1200);
    }
    assert_int_equal(orders, 24);
}

static void shuffling_nothing_or_one_is_fine(void **state)
{
    tdl_rng rng = tdl_rng_make(13, 0);
    uint32_t one = 5;

    TDL_UNUSED(state);
    tdl_rng_shuffle(&rng, NULL, 0);
    tdl_rng_shuffle(&rng, &one, 1);
    assert_int_equal(one, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_known_answers),
        cmocka_unit_test(a_stream_is_the_blocks_of_its_counter),
        cmocka_unit_test(a_copy_replays_and_another_stream_differs),
        cmocka_unit_test(below_is_even_over_its_range),
        cmocka_unit_test(below_is_even_where_a_remainder_would_not_be),
        cmocka_unit_test(below_one_is_zero_and_the_widest_range_works),
        cmocka_unit_test(uniform_has_the_moments_of_the_unit_interval),
        cmocka_unit_test(normal_has_the_moments_of_the_normal_distribution),
        cmocka_unit_test(shuffle_gives_every_order_equally_often),
        cmocka_unit_test(shuffling_nothing_or_one_is_fine),
    };

    return cmocka_run_group_tests_name("base/rng", tests, NULL, NULL);
}

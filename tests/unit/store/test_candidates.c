#include "fixture.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "store/candidates.h"

static tdl_str text_of(fixture *f, const tdl_candidate *candidates, size_t n)
{
    tdl_buf out = {0};
    int64_t chosen_n;

    tdl_candidates_write(&out, candidates, n, &chosen_n);
    assert_false(out.failed);
    tdl_str copy = tdl_arena_str(f->arena, tdl_buf_view(&out));
    tdl_buf_release(&out);
    return copy;
}

static double number_back(fixture *f, double value)
{
    tdl_candidate one = {.item = TDL_STR("i"), .score = value, .propensity = 1}, *got;
    size_t n;

    succeed(f, tdl_candidates_read(text_of(f, &one, 1), 0, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
    double score = got->score;
    tdl_arena_reset(f->arena);
    return score;
}

static void candidates_are_written_as_rows_of_item_score_and_propensity(void **state)
{
    fixture *f = *state;
    const tdl_candidate c[] = {
        {.item = TDL_STR("a"), .score = 1.5, .propensity = 1, .chosen = true},
        {.item = TDL_STR("\"é\n"), .score = -0.25, .propensity = 0.05},
        {.item = TDL_STR("c"), .score = 0, .propensity = 0},
    };

    assert_str(text_of(f, c, 3), "[[\"a\",1.5],[\"\\\"é\\n\",-0.25,0.05],[\"c\",0]]");
    assert_str(text_of(f, NULL, 0), "[]");
}

/* Rows of older versions say every propensity. */
static void a_propensity_left_out_is_that_of_a_fixed_choice(void **state)
{
    fixture *f = *state;
    static const char *const same[] = {"[[\"a\",1.5,1],[\"b\",2,0]]", "[[\"a\",1.5],[\"b\",2]]"};
    tdl_candidate *got;
    size_t n;

    for (size_t i = 0; i < 2; i++) {
        succeed(f, tdl_candidates_read(tdl_str_of(same[i]), 1, f->arena, &got, &n, &f->why));
        assert_int_equal(n, 2);
        assert_true(got[0].chosen && got[0].propensity == 1 && got[0].score == 1.5);
        assert_true(!got[1].chosen && got[1].propensity == 0 && got[1].score == 2);
    }
}

static void candidates_come_back_with_the_chosen_ones_first(void **state)
{
    fixture *f = *state;
    const tdl_candidate c[] = {
        {.item = TDL_STR("a"), .score = 3, .propensity = 1, .chosen = true},
        {.item = TDL_STR("\"é\n"), .score = -2e-9, .propensity = 0.05, .chosen = true},
        {.item = TDL_STR("c"), .score = 1e12, .propensity = 0.5},
    };
    tdl_candidate *got;
    tdl_buf out = {0};
    int64_t chosen_n;
    size_t n;

    tdl_candidates_write(&out, c, 3, &chosen_n);
    assert_int_equal(chosen_n, 2);
    succeed(f, tdl_candidates_read(tdl_buf_view(&out), chosen_n, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(tdl_str_eq(got[i].item, c[i].item));
        assert_true(got[i].score == c[i].score && got[i].propensity == c[i].propensity);
        assert_int_equal(got[i].chosen, c[i].chosen);
    }
    tdl_buf_release(&out);
}

/* Nine significant decimal digits identify every float (IEEE 754-2019, 5.12.2). Floats are drawn by
 * their bits, so all magnitudes are met. */
static void every_float_comes_back_as_the_same_float(void **state)
{
    fixture *f = *state;
    tdl_rng rng = tdl_rng_make(7, 0);

    for (int i = 0; i < 20000; i++) {
        union {
            uint32_t bits;
            float value;
        } u = {.bits = tdl_rng_u32(&rng)};
        if (isfinite(u.value))
            assert_true((float)number_back(f, (double)u.value) == u.value);
    }
}

static void floats_of_usual_size_come_back_the_same(void **state)
{
    fixture *f = *state;
    tdl_rng rng = tdl_rng_make(8, 0);

    for (int i = 0; i < 20000; i++) {
        float value = (float)(tdl_rng_normal(&rng) * pow(10, (double)tdl_rng_below(&rng, 10) - 5));
        assert_true((float)number_back(f, (double)value) == value);
    }
}

/* Half a unit in the ninth digit, and the rounding of the scaling before it. */
static void a_double_comes_back_to_nine_digits(void **state)
{
    fixture *f = *state;
    tdl_rng rng = tdl_rng_make(9, 0);
    static const double edges[] = {1e-5,      9.99999999e-6, 999999999.4,    999999999.6,
                                   0.1,       9.999999999,   99.99999999999, 1e9,
                                   123456789, 1e-300,        1e300};

    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        assert_true(fabs(number_back(f, edges[i]) / edges[i] - 1) <= 5.01e-9);
    for (int i = 0; i < 20000; i++) {
        double value = exp(40 * tdl_rng_uniform(&rng) - 20);
        assert_true(fabs(number_back(f, value) / value - 1) <= 5.01e-9);
    }
}

static void a_score_that_is_not_finite_comes_back_as_nan(void **state)
{
    fixture *f = *state;

    assert_true(isnan(number_back(f, NAN)));
    assert_true(isnan(number_back(f, INFINITY)));
}

static void damaged_text_is_refused(void **state)
{
    fixture *f = *state;
    static const char *const damaged[] = {"",
                                          "{}",
                                          "[",
                                          "[1]",
                                          "[[]]",
                                          "[[\"a\"]]",
                                          "[[1,1,1]]",
                                          "[[\"a\",\"b\",1]]",
                                          "[null]",
                                          "[[\"a\",1,null]]",
                                          "[[\"a\",1,1,1]]"};
    tdl_candidate *got;
    size_t n;

    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++)
        refuse(f, tdl_candidates_read(tdl_str_of(damaged[i]), 0, f->arena, &got, &n, &f->why),
               TDL_E_CORRUPT, "damaged");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOSED_TEST(candidates_are_written_as_rows_of_item_score_and_propensity),
        CLOSED_TEST(a_propensity_left_out_is_that_of_a_fixed_choice),
        CLOSED_TEST(candidates_come_back_with_the_chosen_ones_first),
        CLOSED_TEST(every_float_comes_back_as_the_same_float),
        CLOSED_TEST(floats_of_usual_size_come_back_the_same),
        CLOSED_TEST(a_double_comes_back_to_nine_digits),
        CLOSED_TEST(a_score_that_is_not_finite_comes_back_as_nan),
        CLOSED_TEST(damaged_text_is_refused),
    };
    return cmocka_run_group_tests_name("store/candidates", tests, NULL, NULL);
}

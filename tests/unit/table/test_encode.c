/* Bins, scales, target means, filling, calendar and words: what pipelines are made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/str.h"
#include "table/bins.h"
#include "table/calendar.h"
#include "table/encode.h"
#include "table/impute.h"
#include "table/normalise.h"
#include "table/words.h"

/* Expected: the project's reference values, refs/predict/vectors.json, piecewise_linear. */
static void a_number_goes_through_bins(void **state)
{
    const double edge[] = {0, 1, 2.5, 4, 10};
    static const struct {
        double x, code[4];
    } cases[] = {
        {-1, {-1, 0, 0, 0}},
        {0, {0, 0, 0, 0}},
        {0.4, {0.4, 0, 0, 0}},
        {1, {1, 0, 0, 0}},
        {2, {1, 0.6666666666666666, 0, 0}},
        {3.3, {1, 1, 0.5333333333333332, 0}},
        {9, {1, 1, 1, 0.8333333333333334}},
        {12, {1, 1, 1, 1.3333333333333333}},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double code[4];
        tdl_bins_encode(edge, 5, cases[i].x, code);
        for (size_t j = 0; j < 4; j++)
            assert_true(fabs(code[j] - cases[i].code[j]) < 1e-9);
    }
}

static void a_missing_number_is_in_no_bin(void **state)
{
    const double edge[] = {0, 1, 2};
    double code[2] = {7, 7};

    TDL_UNUSED(state);
    tdl_bins_encode(edge, 3, (double)NAN, code);
    assert_true(code[0] == 0 && code[1] == 0);
}

/* By hand: quantiles at 0, 1/4, ... of eight values are 0 0 0 2.25 9; the zeros become one edge. */
static void equal_edges_become_one(void **state)
{
    const double sorted[] = {0, 0, 0, 0, 0, 2, 3, 9}, same[] = {4, 4};
    double edge[5];

    TDL_UNUSED(state);
    assert_int_equal(tdl_bins_edges(sorted, 8, 4, edge), 3);
    assert_true(edge[0] == 0 && edge[1] == 2.25 && edge[2] == 9);
    assert_int_equal(tdl_bins_edges(same, 2, 4, edge), 1);
}

/* Expected: the project's reference values, refs/predict/vectors.json, target_encoding. */
static void targets_are_encoded_out_of_fold(void **state)
{
    const int32_t level[] = {0, 0, 1, 1, 2, 0, 0, 1, 2, 3};
    const double y[] = {1, 0, 1, 1, 0, 1, 0, 0, 1, 1};
    const uint32_t fold[] = {0, 1, 2, 3, 4, 0, 1, 2, 3, 4};
    const double out[] = {0.25, 0.875, 0.75, 0.5, 0.75, 0.25, 0.875, 0.75, 0.3333333333, 0.625};
    const double full[] = {0.5333333333, 0.64, 0.55, 0.7333333333};
    const tdl_encode_rows rows = {10, level, 4, y, NULL, 2};
    double got[10], mean[4], prior;

    TDL_UNUSED(state);
    assert_int_equal(tdl_encode_target_out_of_fold(&rows, fold, 5, got, NULL), TDL_OK);
    for (size_t i = 0; i < 10; i++)
        assert_true(fabs(got[i] - out[i]) < 1e-9);
    assert_int_equal(tdl_encode_target(&rows, mean, &prior, NULL), TDL_OK);
    for (size_t i = 0; i < 4; i++)
        assert_true(fabs(mean[i] - full[i]) < 1e-9);
    assert_true(fabs(prior - 0.6) < 1e-9);
}

/* Expected: Python 3.11, statistics.NormalDist().inv_cdf. */
static void normal_scores_are_those_of_python(void **state)
{
    static const double p[] = {1e-300, 1e-10, 0.001, 0.05, 0.2, 0.5, 0.9, 0.999999};
    static const double z[] = {-37.0470962993612,   -6.361340902404056,  -3.090232306167813,
                               -1.6448536269514726, -0.8416212335729142, 0,
                               1.2815515655446008,  4.753424308817087};

    TDL_UNUSED(state);
    for (size_t i = 0; i < 8; i++)
        assert_true(fabs(tdl_normal_score(p[i]) - z[i]) <= 1e-13 * fabs(z[i]));
}

static double scaled(tdl_normalise kind, const double *sorted, size_t n, double x)
{
    tdl_scale scale;
    double y;

    assert_int_equal(tdl_scale_fit(kind, sorted, n, &scale, NULL), TDL_OK);
    y = tdl_scale_apply(&scale, x);
    tdl_scale_release(&scale);
    return y;
}

/* Expected: scikit-learn 1.2, StandardScaler, RobustScaler and MinMaxScaler fitted on {1, 2, 4, 9}:
 * (5 - 4) / sqrt(9.5), (5 - 3) / (5.25 - 1.75), (5 - 1) / 8. */
static void scales_are_those_of_scikit_learn(void **state)
{
    const double sorted[] = {1, 2, 4, 9};

    TDL_UNUSED(state);
    assert_true(fabs(scaled(TDL_NORMALISE_STANDARD, sorted, 4, 5) - 0.32444284226152509) < 1e-14);
    assert_true(fabs(scaled(TDL_NORMALISE_ROBUST, sorted, 4, 5) - 0.57142857142857140) < 1e-14);
    assert_true(fabs(scaled(TDL_NORMALISE_MIN_MAX, sorted, 4, 5) - 0.5) < 1e-14);
    assert_true(scaled(TDL_NORMALISE_NONE, sorted, 4, 5) == 5);
    assert_true(isnan(scaled(TDL_NORMALISE_STANDARD, sorted, 4, (double)NAN)));
}

/* By hand. Of {0, 0, 0, 10} three quarters are 0, so that 0 stands in the middle of ranks 0 and 2
 * of 3; 5 is half way between ranks 2 and 3. Beyond both ends: at most 1 / (2 * 4) from them.
 * Within, scikit-learn's QuantileTransformer agrees; at a tied end it answers -5.2. */
static void quantile_scores_halve_ties(void **state)
{
    const double sorted[] = {0, 0, 0, 10};

    TDL_UNUSED(state);
    assert_true(scaled(TDL_NORMALISE_QUANTILE, sorted, 4, 0) == tdl_normal_score(1.0 / 3));
    assert_true(scaled(TDL_NORMALISE_QUANTILE, sorted, 4, 5) == tdl_normal_score(2.5 / 3));
    assert_true(scaled(TDL_NORMALISE_QUANTILE, sorted, 4, 99) == tdl_normal_score(7.0 / 8));
    assert_true(scaled(TDL_NORMALISE_QUANTILE, sorted, 4, -1) == tdl_normal_score(1.0 / 8));
}

static void equal_values_scale_to_finite_ones(void **state)
{
    const double same[] = {3, 3, 3};

    TDL_UNUSED(state);
    for (int kind = TDL_NORMALISE_NONE; kind <= TDL_NORMALISE_LOG1P; kind++)
        assert_true(isfinite(scaled((tdl_normalise)kind, same, 3, 3)));
}

/* y = 2 x + 1 for x = 0 .. 8, and a gap at 9. Expected: NumPy, numpy.linalg.solve of the normal
 * equations of standardised numbers with a ridge of 1 and a free intercept. */
static void a_gap_is_filled_from_other_columns(void **state)
{
    double x[20], z[2], row[2] = {4.5, (double)NAN};
    tdl_fill fill;

    TDL_UNUSED(state);
    for (size_t i = 0; i < 10; i++) {
        x[2 * i] = (double)i;
        x[2 * i + 1] = i == 9 ? (double)NAN : 2 * (double)i + 1;
    }
    assert_int_equal(tdl_fill_fit(x, 10, 2, &fill, NULL), TDL_OK);
    assert_int_equal(fill.targets_n, 1);
    assert_true(fabs(x[19] - 17.79120879120879) < 1e-12);
    tdl_fill_row(&fill, row, z);
    assert_true(fabs(row[1] - 9.87912087912088) < 1e-12);
    assert_true(row[0] == 4.5);
    tdl_fill_release(&fill);
}

/* Expected: Python 3.11, datetime. */
static void days_have_their_place_in_the_year(void **state)
{
    const tdl_calendar epoch = tdl_calendar_of(0);
    const tdl_calendar leap = tdl_calendar_of(1709208000);    // 2024-02-29T12:00Z, a Thursday
    const tdl_calendar before = tdl_calendar_of(-2203891201); // 1900-02-28T23:59:59Z, a Wednesday
    const tdl_calendar last = tdl_calendar_of(1735689599);    // 2024-12-31T23:59:59Z, a Tuesday

    TDL_UNUSED(state);
    assert_true(epoch.year == 1970 && epoch.month == 1 && epoch.weekday == 3 && epoch.season == 0);
    assert_true(leap.month == 2 && leap.weekday == 3 && leap.season == 59.0 / 366);
    assert_true(fabs(leap.year - (2024 + 59.5 / 366)) < 1e-9);
    assert_true(before.month == 2 && before.weekday == 2 && before.season == 58.0 / 365);
    assert_true(last.month == 12 && last.weekday == 1 && last.season == 365.0 / 366);
    assert_true(isfinite(tdl_calendar_of(1e300).year) && isfinite(tdl_calendar_of(-1e300).year));
}

static double sum_of(const char *text, double *count, size_t n)
{
    double sum = 0;

    memset(count, 0, n * sizeof *count);
    tdl_words_count(tdl_str_of(text), n, count);
    for (size_t i = 0; i < n; i++)
        sum += count[i];
    return sum;
}

/* Words and pairs of them: n words in a row make n - 1 pairs. */
static void words_and_pairs_are_counted(void **state)
{
    enum { N = 1 << 12 };
    static double a[N], b[N];

    TDL_UNUSED(state);
    assert_true(sum_of("", a, N) == 0 && sum_of(" ,.! ", a, N) == 0);
    assert_true(sum_of("Hello, world again", a, N) == 5);
    assert_true(sum_of("hello WORLD -- again!", b, N) == 5);
    assert_memory_equal(a, b, sizeof a);                 // neither case nor punctuation matters
    assert_true(sum_of("\xC3\x89t\xC3\xA9", a, N) == 1); // Été: one word
    assert_true(sum_of("\xC3\xA9T\xC3\xA9", b, N) == 1); // éTé
    assert_memory_equal(a, b, sizeof a);
    assert_true(sum_of("\xE9\x80\x80\xE8\xB4\xA7 ok", a, N) == 5); // 退货 ok: 退, 货, ok, two pairs
    assert_true(sum_of("\xFF\xFE word\xFF", a, N) == 1);           // ill-formed bytes
}

static void the_hash_of_words_never_changes(void **state)
{
    TDL_UNUSED(state);
    // FNV-1a of "a" is published: af63dc4c8601ec8c; the mix is splitmix64's (key of split.h)
    uint64_t z = UINT64_C(0xaf63dc4c8601ec8c);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    assert_true(tdl_words_hash(TDL_STR("a")) == (z ^ z >> 31));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_goes_through_bins),
        cmocka_unit_test(a_missing_number_is_in_no_bin),
        cmocka_unit_test(equal_edges_become_one),
        cmocka_unit_test(targets_are_encoded_out_of_fold),
        cmocka_unit_test(normal_scores_are_those_of_python),
        cmocka_unit_test(scales_are_those_of_scikit_learn),
        cmocka_unit_test(quantile_scores_halve_ties),
        cmocka_unit_test(equal_values_scale_to_finite_ones),
        cmocka_unit_test(a_gap_is_filled_from_other_columns),
        cmocka_unit_test(days_have_their_place_in_the_year),
        cmocka_unit_test(words_and_pairs_are_counted),
        cmocka_unit_test(the_hash_of_words_never_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

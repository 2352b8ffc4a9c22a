#include "cases.h"

#include "apps/recommend/directed.h"

/* Reference values: spec/recommend.md section 3.2 (R1), computed independently in double precision
 * from the formulas that stand at the head of directed.h. An inner brace of the histories is one
 * tie group; here every group has a time of its own. */
enum { ITEMS = 6, USERS = 4 };

typedef struct reference {
    tdl_interactions all;
    double size_power;
    double counts[ITEMS][ITEMS], row_sum[ITEMS];
    double score[ITEMS]; /* of user 0 */
    size_t events_n;
    double term[6][ITEMS]; /* what each event of user 0, oldest first, adds to score */
} reference;

static const size_t plain_offsets[] = {0, 5, 8, 12, 14};
static const int32_t plain_item[] = {0, 1, 2, 3, 1, 1, 2, 4, 0, 3, 2, 5, 2, 1};
static const int64_t plain_time_us[] = {0, 1, 2, 3, 4, 0, 1, 2, 0, 1, 2, 3, 0, 1};
static const reference plain = {
    {USERS, ITEMS, plain_offsets, plain_item, plain_time_us},
    0.0,
    {{0.0, 1.0, 1.6, 1.64, 0.0, 0.64},
     {0.3, 0.832, 2.54, 1.1, 0.8, 0.0},
     {0.48, 2.4, 0.0, 1.3, 1.0, 1.0},
     {0.492, 1.24, 1.3, 0.0, 0.0, 0.8},
     {0.0, 0.24, 0.3, 0.0, 0.0, 0.0},
     {0.192, 0.0, 0.3, 0.24, 0.0, 0.0}},
    {4.88, 5.572, 6.18, 3.832, 0.54, 0.732},
    {0.0981422344581, 0.333460457009, 0.464582542976, 0.236568441298, 0.145455203843,
     0.122787098297},
    5,
    {{0.0, 0.0243016194332, 0.0388825910931, 0.0398546558704, 0.0, 0.0155530364372},
     {0.00973325766175, 0.0269935679152, 0.0824082482028, 0.0356886114264, 0.0259553537647, 0.0},
     {0.0210375670841, 0.10518783542, 0.0, 0.056976744186, 0.0438282647585, 0.0438282647585},
     {0.0389945652174, 0.0982789855072, 0.10303442029, 0.0, 0.0, 0.0634057971014},
     {0.0283768444949, 0.0786984487325, 0.24025728339, 0.104048429815, 0.0756715853197, 0.0}},
};

static const size_t tie_groups_offsets[] = {0, 6, 9, 10, 15};
static const int32_t tie_groups_item[] = {0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 0, 2, 5, 1, 1};
static const int64_t tie_groups_time_us[] = {0, 0, 1, 2, 2, 2, 0, 1, 1, 0, 0, 0, 0, 1, 2};
static const reference tie_groups = {
    {USERS, ITEMS, tie_groups_offsets, tie_groups_item, tie_groups_time_us},
    1.0,
    {{0.0, 1.25, 0.825, 0.133333333333, 0.133333333333, 0.458333333333},
     {0.83, 1.3, 1.18, 0.633333333333, 0.133333333333, 0.313333333333},
     {0.475, 0.9, 0.0, 0.983333333333, 0.333333333333, 0.658333333333},
     {0.04, 0.19, 0.75, 0.0, 0.325, 0.325},
     {0.04, 0.04, 0.1, 0.325, 0.0, 0.325},
     {0.365, 0.64, 0.425, 0.325, 0.325, 0.0}},
    {2.8, 4.39, 3.35, 1.63, 0.83, 2.08},
    {0.147580311645, 0.347727029071, 0.303706147107, 0.225510636844, 0.138201499276,
     0.205098832021},
    6,
    {{0.0, 0.0785256410256, 0.0518269230769, 0.00837606837607, 0.00837606837607, 0.0287927350427},
     {0.0433120340788, 0.0678381256656, 0.0615761448349, 0.033049343273, 0.00695775647852,
      0.0163507277245},
     {0.0398203592814, 0.0754491017964, 0.0, 0.0824351297405, 0.0279441117764, 0.0551896207585},
     {0.00603318250377, 0.0286576168929, 0.113122171946, 0.0, 0.0490196078431, 0.0490196078431},
     {0.00686106346484, 0.00686106346484, 0.0171526586621, 0.0557461406518, 0.0, 0.0557461406518},
     {0.0515536723164, 0.090395480226, 0.0600282485876, 0.0459039548023, 0.0459039548023, 0.0}},
};

static const reference *const references[] = {&plain, &tie_groups};

static tdl_directed_params params_of(const reference *r)
{
    tdl_directed_params params = tdl_directed_defaults;

    params.window = 3; /* as the reference has it; everything else is the default */
    params.size_power = r->size_power;
    return params;
}

static tdl_sparse fit(const reference *r, const tdl_directed_params *params)
{
    tdl_fit_data data = {&r->all, r->all.offsets + 1};
    tdl_fit_options options = {0};
    tdl_sparse matrix = {0};
    tdl_report why = {0};

    expect_ok(tdl_directed_fit(params, &data, &options, &matrix, &why), &why);
    return matrix;
}

static void counts_over_row_sums_are_those_of_the_reference(void **state)
{
    TDL_UNUSED(state);
    for (size_t k = 0; k < COUNT(references); k++) {
        const reference *r = references[k];
        tdl_directed_params params = params_of(r);
        tdl_sparse matrix = fit(r, &params);
        for (int32_t i = 0; i < ITEMS; i++)
            for (int32_t j = 0; j < ITEMS; j++)
                expect_near((double)tdl_sparse_at(&matrix, i, j),
                            r->counts[i][j] / (r->row_sum[i] + 5), 1e-7);
        tdl_sparse_release(&matrix);
    }
}

static void scores_and_their_terms_are_those_of_the_reference(void **state)
{
    TDL_UNUSED(state);
    for (size_t k = 0; k < COUNT(references); k++) {
        const reference *r = references[k];
        tdl_directed_params params = params_of(r);
        tdl_history user0 = {r->all.item, r->all.time_us, r->events_n};
        tdl_arena *scratch = tdl_arena_new(1 << 16);
        tdl_sparse matrix = fit(r, &params);
        size_t from = 0;
        const double *weight = tdl_directed_weights(&params, &user0, scratch, &from);
        for (int32_t j = 0; j < ITEMS; j++) {
            double sum = 0;
            for (size_t i = from; i < user0.n; i++) {
                double term = weight[i] * (double)tdl_sparse_at(&matrix, user0.item[i], j);
                expect_near(term, r->term[i][j], 1e-7);
                sum += term;
            }
            expect_near(sum, r->score[j], 1e-6);
        }
        tdl_sparse_release(&matrix);
        tdl_arena_free(scratch);
    }
}

/* Row 1 of the plain reference, its largest two: 2.54 to item 2 and 1.1 to item 3, over the sum of
 * the whole row. */
static void a_cut_row_keeps_the_sum_of_all(void **state)
{
    tdl_directed_params params = params_of(&plain);

    TDL_UNUSED(state);
    params.row_max = 2;
    tdl_sparse matrix = fit(&plain, &params);
    assert_int_equal(matrix.offsets[2] - matrix.offsets[1], 2);
    expect_near((double)tdl_sparse_at(&matrix, 1, 2), 2.54 / (5.572 + 5), 1e-7);
    expect_near((double)tdl_sparse_at(&matrix, 1, 3), 1.1 / (5.572 + 5), 1e-7);
    tdl_sparse_release(&matrix);
}

/* The order in which events of one time arrive is not information. */
static void the_order_inside_a_tie_group_changes_nothing(void **state)
{
    static const int32_t shuffled[] = {1, 0, 2, 5, 3, 4, 1, 3, 2, 4, 5, 2, 0, 1, 1};
    const tdl_interactions other = {USERS, ITEMS, tie_groups_offsets, shuffled, tie_groups_time_us};
    void *a = fit_all(&tdl_rung_directed, &tie_groups.all),
         *b = fit_all(&tdl_rung_directed, &other);
    tdl_history first = {tie_groups_item, tie_groups_time_us, 6};
    tdl_history second = {shuffled, tie_groups_time_us, 6};
    tdl_arena *scratch = tdl_arena_new(1 << 16);
    float left[ITEMS], right[ITEMS];

    TDL_UNUSED(state);
    tdl_rung_directed.score(a, &first, scratch, left);
    tdl_rung_directed.score(b, &second, scratch, right);
    for (size_t j = 0; j < ITEMS; j++)
        expect_near((double)left[j], (double)right[j], 1e-6);
    tdl_rung_directed.free(a);
    tdl_rung_directed.free(b);
    tdl_arena_free(scratch);
}

static void reasons_share_out_the_whole_score(void **state)
{
    void *model = fit_all(&tdl_rung_directed, &plain.all);
    tdl_reason reasons[8];
    double sum = 0;

    TDL_UNUSED(state);
    size_t n = explain(&tdl_rung_directed, model, plain_item, 5, 2, reasons, 8);
    assert_true(n >= 2);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(reasons[i].kind, TDL_REASON_EVENT);
        assert_true(reasons[i].exact);
        assert_true(i == 0 || reasons[i].share <= reasons[i - 1].share);
        sum += reasons[i].share;
    }
    expect_near(sum, 1, 1e-9);
    tdl_rung_directed.free(model);
}

/* Only the last ten groups count: an eleventh before them weighs nothing, whatever its size. */
static void groups_before_the_last_ten_weigh_nothing(void **state)
{
    int32_t item[12];
    int64_t time_us[12];
    tdl_arena *scratch = tdl_arena_new(1 << 16);
    size_t from = 99;

    TDL_UNUSED(state);
    for (int i = 0; i < 12; i++) {
        item[i] = i;
        time_us[i] = i < 2 ? 0 : i; /* two of time 0, then ten of their own */
    }
    const double *weight = tdl_directed_weights(&tdl_directed_defaults,
                                                &(tdl_history){item, time_us, 12}, scratch, &from);
    assert_int_equal(from, 2);
    expect_near(weight[11], 1, 1e-12);
    expect_near(weight[2], pow(.7, 9), 1e-12);
    tdl_arena_free(scratch);
}

/* A bulk import without times must not cost the square of its size, nor say anything. */
static void a_group_of_thousands_adds_nothing(void **state)
{
    enum { N = 30000 };
    int32_t *item = malloc(N * sizeof *item);
    int64_t *time_us = calloc(N, sizeof *time_us);
    float *scores = malloc(N * sizeof *scores);
    const size_t offsets[] = {0, N};
    const tdl_interactions one = {1, N, offsets, item, time_us};

    TDL_UNUSED(state);
    for (int32_t i = 0; i < N; i++)
        item[i] = i;
    void *model = fit_all(&tdl_rung_directed, &one);
    score(&tdl_rung_directed, model, item, 3, scores);
    for (size_t i = 0; i < N; i++)
        assert_true(scores[i] == 0);
    tdl_rung_directed.free(model);
    free(item);
    free(time_us);
    free(scores);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_over_row_sums_are_those_of_the_reference),
        cmocka_unit_test(scores_and_their_terms_are_those_of_the_reference),
        cmocka_unit_test(a_cut_row_keeps_the_sum_of_all),
        cmocka_unit_test(the_order_inside_a_tie_group_changes_nothing),
        cmocka_unit_test(reasons_share_out_the_whole_score),
        cmocka_unit_test(groups_before_the_last_ten_weigh_nothing),
        cmocka_unit_test(a_group_of_thousands_adds_nothing),
    };
    return cmocka_run_group_tests_name("recommend/directed", tests, NULL, NULL);
}

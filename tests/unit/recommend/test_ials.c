/* iALS++. Expected values: r3_ials.json of the project's references, double precision; vectors are
 * kept in f32 here. */
#include "reference.h"

#include "apps/recommend/ials.h"

enum { USERS = 6, ITEMS = 5, D = 4 };

/* The pairs of r3_ials.json. */
static const size_t offsets[] = {0, 3, 5, 8, 11, 14, 16};
static const int32_t item[] = {0, 1, 4, 1, 2, 0, 2, 3, 1, 3, 4, 0, 1, 2, 2, 3};
static const int64_t time_us[16] = {0};
static const tdl_interactions six = {USERS, ITEMS, offsets, item, time_us};
static const tdl_fit_data all_six = {&six, offsets + 1};

static void fill(float *vector, const json_t *rows, size_t n)
{
    assert_int_equal(json_array_size(rows), n);
    for (size_t r = 0; r < n; r++)
        for (size_t k = 0; k < D; k++)
            vector[r * D + k] = (float)number_at(json_array_get(rows, r), k);
}

/* Where the reference begins. */
static tdl_ials_fit *begin(const json_t *reference, size_t block)
{
    tdl_ials_params params = {.d = D,
                              .block = block,
                              .lambda = number_of(reference, "lam"),
                              .a0 = number_of(reference, "a0")};
    tdl_ials_fit *fit = NULL;
    tdl_report why = {0};

    expect_ok(tdl_ials_begin(&params, &all_six, NULL, &fit, &why), &why);
    fill(tdl_ials_users(fit), json_object_get(reference, "W0"), USERS);
    fill(tdl_ials_items(fit), json_object_get(reference, "H0"), ITEMS);
    return fit;
}

static void expect_loss(tdl_ials_fit *fit, double expected)
{
    tdl_report why = {0};
    double loss;

    expect_ok(tdl_ials_loss(fit, &loss, &why), &why);
    expect_near(loss, expected, 2e-6 * expected);
}

static void one_pass_over_users_is_the_references(void **state)
{
    static const struct {
        size_t block;
        const char *rows, *loss;
    } cases[] = {{D, "W_exact_pass", "loss_after_user_pass_exact"},
                 {2, "W_block2_pass", "loss_after_user_pass_block2"}};
    json_t *reference = read_reference("r3_ials.json");
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (size_t c = 0; c < COUNT(cases); c++) {
        tdl_ials_fit *fit = begin(reference, cases[c].block);
        expect_loss(fit, number_of(reference, "loss0"));
        expect_ok(tdl_ials_pass_users(fit, &why), &why);
        expect_matrix(tdl_ials_users(fit), json_object_get(reference, cases[c].rows), D, 1e-6);
        expect_loss(fit, number_of(reference, cases[c].loss));
        tdl_ials_end(fit);
    }
    json_decref(reference);
}

static void the_loss_falls_as_the_references(void **state)
{
    json_t *reference = read_reference("r3_ials.json");
    const json_t *trace = json_object_get(reference, "loss_trace_block2_user_then_item");
    tdl_ials_fit *fit = begin(reference, 2);
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(json_array_size(trace), 9);
    for (size_t round = 1; round < json_array_size(trace); round++) {
        expect_ok(tdl_ials_pass_users(fit, &why), &why);
        expect_ok(tdl_ials_pass_items(fit, &why), &why);
        expect_loss(fit, number_at(trace, round));
    }
    tdl_ials_end(fit);
    json_decref(reference);
}

/* The side that a stranger is folded into. */
typedef struct held {
    tdl_ials_side side;
    double gram[D * D];
    double room[4096];
} held;

static void hold(held *h, const float *items, double lambda, double a0)
{
    tdl_report why = {0};

    expect_ok(tdl_ials_gram(items, ITEMS, D, NULL, h->gram, &why), &why);
    h->side = (tdl_ials_side){.params = {.d = D, .block = D, .lambda = lambda, .a0 = a0},
                              .n = ITEMS,
                              .vector = items,
                              .gram = h->gram};
    assert_true(tdl_ials_room(&h->side, ITEMS) <= COUNT(h->room));
}

/* The reference folds in where it begins. */
static void a_stranger_is_folded_in_and_his_score_explained(void **state)
{
    json_t *reference = read_reference("r3_ials.json");
    const json_t *expected = json_object_get(reference, "fold_in");
    const json_t *terms = json_object_get(expected, "contribution_by_history_item");
    const int32_t had[] = {0, 3}, all[] = {0, 1, 2, 3, 4};
    tdl_ials_fit *fit = begin(reference, 2);
    tdl_report why = {0};
    held h;
    double w[D], found[ITEMS * 2];

    TDL_UNUSED(state);
    const float *items = tdl_ials_items(fit);
    hold(&h, items, number_of(reference, "lam"), number_of(reference, "a0"));
    expect_ok(tdl_ials_fold_in(&h.side, had, 2, w, h.room, &why), &why);
    expect_ok(tdl_ials_terms(&h.side, had, 2, all, ITEMS, found, h.room, &why), &why);
    for (size_t k = 0; k < D; k++)
        expect_near(w[k], number_at(json_object_get(expected, "w"), k), 2e-6);
    for (size_t j = 0; j < ITEMS; j++) {
        double score = 0;
        for (size_t k = 0; k < D; k++)
            score += w[k] * (double)items[j * D + k];
        expect_near(score, number_at(json_object_get(expected, "scores"), j), 2e-6);
        expect_near(found[j * 2], number_at(json_array_get(terms, j), 0), 2e-6);
        expect_near(found[j * 2 + 1], number_at(json_array_get(terms, j), 1), 2e-6);
        expect_near(found[j * 2] + found[j * 2 + 1], score, 1e-9 * fabs(score));
    }
    tdl_ials_end(fit);
    json_decref(reference);
}

/* By construction: one exact pass and a fold-in are the same equations. */
static void folding_in_a_known_user_is_one_more_pass(void **state)
{
    json_t *reference = read_reference("r3_ials.json");
    tdl_ials_fit *fit = begin(reference, D);
    tdl_report why = {0};
    held h;
    double w[D];

    TDL_UNUSED(state);
    for (int round = 0; round < 3; round++) {
        expect_ok(tdl_ials_pass_items(fit, &why), &why);
        expect_ok(tdl_ials_pass_users(fit, &why), &why);
    }
    hold(&h, tdl_ials_items(fit), number_of(reference, "lam"), number_of(reference, "a0"));
    for (size_t u = 0; u < USERS; u++) {
        tdl_history history = tdl_fit_history(&all_six, u);
        expect_ok(tdl_ials_fold_in(&h.side, history.item, history.n, w, h.room, &why), &why);
        for (size_t k = 0; k < D; k++)
            expect_near(w[k], (double)tdl_ials_users(fit)[u * D + k], 1e-6);
    }
    tdl_ials_end(fit);
    json_decref(reference);
}

/* 300 members, more than are read at a time, and 300 people, some with nothing. */
static void threads_do_not_change_a_bit(void **state)
{
    enum { PEOPLE = 300, MANY = 400, WIDE = 20 };
    static size_t bounds[PEOPLE + 1];
    static int32_t had[PEOPLE * PEOPLE];
    static int64_t times[PEOPLE * PEOPLE];
    const tdl_interactions crowd = {PEOPLE, MANY, bounds, had, times};
    tdl_ials_params params = {.d = WIDE, .block = 12, .lambda = .01, .a0 = .3, .seed = 7};
    tdl_pool *pools[] = {NULL, tdl_pool_new(3)};
    tdl_ials_fit *fit[2];
    tdl_report why = {0};
    double before, after;

    TDL_UNUSED(state);
    for (size_t u = 0; u < PEOPLE; u++) {
        bounds[u + 1] = bounds[u];
        for (size_t i = 0; i < (u == 5 ? PEOPLE : u % 9); i++)
            had[bounds[u + 1]++] = (int32_t)((u * 31 + i) % MANY);
    }
    for (size_t p = 0; p < 2; p++) {
        expect_ok(
            tdl_ials_begin(&params, &(tdl_fit_data){&crowd, bounds + 1}, pools[p], &fit[p], &why),
            &why);
        expect_ok(tdl_ials_loss(fit[p], &before, &why), &why);
        expect_ok(tdl_ials_pass_users(fit[p], &why), &why);
        expect_ok(tdl_ials_pass_items(fit[p], &why), &why);
        expect_ok(tdl_ials_loss(fit[p], &after, &why), &why);
        assert_true(after < before);
    }
    assert_memory_equal(tdl_ials_users(fit[0]), tdl_ials_users(fit[1]),
                        sizeof(float) * PEOPLE * WIDE);
    assert_memory_equal(tdl_ials_items(fit[0]), tdl_ials_items(fit[1]),
                        sizeof(float) * MANY * WIDE);
    tdl_ials_end(fit[0]);
    tdl_ials_end(fit[1]);
    tdl_pool_free(pools[1]);
}

static void settings_without_sense_are_refused(void **state)
{
    const tdl_ials_params bad[] = {{.d = 0, .block = 0, .lambda = 1},
                                   {.d = 4, .block = 5, .lambda = 1},
                                   {.d = TDL_IALS_D_MAX + 1, .block = 1, .lambda = 1},
                                   {.d = 4, .block = 4, .lambda = 0},
                                   {.d = 4, .block = 4, .lambda = 1, .a0 = -1},
                                   {.d = 4, .block = 4, .lambda = 1, .a0 = (double)NAN}};
    tdl_ials_fit *fit = NULL;
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(tdl_ials_begin(&bad[i], &all_six, NULL, &fit, &why), TDL_E_INVALID);
    assert_null(fit);
}

static void the_rung_explains_and_is_loaded_as_it_was_saved(void **state)
{
    void *model = fit_all(&tdl_rung_ials, &six), *loaded = reload(&tdl_rung_ials, model, ITEMS);
    const int32_t asked[] = {0, 1};
    float before[ITEMS], after[ITEMS];
    tdl_reason reasons[4];

    TDL_UNUSED(state);
    score(&tdl_rung_ials, model, asked, 2, before);
    score(&tdl_rung_ials, loaded, asked, 2, after);
    assert_memory_equal(before, after, sizeof before);
    assert_true(before[4] > before[3]); /* two had 4 with 0 or 1; one had 3 with either */
    size_t n = explain(&tdl_rung_ials, loaded, asked, 2, 4, reasons, 4);
    assert_true(n >= 1 && reasons[0].exact && reasons[0].at < 2);
    assert_int_equal(explain(&tdl_rung_ials, loaded, asked, 0, 4, reasons, 4), 0);
    score(&tdl_rung_ials, loaded, asked, 0, after);
    for (size_t i = 0; i < ITEMS; i++)
        assert_true(after[i] == 0);
    tdl_rung_ials.free(model);
    tdl_rung_ials.free(loaded);
}

static void refuse_file(double lambda, double a0, const float *vector, size_t rows,
                        const char *expected)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_st_file *file = NULL;
    tdl_buf bytes = {.limit = 1 << 20};
    tdl_report why = {0};
    void *model = NULL;

    tdl_st_add_1d(writer, "ials/settings", TDL_F64, 2, (double[]){lambda, a0});
    tdl_st_add(writer, "ials/item", TDL_F32, 2, (size_t[]){rows, 2}, vector);
    expect_ok(tdl_st_encode(writer, &bytes, &why), &why);
    expect_ok(tdl_st_parse(tdl_buf_view(&bytes), &file, &why), &why);
    assert_int_equal(tdl_rung_ials.load(file, 2, &model, &why), TDL_E_CORRUPT);
    if (!strstr(why.message, expected))
        fail_msg("\"%s\" does not say \"%s\"", why.message, expected);
    assert_null(model);
    tdl_st_free(file);
    tdl_st_writer_free(writer);
    tdl_buf_release(&bytes);
}

static void damaged_files_are_refused(void **state)
{
    const float good[] = {1, 2, 3, 4}, bad[] = {1, 2, (float)NAN, 4};

    TDL_UNUSED(state);
    refuse_file(0, .3, good, 2, "ials/settings");
    refuse_file(.01, (double)INFINITY, good, 2, "ials/settings");
    refuse_file(.01, .3, good, 1, "ials/item is [1][2]");
    refuse_file(.01, .3, bad, 2, "row 1, column 0 is not finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_pass_over_users_is_the_references),
        cmocka_unit_test(the_loss_falls_as_the_references),
        cmocka_unit_test(a_stranger_is_folded_in_and_his_score_explained),
        cmocka_unit_test(folding_in_a_known_user_is_one_more_pass),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(settings_without_sense_are_refused),
        cmocka_unit_test(the_rung_explains_and_is_loaded_as_it_was_saved),
        cmocka_unit_test(damaged_files_are_refused),
    };
    return cmocka_run_group_tests_name("recommend/ials", tests, NULL, NULL);
}

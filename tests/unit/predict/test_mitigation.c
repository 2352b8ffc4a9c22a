/* Thresholds by group. Rates after them are counted here by hand from the model's own outputs. Of
 * HMDA and German credit the bars of trust.md 5, where TREADLE_TEST_DATA has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "apps/predict/card.h"
#include "apps/predict/registry.h"
#include "loans.h"
#include "store/audit.h"

static const char path[] = "predict-mitigation-test.safetensors";

static tdl_predict_options wish(const char *equal)
{
    tdl_predict_options options = loans_options("logistic");

    options.equal = equal;
    options.equal_by = "group";
    options.reason = "the regulator asked for it: file 7";
    return options;
}

static double figure(const tdl_predictor *p, const char *when, const char *name)
{
    double value = NAN;

    tdl_json_get_number(json_object_get(json_object_get(p->card, "mitigation"), when), name,
                        &value);
    return value;
}

/* Share of decisions for "good" among rows of one group, of all or of those that were repaid. */
static double rate(const tdl_predictor *p, const tdl_frame *frame, const char *group, bool repaid)
{
    const tdl_column *of = &frame->column[loans_column(frame, "group")],
                     *truth = &frame->column[loans_column(frame, "repaid")];
    double *output = malloc(frame->rows * sizeof *output), n = 0, chosen = 0;
    size_t *class = malloc(frame->rows * sizeof *class);

    assert_int_equal(tdl_predictor_predict(p, frame, NULL, output, NULL, NULL), TDL_OK);
    tdl_predictor_classes(p, frame, output, class);
    for (size_t r = 0; r < frame->rows; r++) {
        bool good = tdl_str_is(truth->levels[truth->level[r]], "good");

        if (!tdl_str_is(of->levels[of->level[r]], group) || (repaid && !good))
            continue;
        n++;
        chosen += (double)class[r];
        assert_int_equal(class[r], tdl_predictor_class_of(p, frame, r, output + r));
    }
    free(output);
    free(class);
    return chosen / n;
}

/* ---- what they do ---- */

static void groups_come_to_be_chosen_at_one_rate(void **state)
{
    tdl_frame frame;
    tdl_predict_options options = wish("selection"), plain = loans_options("logistic");

    TDL_UNUSED(state);
    loans_make(2000, 2, &frame);
    tdl_predictor *before = loans_fit(&frame, &plain), *after = loans_fit(&frame, &options);
    double gap = fabs(rate(before, &frame, "a", false) - rate(before, &frame, "b", false));

    assert_true(gap > 0.15);
    assert_true(fabs(rate(after, &frame, "a", false) - rate(after, &frame, "b", false)) < 0.04);
    assert_true(figure(after, "before", "demographic_parity_difference") > 0.15);
    assert_true(figure(after, "after", "demographic_parity_difference") < 0.05);
    assert_true(figure(after, "after", "accuracy") <= figure(after, "before", "accuracy") + 0.01);
    assert_true(fabs(figure(after, "after", "selection") - figure(after, "before", "selection")) <
                0.02); // as many as one threshold chooses
    tdl_predictor_free(before);
    tdl_predictor_free(after);
    tdl_frame_release(&frame);
}

static void of_those_who_repaid_groups_come_to_be_found_at_one_rate(void **state)
{
    tdl_frame frame;
    tdl_predict_options options = wish("tpr");

    TDL_UNUSED(state);
    loans_make(2000, 2, &frame);
    tdl_predictor *p = loans_fit(&frame, &options);
    assert_true(fabs(rate(p, &frame, "a", true) - rate(p, &frame, "b", true)) < 0.05);
    assert_true(figure(p, "after", "equal_opportunity_difference") <
                figure(p, "before", "equal_opportunity_difference"));
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

static void a_group_that_training_had_not_has_the_threshold_of_everybody(void **state)
{
    tdl_frame frame, some;
    tdl_predict_options options = wish("selection");

    TDL_UNUSED(state);
    loans_make(600, 3, &frame);
    tdl_predictor *p = loans_fit(&frame, &options);
    json_t *rows = json_pack("[{s:s}, {s:n}, {s:s}, {s:s}]", "group", "c", "group", "group", "a",
                             "group", "b");
    assert_int_equal(tdl_frame_of_json(p->schema, rows, &some, NULL, NULL, NULL, NULL), TDL_OK);
    assert_true(tdl_predictor_threshold(p, &some, 0) == p->threshold);
    assert_true(tdl_predictor_threshold(p, &some, 1) == p->threshold);
    assert_true(tdl_predictor_threshold(p, &some, 2) > tdl_predictor_threshold(p, &some, 3));
    json_decref(rows);
    tdl_frame_release(&some);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

/* A column that is no feature is still asked for, because it has the groups. */
static void the_group_may_decide_the_threshold_without_being_a_feature(void **state)
{
    tdl_frame frame;
    tdl_predict_options options = wish("selection");

    TDL_UNUSED(state);
    loans_make(2000, 2, &frame);
    options.drop = "group";
    tdl_predictor *p = loans_fit(&frame, &options);
    bool asked = false;
    for (size_t i = 0; i < p->columns_n; i++)
        asked = asked || !strcmp(p->column[i], "group");
    assert_true(asked);
    tdl_frame two;
    const uint32_t row[2] = {0, 0};
    double output[2];
    assert_int_equal(tdl_frame_take(&frame, row, 2, &two, NULL), TDL_OK);
    two.column[loans_column(&two, "group")].level[0] = 0;
    two.column[loans_column(&two, "group")].level[1] = 1;
    assert_int_equal(tdl_predictor_predict(p, &two, NULL, output, NULL, NULL), TDL_OK);
    assert_true(output[0] == output[1]);
    assert_true(tdl_predictor_threshold(p, &two, 0) > tdl_predictor_threshold(p, &two, 1));
    tdl_frame_release(&two);
    assert_true(fabs(rate(p, &frame, "a", false) - rate(p, &frame, "b", false)) < 0.04);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

static void groups_may_be_numbers_and_truths(void **state)
{
    static const char *const by[] = {"savings", "home"};
    tdl_frame frame;

    TDL_UNUSED(state);
    loans_make(1000, 4, &frame);
    for (size_t i = 0; i < 2; i++) {
        tdl_predict_options options = wish("selection");

        options.equal_by = by[i];
        tdl_predictor *p = loans_fit(&frame, &options);
        assert_int_equal(p->adjustment.groups_n, i ? 2 : 5);
        for (size_t r = 0; r < frame.rows; r++)
            assert_non_null(tdl_adjustment_find(&p->adjustment, &frame, r));
        assert_true(figure(p, "after", "demographic_parity_difference") <
                    figure(p, "before", "demographic_parity_difference"));
        tdl_predictor_free(p);
    }
    tdl_frame_release(&frame);
}

/* ---- told and kept ---- */

static void the_reason_stands_in_the_file_the_card_and_the_explanation(void **state)
{
    tdl_frame frame;
    tdl_predict_options options = wish("selection");
    tdl_predictor *read = NULL;
    tdl_buf text = {0};
    tdl_jw out = {.out = &text};
    double *output, *again;

    TDL_UNUSED(state);
    loans_make(600, 3, &frame);
    tdl_predictor *p = loans_fit(&frame, &options);
    assert_int_equal(tdl_predictor_save(p, path, NULL), TDL_OK);
    assert_int_equal(tdl_predictor_load(path, &read, NULL), TDL_OK);
    unlink(path);
    output = malloc(frame.rows * sizeof *output);
    again = malloc(frame.rows * sizeof *again);
    assert_int_equal(tdl_predictor_predict(p, &frame, NULL, output, NULL, NULL), TDL_OK);
    assert_int_equal(tdl_predictor_predict(read, &frame, NULL, again, NULL, NULL), TDL_OK);
    for (size_t r = 0; r < frame.rows; r++) {
        assert_true(output[r] == again[r]);
        assert_true(tdl_predictor_threshold(p, &frame, r) ==
                    tdl_predictor_threshold(read, &frame, r));
    }
    assert_string_equal(read->adjustment.reason, options.reason);
    tdl_card_markdown(read->card, "en", NULL, &text);
    assert_non_null(strstr(text.at, options.reason));
    tdl_buf_clear(&text);
    tdl_card_markdown(read->card, "zh", NULL, &text);
    assert_non_null(strstr(text.at, "分组阈值"));
    tdl_buf_clear(&text);
    tdl_jw_object(&out);
    tdl_predictor_write_adjustment(read, &frame, 0, output, &out);
    tdl_jw_end_object(&out);
    assert_non_null(strstr(text.at, "\"adjustment\":{\"column\":\"group\""));
    assert_non_null(strstr(text.at, options.reason));
    free(output);
    free(again);
    tdl_buf_release(&text);
    tdl_predictor_free(p);
    tdl_predictor_free(read);
    tdl_frame_release(&frame);
}

static int remove_one(const char *name, const struct stat *info, int kind, struct FTW *at)
{
    TDL_UNUSED(info);
    TDL_UNUSED(kind);
    TDL_UNUSED(at);
    return remove(name);
}

static void a_model_that_is_published_leaves_its_reason_in_the_audit_log(void **state)
{
    char folder[] = "predict-mitigation-XXXXXX", url[64], version[80];
    tdl_frame frame;
    tdl_predict_options options = wish("selection");
    tdl_arena *arena = tdl_arena_new((size_t)1 << 20);
    tdl_store *store = NULL;
    tdl_predictor *again = NULL;
    tdl_model_row model;
    tdl_audit_row *row;
    size_t n;

    TDL_UNUSED(state);
    loans_make(400, 3, &frame);
    tdl_predictor *p = loans_fit(&frame, &options);
    assert_non_null(mkdtemp(folder));
    snprintf(url, sizeof url, "sqlite:%s/treadle.db", folder);
    assert_int_equal(tdl_store_open(url, NULL, &store, NULL), TDL_OK);
    assert_int_equal(tdl_predict_publish(store, folder, p, true, version, NULL), TDL_OK);
    assert_int_equal(tdl_store_audit_rows(store, 0, 9, arena, &row, &n, NULL), TDL_OK);
    assert_int_equal(n, 2); // newest first: the model itself, and before it who answers for it
    const char *record = tdl_arena_printf(arena, "%.*s", TDL_FMT(row[1].record)).at;
    assert_non_null(strstr(record, "\"action\":\"model.adjust\""));
    assert_non_null(strstr(record, options.reason));
    assert_non_null(strstr(record, version));
    assert_int_equal(tdl_predict_active(store, TDL_STR("loans"), arena, &model, NULL), TDL_OK);
    assert_int_equal(tdl_predict_load_row(store, folder, &model, &again, NULL), TDL_OK);
    assert_int_equal(again->adjustment.groups_n, 2);
    tdl_predictor_free(again);
    tdl_predictor_free(p);
    tdl_store_close(store);
    tdl_arena_free(arena);
    tdl_frame_release(&frame);
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void the_same_rows_give_the_same_thresholds(void **state)
{
    tdl_frame frame;
    tdl_predict_options options = wish("tpr");

    TDL_UNUSED(state);
    loans_make(600, 3, &frame);
    tdl_predictor *one = loans_fit(&frame, &options);
    options.pool = tdl_pool_new(3);
    tdl_predictor *two = loans_fit(&frame, &options);
    json_t *a = tdl_adjustment_save(&one->adjustment), *b = tdl_adjustment_save(&two->adjustment);
    assert_true(json_equal(a, b));
    json_decref(a);
    json_decref(b);
    tdl_pool_free(options.pool);
    tdl_predictor_free(one);
    tdl_predictor_free(two);
    tdl_frame_release(&frame);
}

/* ---- refused ---- */

static void what_cannot_be_or_has_no_reason_is_refused(void **state)
{
    tdl_frame frame;
    const struct {
        const char *equal, *by, *reason, *target, *task, *named;
    } bad[] = {
        {"luck", "group", "why not", "repaid", NULL, "luck"},
        {"selection", NULL, "why not", "repaid", NULL, "which groups"},
        {"selection", "sex", "why not", "repaid", NULL, "sex"},
        {"selection", "group", NULL, "repaid", NULL, "unlawful"},
        {"selection", "group", "  ", "repaid", NULL, "unlawful"},
        {"selection", "repaid", "why not", "repaid", NULL, "repaid"},
        {"selection", "income", "why not", "repaid", NULL, "income"},
        {"selection", "group", "why not", "income", "regression", "regression"},
    };

    TDL_UNUSED(state);
    loans_make(200, 5, &frame);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tdl_predict_options options = wish(bad[i].equal);
        tdl_predictor *p = NULL;
        tdl_report why = {0};

        options.equal_by = bad[i].by;
        options.reason = bad[i].reason;
        if (bad[i].task) {
            options.target =
                (tdl_target_wish){.column = tdl_str_of(bad[i].target), .task = bad[i].task};
            options.models = "linear";
        }
        assert_int_equal(tdl_predict_fit(&frame, &options, &p, &why), TDL_E_INVALID);
        if (!strstr(why.message, bad[i].named))
            fail_msg("\"%s\" does not name %s", why.message, bad[i].named);
        assert_null(p);
    }
    tdl_frame_release(&frame);
}

static void an_adjustment_that_lies_is_refused(void **state)
{
    static const char *const lies[] = {
        "null",
        "{}",
        "{\"equal\":\"luck\",\"column\":\"a\",\"reason\":\"r\",\"groups\":[]}",
        "{\"equal\":\"tpr\",\"column\":\"\",\"reason\":\"r\",\"groups\":[]}",
        "{\"equal\":\"tpr\",\"column\":\"a\",\"reason\":\"\",\"groups\":[]}",
        "{\"equal\":\"tpr\",\"column\":\"a\",\"reason\":\"r\",\"groups\":[]}",
        "{\"equal\":\"tpr\",\"column\":\"a\",\"reason\":\"r\",\"groups\":[{\"group\":\"x\","
        "\"threshold\":0.5}]}",
        "{\"equal\":\"tpr\",\"column\":\"a\",\"reason\":\"r\",\"groups\":[{\"group\":\"x\","
        "\"threshold\":0.5},{\"group\":\"x\",\"threshold\":0.6}]}",
        "{\"equal\":\"tpr\",\"column\":\"a\",\"reason\":\"r\",\"groups\":[{\"group\":\"x\","
        "\"threshold\":0.5,\"number\":1},{\"group\":\"y\",\"threshold\":0.6,\"number\":1}]}",
        "{\"equal\":\"tpr\",\"column\":\"a\",\"reason\":\"r\",\"groups\":[{\"group\":\"x\","
        "\"threshold\":-1},{\"group\":\"y\",\"threshold\":0.6}]}",
        "{\"equal\":\"tpr\",\"column\":\"a\",\"reason\":\"r\",\"groups\":[{\"group\":\"x\","
        "\"threshold\":1e300},{\"group\":\"y\",\"threshold\":0.6}]}",
        "{\"equal\":\"tpr\",\"column\":\"a\",\"reason\":\"r\",\"groups\":[{\"group\":5,"
        "\"threshold\":0.5},{\"group\":\"y\",\"threshold\":0.6}]}",
        "{\"equal\":\"tpr\",\"column\":\"a\",\"reason\":\"r\",\"groups\":\"xy\"}",
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        json_t *lie = NULL;
        tdl_adjustment a = {0};
        tdl_report why = {0};

        assert_int_equal(tdl_json_parse(tdl_str_of(lies[i]), TDL_JSON_LAST_WINS, &lie, NULL),
                         TDL_OK);
        assert_int_equal(tdl_adjustment_load(lie, &a, &why), TDL_E_CORRUPT);
        assert_non_null(strstr(why.message, "adjustment"));
        assert_null(a.group);
        json_decref(lie);
    }
}

/* ---- cleaning: the two options that change which rows and numbers are learnt from ---- */

static void of_equal_rows_only_the_first_is_learnt_from(void **state)
{
    tdl_frame frame, twice;
    uint32_t row[400];
    tdl_predict_options options = loans_options("logistic");

    TDL_UNUSED(state);
    loans_make(200, 6, &frame);
    for (uint32_t i = 0; i < 400; i++)
        row[i] = i % 200;
    assert_int_equal(tdl_frame_take(&frame, row, 400, &twice, NULL), TDL_OK);
    tdl_predictor *once = loans_fit(&frame, &options);
    options.drop_duplicates = true;
    tdl_predictor *dropped = loans_fit(&twice, &options);
    double a[400], b[400];
    assert_int_equal(tdl_predictor_predict(once, &twice, NULL, a, NULL, NULL), TDL_OK);
    assert_int_equal(tdl_predictor_predict(dropped, &twice, NULL, b, NULL, NULL), TDL_OK);
    assert_memory_equal(a, b, sizeof a);
    tdl_predictor_free(once);
    tdl_predictor_free(dropped);
    tdl_frame_release(&frame);
    tdl_frame_release(&twice);
}

static void winsorised_numbers_are_as_far_out_as_the_quantile_is(void **state)
{
    tdl_frame frame;
    tdl_predict_options options = loans_options("logistic");
    double far[2], out[2];
    uint32_t row[2] = {0, 0};

    TDL_UNUSED(state);
    loans_make(400, 6, &frame);
    options.prepare = "winsor=0.05";
    tdl_predictor *p = loans_fit(&frame, &options);
    tdl_frame two;
    assert_int_equal(tdl_frame_take(&frame, row, 2, &two, NULL), TDL_OK);
    tdl_column *income = &two.column[loans_column(&two, "income")];
    income->number[0] = 50;
    income->number[1] = 5000;
    assert_int_equal(tdl_predictor_predict(p, &two, NULL, far, NULL, NULL), TDL_OK);
    assert_true(far[0] == far[1]);
    income->number[0] = income->number[1] = 3;
    assert_int_equal(tdl_predictor_predict(p, &two, NULL, out, NULL, NULL), TDL_OK);
    assert_true(out[0] < far[0]);
    tdl_predictor_free(p);
    tdl_frame_release(&two);
    options.prepare = "winsor=0.5";
    p = NULL;
    assert_int_equal(tdl_predict_fit(&frame, &options, &p, NULL), TDL_E_INVALID);
    tdl_frame_release(&frame);
}

/* ---- HMDA ---- */

static tdl_predictor *fit_hmda(const tdl_frame *frame, const char *equal)
{
    const tdl_predict_options options = {.name = "hmda",
                                         .source = "HMDA",
                                         .target = {.column = TDL_STR("deny")},
                                         .models = "logistic",
                                         .equal = equal,
                                         .equal_by = "afam",
                                         .reason = "a test"};

    return loans_fit(frame, &options);
}

/* trust.md 5: DPD <= .02 at accuracy >= .870, or EOD <= .04 at >= .878. */
static void on_hmda_equal_rates_cost_no_more_than_the_sheet_says(void **state)
{
    const char *folder = getenv("TREADLE_TEST_DATA");
    char file[1024];
    tdl_frame frame = {0};

    TDL_UNUSED(state);
    snprintf(file, sizeof file, "%s/HMDA.csv", folder ? folder : "");
    if (!folder || tdl_frame_read(file, NULL, &frame, NULL, NULL)) {
        printf("skipped: HMDA.csv is not in TREADLE_TEST_DATA\n");
        return;
    }
    tdl_predictor *p = fit_hmda(&frame, "selection");
    assert_true(figure(p, "after", "demographic_parity_difference") <= 0.02);
    assert_true(figure(p, "after", "accuracy") >= 0.870);
    tdl_predictor_free(p);
    p = fit_hmda(&frame, "tpr");
    assert_true(figure(p, "after", "equalised_odds_difference") <= 0.04);
    assert_true(figure(p, "after", "accuracy") >= 0.878);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_come_to_be_chosen_at_one_rate),
        cmocka_unit_test(of_those_who_repaid_groups_come_to_be_found_at_one_rate),
        cmocka_unit_test(a_group_that_training_had_not_has_the_threshold_of_everybody),
        cmocka_unit_test(the_group_may_decide_the_threshold_without_being_a_feature),
        cmocka_unit_test(groups_may_be_numbers_and_truths),
        cmocka_unit_test(the_reason_stands_in_the_file_the_card_and_the_explanation),
        cmocka_unit_test(a_model_that_is_published_leaves_its_reason_in_the_audit_log),
        cmocka_unit_test(the_same_rows_give_the_same_thresholds),
        cmocka_unit_test(what_cannot_be_or_has_no_reason_is_refused),
        cmocka_unit_test(an_adjustment_that_lies_is_refused),
        cmocka_unit_test(of_equal_rows_only_the_first_is_learnt_from),
        cmocka_unit_test(winsorised_numbers_are_as_far_out_as_the_quantile_is),
        cmocka_unit_test(on_hmda_equal_rates_cost_no_more_than_the_sheet_says),
    };

    return cmocka_run_group_tests_name("predict/mitigation", tests, NULL, NULL);
}

/* The protocols as a whole, on a small shop made here and on MovieLens small (r-cran-dslabs). */
#include "cases.h"

#include "apps/recommend/offline.h"
#include "table/csv.h"

#define DAY INT64_C(86400000000)

/* People buy every ten days: item 10 p + step, so that what comes next is plain to directed counts,
 * and popularity knows nothing. Each person starts somewhere else. */
static tdl_feedback *make_shop(size_t people, size_t steps)
{
    tdl_feedback *f = tdl_feedback_new();
    tdl_report why = {0};
    char user[16], item[16];

    for (size_t p = 0; p < people; p++)
        for (size_t s = 0; s < steps; s++) {
            snprintf(user, sizeof user, "u%zu", p);
            snprintf(item, sizeof item, "i%zu", (p * 7 + s) % 60);
            tdl_feedback_row row = {
                tdl_str_of(user), tdl_str_of(item), {0}, DAY * (int64_t)(1 + 10 * s) + (int64_t)p};
            expect_ok(tdl_feedback_add(f, &row, &why), &why);
        }
    expect_ok(tdl_feedback_finish(f, &why), &why);
    return f;
}

static json_t *run(tdl_feedback *f, const tdl_offline_options *options, double *ret_ndcg10)
{
    tdl_buf out = {0};
    json_t *report = NULL;
    tdl_report why = {0};

    expect_ok(tdl_offline_run(f, options, &out, ret_ndcg10, &why), &why);
    expect_ok(tdl_json_parse(tdl_buf_view(&out), TDL_JSON_REFUSE_DUPLICATES, &report, &why), &why);
    tdl_buf_release(&out);
    return report;
}

static const json_t *task_of(const json_t *report, size_t at)
{
    return json_array_get(json_object_get(report, "tasks"), at);
}

static const json_t *model_of(const json_t *task, const char *name)
{
    size_t i;
    json_t *row;

    json_array_foreach(
        json_object_get(task, "ladder"), i,
        row) if (!strcmp(json_string_value(json_object_get(row, "model")), name)) return row;
    fail_msg("no %s", name);
    return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static void what_is_plain_in_time_is_promoted(void **state)
{
    tdl_feedback *f = make_shop(250, 20);
    tdl_offline_options options = {
        .timed = true, .tasks = 1U << TDL_RECOMMEND_DISCOVERY, .run.seed = 1};
    double ndcg10;
    json_t *report = run(f, &options, &ndcg10);
    const json_t *task = task_of(report, 0);

    TDL_UNUSED(state);
    assert_string_equal(text_of(task, "serves"), "directed");
    assert_string_equal(text_of(model_of(task, "directed"), "verdict"), "better");
    const json_t *served = json_object_get(task, "served");
    assert_string_equal(text_of(served, "model"), "directed");
    assert_true(json_number_value(json_object_get(served, "difference_low")) > 0);
    assert_int_equal(json_array_size(json_object_get(served, "tests")), 2);
    assert_true(ndcg10 > .95);
    assert_true(json_is_true(json_object_get(task, "enough_people")));
    json_decref(report);
    tdl_feedback_free(f);
}

static void too_few_people_are_said_and_nothing_is_promoted(void **state)
{
    tdl_feedback *f = make_shop(23, 20);
    tdl_offline_options options = {
        .timed = true, .tasks = 1U << TDL_RECOMMEND_DISCOVERY, .run.seed = 1};
    double ndcg10;
    json_t *report = run(f, &options, &ndcg10);
    const json_t *task = task_of(report, 0);

    TDL_UNUSED(state);
    assert_int_equal(json_integer_value(json_object_get(task, "people")), 23);
    assert_string_equal(text_of(task, "serves"), "recent-popularity");
    assert_string_equal(text_of(model_of(task, "directed"), "verdict"), "too_few_people");
    json_decref(report);
    tdl_feedback_free(f);
}

/* The people's orders are the same; what came when is not. Counts lose what they knew. */
static void order_that_is_shuffled_away_promotes_nothing_that_needs_it(void **state)
{
    tdl_feedback *f = tdl_feedback_new();
    tdl_rng rng = tdl_rng_make(5, 1);
    tdl_report why = {0};
    char user[16], item[16];
    tdl_offline_options options = {
        .timed = true, .tasks = 1U << TDL_RECOMMEND_DISCOVERY, .run.seed = 1};
    double ndcg10;

    TDL_UNUSED(state);
    for (size_t p = 0; p < 250; p++)
        for (size_t s = 0; s < 20; s++) {
            snprintf(user, sizeof user, "u%zu", p);
            snprintf(item, sizeof item, "i%u", tdl_rng_u32(&rng) % 60);
            tdl_feedback_row row = {
                tdl_str_of(user), tdl_str_of(item), {0}, DAY * (int64_t)(1 + 10 * s) + (int64_t)p};
            expect_ok(tdl_feedback_add(f, &row, &why), &why);
        }
    expect_ok(tdl_feedback_finish(f, &why), &why);
    json_t *report = run(f, &options, &ndcg10);
    assert_string_not_equal(text_of(task_of(report, 0), "serves"), "directed");
    json_decref(report);
    tdl_feedback_free(f);
}

/* But for seconds and bytes of the process, which are not results. */
static char *figures_of(json_t *report)
{
    size_t i, t, k;
    json_t *task, *row, *test;

    json_object_del(report, "peak_bytes");
    json_array_foreach(json_object_get(report, "tasks"), t, task)
        json_array_foreach(json_object_get(task, "ladder"), i, row)
            json_array_foreach(json_object_get(row, "tests"), k, test)
    {
        json_object_del(test, "fit_cpu_s");
        json_object_del(test, "answer_cpu_s");
    }
    char *text = json_dumps(report, JSON_SORT_KEYS);
    json_decref(report);
    return text;
}

static void the_report_does_not_depend_on_the_number_of_threads(void **state)
{
    tdl_feedback *f = make_shop(60, 12);
    tdl_pool *three = tdl_pool_new(3);
    tdl_offline_options options = {.timed = true, .run.seed = 1};
    double ndcg10;
    char *alone = figures_of(run(f, &options, &ndcg10));

    TDL_UNUSED(state);
    options.run.pool = three;
    char *together = figures_of(run(f, &options, &ndcg10));
    assert_string_equal(alone, together);
    free(alone);
    free(together);
    tdl_pool_free(three);
    tdl_feedback_free(f);
}

static void the_literatures_protocol_begins_with_its_warning(void **state)
{
    tdl_feedback *f = make_shop(30, 8);
    tdl_offline_options options = {.protocol = TDL_PROTOCOL_LITERATURE, .run.seed = 1};
    tdl_buf out = {0};
    double ndcg10;
    tdl_report why = {0};

    TDL_UNUSED(state);
    expect_ok(tdl_offline_run(f, &options, &out, &ndcg10, &why), &why);
    assert_int_equal(
        strncmp(out.at, "{\"warning\":\"for comparison with papers only; leaks the future\"", 62),
        0);
    tdl_buf_release(&out);
    tdl_feedback_free(f);
}

/* 30 people take i0 i1 | i2 i3 | i4 i5 | i6 i7, two at a time, rising in the file. */
static void the_literature_reads_ties_in_the_order_of_the_file(void **state)
{
    enum { PEOPLE = 30, ITEMS = 8 };
    tdl_feedback *f = tdl_feedback_new();
    const tdl_rung_contest_options nobody_is_fitted = {.people_min = 1000};
    tdl_rung_contest c;
    tdl_report why = {0};
    char user[16], item[16];

    TDL_UNUSED(state);
    for (size_t p = 0; p < PEOPLE; p++)
        for (size_t i = 0; i < ITEMS; i++) {
            snprintf(user, sizeof user, "u%zu", p);
            snprintf(item, sizeof item, "i%zu", i);
            tdl_feedback_row row = {
                tdl_str_of(user), tdl_str_of(item), {0}, DAY * (int64_t)(1 + i / 2)};
            expect_ok(tdl_feedback_add(f, &row, &why), &why);
        }
    expect_ok(tdl_feedback_finish(f, &why), &why);
    expect_ok(tdl_rung_contest_literature(f, &nobody_is_fitted, &c, &why), &why);
    assert_int_equal(c.heat[0].split.questions_n, PEOPLE);
    for (size_t q = 0; q < PEOPLE; q++) {
        const tdl_question *last = &c.heat[0].split.question[q];
        assert_string_equal(tdl_feedback_item(f, last->target[0]).at, "i7");
        assert_int_equal(last->history.n, ITEMS - 1);
        for (size_t i = 1; i < ITEMS - 1; i++)
            assert_true(last->history.time_us[i] > last->history.time_us[i - 1]);
        assert_true(last->history.time_us[ITEMS - 2] - last->history.time_us[ITEMS - 4] == DAY);
    }
    tdl_rung_contest_release(&c);
    tdl_feedback_free(f);
}

/* The split of the test learns from the events of the split for tuning: the fit that chose the
 * settings is asked again. Reference: a fit on the split of the test. */
static void one_fit_is_for_both_windows_of_the_literature(void **state)
{
    tdl_feedback *f = make_shop(40, 6);
    tdl_rung_contest_options options = {.seed = 1, .pool = tdl_pool_new(1)};
    tdl_rung_contest c;
    size_t fitted = 0;
    tdl_report why = {0};

    TDL_UNUSED(state);
    expect_ok(tdl_rung_contest_literature(f, &options, &c, &why), &why);
    for (size_t e = 0; e < c.entries_n; e++) {
        const tdl_rung_entry *entry = &c.entry[e];
        const tdl_contender *contender = entry->contender;
        const tdl_holdout *split = &c.heat[0].split;
        tdl_rung_trial again = {0};
        if (!contender || entry->refused[0])
            continue;
        tdl_fit_options fit = tdl_contender_fit_options(
            contender, entry->chosen, tdl_rung_contest_tuned(&c, &options, contender), &options);
        expect_ok(tdl_rung_trial_run(split, contender->rung, &fit, &again, NULL, &why), &why);
        assert_memory_equal(again.list, entry->trial[0].list,
                            split->questions_n * sizeof *again.list);
        assert_int_equal(again.bytes, entry->trial[0].bytes);
        tdl_rung_trial_release(&again);
        fitted++;
    }
    assert_true(fitted >= 5);
    tdl_rung_contest_release(&c);
    tdl_pool_free(options.pool);
    tdl_feedback_free(f);
}

static void cuts_that_make_no_sense_are_refused(void **state)
{
    tdl_feedback *f = make_shop(30, 8);
    const int64_t falling[] = {40 * DAY, 30 * DAY}, outside[] = {4000 * DAY};
    tdl_offline_options options = {.timed = false, .run.seed = 1};
    tdl_buf out = {0};
    double ndcg10;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_offline_run(f, &options, &out, &ndcg10, &why), TDL_E_USAGE);
    options.timed = true;
    options.cut_us = falling;
    options.cuts_n = 2;
    assert_int_equal(tdl_offline_run(f, &options, &out, &ndcg10, &why), TDL_E_USAGE);
    options.cut_us = outside;
    options.cuts_n = 1;
    assert_int_equal(tdl_offline_run(f, &options, &out, &ndcg10, &why), TDL_E_USAGE);
    tdl_buf_release(&out);
    tdl_feedback_free(f);
}

/* make_shop, with those of even number in "even", 25 of odd number in segments of one, and nothing
 * said of the others. */
static tdl_feedback *make_segmented_shop(void)
{
    tdl_feedback *f = tdl_feedback_new();
    tdl_report why = {0};
    char user[16], item[16], segment[16];

    for (size_t p = 0; p < 250; p++)
        for (size_t s = 0; s < 20; s++) {
            snprintf(user, sizeof user, "u%zu", p);
            snprintf(item, sizeof item, "i%zu", (p * 7 + s) % 60);
            snprintf(segment, sizeof segment, "odd %zu", p);
            tdl_str where = tdl_str_of(p % 2 == 0 ? "even" : p < 50 ? segment : "");
            tdl_feedback_row row = {
                tdl_str_of(user), tdl_str_of(item), {0}, DAY * (int64_t)(1 + 10 * s) + (int64_t)p};
            expect_ok(tdl_feedback_add_segment(f, &row, where, &why), &why);
        }
    expect_ok(tdl_feedback_finish(f, &why), &why);
    return f;
}

static double number_of(const json_t *row, const char *key)
{
    return json_number_value(json_object_get(row, key));
}

/* Segments sum to the whole: figures of the whole are the means of theirs by questions. */
static void segments_have_figures_of_their_own(void **state)
{
    tdl_feedback *f = make_segmented_shop();
    tdl_offline_options options = {
        .timed = true, .tasks = 1U << TDL_RECOMMEND_DISCOVERY, .run.seed = 1};
    double ndcg10, sum = 0, questions = 0;
    json_t *report = run(f, &options, &ndcg10), *row;
    const json_t *test =
        json_array_get(json_object_get(model_of(task_of(report, 0), "popularity"), "tests"), 0);
    const json_t *segments = json_object_get(test, "segments");
    size_t i;

    TDL_UNUSED(state);
    assert_int_equal(json_array_size(segments), TDL_SEGMENTS_SHOWN + 1);
    assert_string_equal(text_of(json_array_get(segments, 0), "segment"), "even");
    assert_int_equal(number_of(json_array_get(segments, 0), "questions"), 125);
    assert_null(json_object_get(json_array_get(segments, 1), "segment")); // the 100 unsaid
    assert_int_equal(number_of(json_array_get(segments, 1), "questions"), 100);
    assert_true(json_is_false(json_object_get(json_array_get(segments, 2), "enough")));
    assert_null(json_object_get(json_array_get(segments, TDL_SEGMENTS_SHOWN), "segment"));
    json_array_foreach(segments, i, row)
    {
        questions += number_of(row, "questions");
        sum += number_of(row, "questions") * number_of(row, "ndcg10");
    }
    expect_near(questions, 250, 0);
    expect_near(sum / questions, number_of(test, "ndcg10"), 1e-6);
    assert_true(number_of(test, "parity_ndcg10") > 0 && number_of(test, "parity_ndcg10") <= 1);
    json_decref(report);
    tdl_feedback_free(f);
}

/* What serves is held against every other, also against those that it did not have to beat. */
static void the_report_says_how_far_what_serves_is_ahead(void **state)
{
    tdl_feedback *f = make_shop(250, 20);
    tdl_offline_options options = {
        .timed = true, .tasks = 1U << TDL_RECOMMEND_DISCOVERY, .run.seed = 1};
    double ndcg10;
    json_t *report = run(f, &options, &ndcg10);
    const json_t *task = task_of(report, 0), *late = model_of(task, "recent-popularity"),
                 *serves = model_of(task, "directed");
    double mean[2] = {0};

    TDL_UNUSED(state);
    for (size_t k = 0; k < 2; k++) { // both cuts ask everybody
        mean[0] += number_of(json_array_get(json_object_get(serves, "tests"), k), "ndcg10") / 2;
        mean[1] += number_of(json_array_get(json_object_get(late, "tests"), k), "ndcg10") / 2;
    }
    expect_near(number_of(late, "serving_lead"), mean[0] - mean[1], 2e-6);
    assert_true(number_of(late, "serving_lead_low") > 0);
    assert_null(json_object_get(serves, "serving_lead"));
    json_decref(report);
    tdl_feedback_free(f);
}

/* One person, one event: nothing to ask about, and no failure. */
static void a_log_of_one_event_has_nothing_to_measure(void **state)
{
    TDL_UNUSED(state);
    for (int p = 0; p < TDL_PROTOCOLS_N; p++) {
        if (p == TDL_PROTOCOL_COLD_ITEMS) // needs a catalogue: test_cold_items.c
            continue;
        tdl_feedback *f = make_shop(1, 1);
        tdl_offline_options options = {.timed = true, .protocol = (tdl_protocol)p, .run.seed = 1};
        double ndcg10;
        json_decref(run(f, &options, &ndcg10));
        tdl_feedback_free(f);
    }
}

/* ---- MovieLens small ---- */

static tdl_feedback *read_films(void)
{
    const char *path = getenv("TREADLE_MOVIELENS");
    tdl_feedback *f = tdl_feedback_new();
    tdl_csv *csv = NULL;
    const tdl_str *field;
    size_t n, user, item, time;
    bool more = true;
    tdl_report why = {0};

    path = path && path[0] ? path : TREADLE_MOVIELENS;
    if (tdl_csv_open(path, NULL, &csv, &why)) {
        fprintf(stderr, "SKIPPED: %s is not there (tools/setup fetches it)\n", path);
        tdl_feedback_free(f);
        skip();
    }
    assert_true(tdl_csv_column(csv, "userId", &user) && tdl_csv_column(csv, "movieId", &item) &&
                tdl_csv_column(csv, "timestamp", &time));
    for (;;) {
        tdl_feedback_row row = {0};
        expect_ok(tdl_csv_next(csv, &field, &n, &more, &why), &why);
        if (!more)
            break;
        row.user = field[user];
        row.item = field[item];
        assert_true(tdl_str_int(field[time], &row.time_us));
        row.time_us *= 1000000;
        expect_ok(tdl_feedback_add(f, &row, &why), &why);
    }
    tdl_csv_close(csv);
    expect_ok(tdl_feedback_finish(f, &why), &why);
    return f;
}

/* spec/recommend.md 5.3, computed independently in Python. */
static void the_stream_of_films_gives_the_figures_of_the_reference(void **state)
{
    tdl_feedback *f = read_films();
    tdl_offline_options options = {
        .timed = true, .protocol = TDL_PROTOCOL_PREQUENTIAL, .run.seed = 1};
    double ndcg10;
    json_t *report = run(f, &options, &ndcg10);
    const json_t *task = task_of(report, 0);
    const json_t *ever = model_of(task, "popularity"), *late = model_of(task, "recent-popularity");
    const json_t *directed = model_of(task, "directed");

    TDL_UNUSED(state);
    expect_near(number_of(task, "ranked_events"), 20001, 0);
    expect_near(number_of(task, "people"), 147, 0);
    expect_near(number_of(ever, "hr10"), .0389, .0001);
    expect_near(number_of(ever, "ndcg10"), .0198, .0001);
    expect_near(number_of(late, "hr10"), .0535, .0001);
    expect_near(number_of(late, "ndcg10"), .0263, .0001);
    expect_near(number_of(late, "first_events_ndcg10"), .1391, .0001);
    expect_near(number_of(directed, "hr10"), .1056, .0002);
    expect_near(number_of(directed, "ndcg10"), .0582, .0002);
    expect_near(number_of(directed, "first_events_ndcg10"), .1869, .0002);
    json_decref(report);
    tdl_feedback_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_plain_in_time_is_promoted),
        cmocka_unit_test(too_few_people_are_said_and_nothing_is_promoted),
        cmocka_unit_test(order_that_is_shuffled_away_promotes_nothing_that_needs_it),
        cmocka_unit_test(the_report_does_not_depend_on_the_number_of_threads),
        cmocka_unit_test(the_literatures_protocol_begins_with_its_warning),
        cmocka_unit_test(the_literature_reads_ties_in_the_order_of_the_file),
        cmocka_unit_test(one_fit_is_for_both_windows_of_the_literature),
        cmocka_unit_test(cuts_that_make_no_sense_are_refused),
        cmocka_unit_test(segments_have_figures_of_their_own),
        cmocka_unit_test(the_report_says_how_far_what_serves_is_ahead),
        cmocka_unit_test(a_log_of_one_event_has_nothing_to_measure),
        cmocka_unit_test(the_stream_of_films_gives_the_figures_of_the_reference),
    };
    return cmocka_run_group_tests_name("recommend/offline", tests, NULL, NULL);
}

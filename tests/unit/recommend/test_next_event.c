/* Counts of what follows what, by hand, and what comes next in the sessions of a shop: figures of
 * spec/recommend.md 5.3, computed independently in Python. */
#include "cases.h"

#include "apps/recommend/ngram.h"
#include "apps/recommend/offline.h"
#include "apps/recommend/session_net.h"
#include "base/timestamp.h"
#include "table/csv.h"

enum { A, B, END, CLASSES };

/* "a b ." and "a a ." */
static tdl_ngram *two_sessions(void)
{
    static const int32_t symbols[] = {A, B, END, A, A, END};
    static const size_t offsets[] = {0, 3, 6};
    tdl_ngram *ret = NULL;
    tdl_report why = {0};

    expect_ok(tdl_ngram_fit(symbols, offsets, 2, CLASSES, &ret, &why), &why);
    return ret;
}

/* Of nothing before: a 3, b 1, end 2, three kinds: (c + 3/3) / 9. After a, one of each: with
 * Witten-Bell (1 + 3 p) / 6. At the beginning only a, twice: (2 + p) / 3. */
static void probabilities_are_those_worked_out_by_hand(void **state)
{
    static const int32_t a[] = {A}, end[] = {END};
    tdl_ngram *m = two_sessions();
    tdl_ngram_form none = {0, 0}, one = {1, 0}, prior = {1, 2};

    TDL_UNUSED(state);
    expect_near(tdl_ngram_of(m, none, a, 1, A), 4 / 9., 1e-15);
    expect_near(tdl_ngram_of(m, none, a, 1, END), 3 / 9., 1e-15);
    expect_near(tdl_ngram_of(m, one, a, 1, A), 7 / 18., 1e-15);
    expect_near(tdl_ngram_of(m, one, a, 1, B), 5 / 18., 1e-15);
    expect_near(tdl_ngram_of(m, one, a, 0, A), 22 / 27., 1e-15);
    expect_near(tdl_ngram_of(m, one, end, 1, A), 4 / 9., 1e-15);   // nothing ever followed the end
    expect_near(tdl_ngram_of(m, prior, a, 1, A), 23 / 60., 1e-15); // (1 + 2 (3 + 2/3) / 8) / 5
    assert_true(tdl_ngram_bytes(m) > 0);
    tdl_ngram_free(m);
}

static void a_row_sums_to_one_and_agrees_with_single_classes(void **state)
{
    static const int32_t before[] = {A, A, B, A};
    tdl_ngram *m = two_sessions();
    double p[CLASSES];

    TDL_UNUSED(state);
    for (size_t order = 0; order <= TDL_NGRAM_ORDER_MAX; order++)
        for (size_t n = 0; n <= COUNT(before); n++)
            for (int prior = 0; prior < 30; prior += 10) {
                tdl_ngram_form form = {order, prior};
                double sum = 0;
                tdl_ngram_after(m, form, before, n, p);
                for (int32_t c = 0; c < CLASSES; c++) {
                    sum += p[c];
                    expect_near(tdl_ngram_of(m, form, before, n, c), p[c], 1e-15);
                }
                expect_near(sum, 1, 1e-14);
            }
    tdl_ngram_free(m);
}

static void without_sequences_every_class_is_as_likely(void **state)
{
    static const size_t none[] = {0};
    tdl_ngram *m = NULL;
    tdl_report why = {0};
    double p[CLASSES];

    TDL_UNUSED(state);
    expect_ok(tdl_ngram_fit(NULL, none, 0, CLASSES, &m, &why), &why);
    tdl_ngram_after(m, (tdl_ngram_form){2, 0}, NULL, 0, p);
    for (size_t c = 0; c < CLASSES; c++)
        expect_near(p[c], 1 / 3., 1e-15);
    tdl_ngram_free(m);
}

/* ---- the net on sessions ---- */

/* a, then d a second or ten minutes later, then b if it came soon and c if not. */
static void the_net_knows_how_long_a_step_took(void **state)
{
    enum { FIRST, SOON, LATE, STEP, OVER, SYMBOLS, SESSIONS = 300, EACH = 4 };
    int32_t symbol[SESSIONS * EACH];
    int64_t time_us[SESSIONS * EACH];
    size_t offsets[SESSIONS + 1] = {0};
    tdl_session_net *m = NULL;
    double soon[SYMBOLS], late[SYMBOLS], sum = 0;
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (size_t s = 0; s < SESSIONS; s++) {
        const int64_t step_us = s % 2 ? 1000000 : 600000000;
        const int32_t events[EACH] = {FIRST, STEP, s % 2 ? SOON : LATE, OVER};
        const int64_t at_us[EACH] = {0, step_us, step_us + 9000000, step_us + 9000000};
        memcpy(symbol + s * EACH, events, sizeof events);
        memcpy(time_us + s * EACH, at_us, sizeof at_us);
        offsets[s + 1] = (s + 1) * EACH;
    }
    const tdl_sessions sessions = {symbol, time_us, offsets, SESSIONS, SYMBOLS};
    tdl_pool *pool = tdl_pool_new(1);
    expect_ok(tdl_session_net_fit(&sessions, 1, pool, &m, &why), &why);
    assert_int_equal(
        tdl_session_net_after(m, (int32_t[]){FIRST, STEP}, (int64_t[]){0, 1000000}, 2, soon),
        TDL_OK);
    assert_int_equal(
        tdl_session_net_after(m, (int32_t[]){FIRST, STEP}, (int64_t[]){0, 600000000}, 2, late),
        TDL_OK);
    assert_true(soon[SOON] > .8 && late[LATE] > .8);
    for (size_t c = 0; c < SYMBOLS; c++) {
        assert_true(soon[c] >= 1e-3 / SYMBOLS);
        sum += soon[c];
    }
    expect_near(sum, 1, 1e-6);
    tdl_session_net_free(m);
    tdl_pool_free(pool);
}

static void the_net_goes_on_through_a_session_of_any_length(void **state)
{
    enum { SYMBOLS = 3, LONG = 5000 };
    static int32_t symbol[LONG + 1];
    static int64_t time_us[LONG + 1];
    const size_t offsets[] = {0, LONG};
    const tdl_sessions sessions = {symbol, time_us, offsets, 1, SYMBOLS};
    tdl_session_net *m = NULL;
    tdl_pool *pool = tdl_pool_new(1);
    double p[SYMBOLS];
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < LONG; i++)
        symbol[i] = (int32_t)(i % SYMBOLS); // all at one time
    expect_ok(tdl_session_net_fit(&sessions, 1, pool, &m, &why), &why);
    const size_t lengths[] = {0, 1, 63, 64, 65, LONG};
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        assert_int_equal(tdl_session_net_after(m, symbol, time_us, lengths[k], p), TDL_OK);
        expect_near(p[0] + p[1] + p[2], 1, 1e-6);
    }
    tdl_session_net_free(m);
    tdl_pool_free(pool);
}

/* ---- the protocol ---- */

static json_t *run(tdl_feedback *f, const tdl_offline_options *options)
{
    tdl_buf out = {0};
    json_t *report = NULL;
    double ndcg10;
    tdl_report why = {0};

    expect_ok(tdl_offline_run(f, options, &out, &ndcg10, &why), &why);
    expect_ok(tdl_json_parse(tdl_buf_view(&out), TDL_JSON_REFUSE_DUPLICATES, &report, &why), &why);
    tdl_buf_release(&out);
    return report;
}

static const json_t *only_task(const json_t *report)
{
    return json_array_get(json_object_get(report, "tasks"), 0);
}

static double figure(const json_t *task, size_t model, const char *key)
{
    const json_t *row = json_array_get(json_object_get(task, "ladder"), model);

    assert_true(json_is_number(json_object_get(row, key)));
    return json_number_value(json_object_get(row, key));
}

static int64_t day(int64_t n)
{
    return n * INT64_C(86400000000);
}

/* 210 people, one session of a, b, c a day at noon: only the order 0 is ever unsure. */
static tdl_feedback *make_habits(void)
{
    static const char *const items[] = {"a", "b", "c"};
    tdl_feedback *f = tdl_feedback_new();
    tdl_report why = {0};
    char user[16];

    for (int p = 0; p < 210; p++)
        for (int64_t d = 0; d < 10; d++)
            for (int64_t i = 0; i < 3; i++) {
                snprintf(user, sizeof user, "u%d", p);
                tdl_feedback_row row = {
                    tdl_str_of(user), tdl_str_of(items[i]), {0}, day(d) + i * 60000000};
                expect_ok(tdl_feedback_add(f, &row, &why), &why);
            }
    expect_ok(tdl_feedback_finish(f, &why), &why);
    return f;
}

static void sessions_end_where_half_an_hour_passes(void **state)
{
    tdl_feedback *f = make_habits();
    const int64_t cut_us[] = {day(4), day(6)};
    tdl_offline_options options = {.protocol = TDL_PROTOCOL_NEXT_EVENT,
                                   .timed = true,
                                   .cut_us = cut_us,
                                   .cuts_n = 2,
                                   .horizon_us = day(3),
                                   .run.seed = 1};
    json_t *report = run(f, &options);
    const json_t *task = only_task(report);

    TDL_UNUSED(state);
    assert_int_equal(json_integer_value(json_object_get(task, "sessions")), 210 * 3);
    assert_int_equal(json_integer_value(json_object_get(task, "symbols")), 210 * 3 * 4);
    assert_int_equal(json_integer_value(json_object_get(task, "classes")), 4);
    // a, b, c and the end as often: perplexity 4 without a context, hardly above 1 with one
    expect_near(figure(task, 0, "perplexity"), 4, .001);
    expect_near(figure(task, 1, "perplexity"), 1, .01);
    expect_near(figure(task, 1, "hr1"), 1, 1e-12);
    expect_near(figure(task, 0, "hr1"), .25, .001);
    expect_near(figure(task, 4, "perplexity"), 1, .05); // the behaviour model
    expect_near(figure(task, 4, "hr1"), 1, 1e-12);
    assert_true(figure(task, 5, "perplexity") <= figure(task, 4, "perplexity") + 1e-9);
    json_decref(report);
    tdl_feedback_free(f);
}

static void what_nobody_knew_at_the_cut_is_one_class_of_its_own(void **state)
{
    tdl_feedback *f = tdl_feedback_new();
    const int64_t cut_us[] = {day(10), day(20)};
    tdl_report why = {0};
    char item[16];

    TDL_UNUSED(state);
    for (int64_t d = 0; d < 30; d++) { // after day 20 all is new
        snprintf(item, sizeof item, "i%d", (int)(d < 20 ? d % 5 : d));
        tdl_feedback_row row = {tdl_str_of("u"), tdl_str_of(item), {0}, day(d)};
        expect_ok(tdl_feedback_add(f, &row, &why), &why);
    }
    expect_ok(tdl_feedback_finish(f, &why), &why);
    tdl_offline_options options = {.protocol = TDL_PROTOCOL_NEXT_EVENT,
                                   .timed = true,
                                   .cut_us = cut_us,
                                   .cuts_n = 2,
                                   .horizon_us = day(15),
                                   .run.seed = 1};
    json_t *report = run(f, &options);
    const json_t *task = only_task(report);
    assert_int_equal(json_integer_value(json_object_get(task, "classes")), 7); // 5, new, end
    assert_int_equal(json_integer_value(json_object_get(task, "sessions")), 10);
    assert_true(isfinite(figure(task, 0, "nll")));
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(task, "ladder"), 1), "verdict")),
                        "too_few_people");
    json_decref(report);
    tdl_feedback_free(f);
}

static void a_catalogue_is_no_set_of_kinds(void **state)
{
    tdl_feedback *f = tdl_feedback_new();
    tdl_offline_options options = {
        .protocol = TDL_PROTOCOL_NEXT_EVENT, .timed = true, .run.seed = 1};
    tdl_buf out = {0};
    double ndcg10;
    tdl_report why = {0};
    char item[16];

    TDL_UNUSED(state);
    for (int64_t i = 0; i < 5001; i++) {
        snprintf(item, sizeof item, "i%d", (int)i);
        tdl_feedback_row row = {tdl_str_of("u"), tdl_str_of(item), {0}, day(i)};
        expect_ok(tdl_feedback_add(f, &row, &why), &why);
    }
    expect_ok(tdl_feedback_finish(f, &why), &why);
    assert_int_equal(tdl_offline_run(f, &options, &out, &ndcg10, &why), TDL_E_TOO_LARGE);
    assert_non_null(strstr(why.message, "5001"));
    tdl_buf_release(&out);
    tdl_feedback_free(f);
}

/* ---- a shop's clicks ---- */

static tdl_feedback *read_clicks(void)
{
    const char *folder = getenv("TREADLE_SHARED_DATA");
    tdl_feedback *f = tdl_feedback_new();
    tdl_csv *csv = NULL;
    const tdl_str *field;
    size_t n, user, event, time;
    bool more = true;
    tdl_report why = {0};
    char path[4096], when[32];

    snprintf(path, sizeof path, "%s/shop-clickstream.csv.zst", folder ? folder : "");
    if (tdl_csv_open(path, NULL, &csv, &why)) {
        fprintf(stderr, "SKIPPED: %s is not there\n", path);
        tdl_feedback_free(f);
        skip();
    }
    assert_true(tdl_csv_column(csv, "user_id", &user) && tdl_csv_column(csv, "event", &event) &&
                tdl_csv_column(csv, "timestamp", &time));
    for (;;) {
        tdl_feedback_row row = {0};
        expect_ok(tdl_csv_next(csv, &field, &n, &more, &why), &why);
        if (!more)
            break;
        row.user = field[user];
        row.item = field[event];
        snprintf(when, sizeof when, "%.10sT%.8sZ", field[time].at, field[time].at + 11);
        expect_ok(tdl_time_parse(tdl_str_of(when), &row.time_us, &why), &why);
        expect_ok(tdl_feedback_add(f, &row, &why), &why);
    }
    tdl_csv_close(csv);
    expect_ok(tdl_feedback_finish(f, &why), &why);
    return f;
}

/* Reference: 914 sessions, 8,743 symbols, perplexity 12.12, 10.29, 10.25 and 10.14 (order 4, prior
 * 400, chosen on May). Here an event that occurs twice in one second counts once: 8,738. */
static void clicks_of_june_give_the_figures_of_the_reference(void **state)
{
    tdl_feedback *f = read_clicks();
    int64_t cut_us[2];
    tdl_report why = {0};

    TDL_UNUSED(state);
    expect_ok(tdl_time_parse(tdl_str_of("2024-05-01T00:00:00Z"), &cut_us[0], &why), &why);
    expect_ok(tdl_time_parse(tdl_str_of("2024-06-01T00:00:00Z"), &cut_us[1], &why), &why);
    tdl_offline_options options = {.protocol = TDL_PROTOCOL_NEXT_EVENT,
                                   .timed = true,
                                   .cut_us = cut_us,
                                   .cuts_n = 2,
                                   .horizon_us = day(30),
                                   .run = {.seed = 1, .in_background = true}}; // no net: minutes
    json_t *report = run(f, &options);
    const json_t *task = only_task(report);
    assert_int_equal(json_integer_value(json_object_get(task, "sessions")), 914);
    assert_int_equal(json_integer_value(json_object_get(task, "symbols")), 8738);
    assert_int_equal(json_integer_value(json_object_get(task, "classes")), 20);
    expect_near(figure(task, 0, "perplexity"), 12.12, .01);
    expect_near(figure(task, 1, "perplexity"), 10.29, .01);
    expect_near(figure(task, 2, "perplexity"), 10.25, .01);
    expect_near(figure(task, 3, "perplexity"), 10.14, .01);
    expect_near(figure(task, 3, "order"), 4, 0);
    expect_near(figure(task, 3, "prior"), 400, 0);
    expect_near(figure(task, 3, "nll"), 2.3169, .0005);
    expect_near(figure(task, 3, "nll_low"), 2.2903, .004); // another draw of 1,000
    expect_near(figure(task, 3, "nll_high"), 2.3424, .004);
    expect_near(figure(task, 3, "hr1"), .2363, .001);
    expect_near(figure(task, 3, "hr3"), .5380, .001);
    assert_string_equal(json_string_value(json_object_get(task, "serves")), "counts");
    json_decref(report);
    tdl_feedback_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_are_those_worked_out_by_hand),
        cmocka_unit_test(a_row_sums_to_one_and_agrees_with_single_classes),
        cmocka_unit_test(without_sequences_every_class_is_as_likely),
        cmocka_unit_test(the_net_knows_how_long_a_step_took),
        cmocka_unit_test(the_net_goes_on_through_a_session_of_any_length),
        cmocka_unit_test(sessions_end_where_half_an_hour_passes),
        cmocka_unit_test(what_nobody_knew_at_the_cut_is_one_class_of_its_own),
        cmocka_unit_test(a_catalogue_is_no_set_of_kinds),
        cmocka_unit_test(clicks_of_june_give_the_figures_of_the_reference),
    };
    return cmocka_run_group_tests_name("recommend/next_event", tests, NULL, NULL);
}

/* Rows through the loop: logged before they are answered, swapped, named, refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "loop/rows.h"

enum { WAIT_STEPS = 600, WAIT_US = 50000 };

typedef struct fixture {
    char dir[64];
    tdl_loop *loop;
    tdl_arena *arena;
} fixture;

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status, (void)kind, (void)at;
    return remove(path);
}

static void open_loop(fixture *f, bool exclusive)
{
    tdl_report why = {0};
    tdl_loop_options options = {.data_dir = f->dir, .exclusive = exclusive, .threads = 1};

    if (tdl_loop_open(&options, &f->loop, NULL, &why))
        fail_msg("%s", why.message);
}

/* y is yes where x is above 5, but for each seventh row. */
static void write_table(tdl_buf *out)
{
    tdl_buf_text(out, "x,place,y\n");
    for (int i = 0; i < 140; i++)
        tdl_buf_printf(out, "%d,%s,%s\n", i % 10, i % 3 ? "here" : "there",
                       (i % 10 > 5) != (i % 7 == 0) ? "yes" : "no");
}

static tdl_status start_fit(fixture *f, const char *name, const char *target, const char *models,
                            tdl_report *why)
{
    tdl_buf table = {0};
    json_t *settings =
        json_pack("{s:s, s:s, s:s}", "name", name, "target", target, "model", models);

    write_table(&table);
    tdl_status st = tdl_loop_fit_start(f->loop, "predict", tdl_buf_view(&table), settings, why);
    json_decref(settings);
    tdl_buf_release(&table);
    return st;
}

static void fit(fixture *f, const char *name, const char *models)
{
    tdl_training training;
    tdl_report why = {0};

    if (start_fit(f, name, "y", models, &why))
        fail_msg("%s", why.message);
    for (int i = 0; i < WAIT_STEPS; i++) {
        tdl_loop_training(f->loop, &training);
        if (training.state != TDL_TRAINING_RUNNING)
            break;
        usleep(WAIT_US);
    }
    if (training.state != TDL_TRAINING_DONE)
        fail_msg("%s", training.why.message);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);

    strcpy(f->dir, "/tmp/treadle-rows-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->arena = tdl_arena_new((size_t)64 << 20);
    open_loop(f, true);
    fit(f, "shop", "naive_bayes");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    tdl_loop_close(f->loop);
    tdl_arena_free(f->arena);
    nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static tdl_status ask(fixture *f, const char *rows, bool log, json_t **ret, tdl_report *why)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    json_t *asked = NULL;
    tdl_rows_ask question = {
        .model = TDL_STR("shop"), .explain = 2, .keep = 5, .time_us = tdl_time_now()};

    assert_int_equal(tdl_json_parse(tdl_str_of(rows), TDL_JSON_REFUSE_DUPLICATES, &asked, NULL),
                     TDL_OK);
    question.rows = asked;
    tdl_status st = tdl_loop_predict(f->loop, "predict", &question, log, f->arena, &w, why);
    if (!st)
        assert_int_equal(tdl_json_parse(tdl_buf_view(&out), TDL_JSON_REFUSE_DUPLICATES, ret, NULL),
                         TDL_OK);
    json_decref(asked);
    tdl_buf_release(&out);
    return st;
}

static const char *text_of(const json_t *answer, size_t row, const char *key)
{
    return json_string_value(
        json_object_get(json_array_get(json_object_get(answer, "rows"), row), key));
}

static void a_row_that_was_answered_is_in_the_log_with_its_reasons(void **state)
{
    fixture *f = *state;
    tdl_decision_row row;
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    json_t *answer = NULL, *why = NULL;

    assert_int_equal(ask(f, "[{\"x\":9,\"place\":\"here\"},{\"x\":\"no\"}]", true, &answer, NULL),
                     TDL_OK);
    assert_string_equal(text_of(answer, 0, "prediction"), "yes");
    assert_non_null(text_of(answer, 1, "error"));
    assert_null(text_of(answer, 1, "decision_id"));
    assert_int_equal(tdl_store_get_decision(tdl_loop_store(f->loop),
                                            tdl_str_of(text_of(answer, 0, "decision_id")), f->arena,
                                            &row, NULL),
                     TDL_OK);
    assert_true(tdl_str_is(row.decision.app, "predict/shop"));
    assert_true(tdl_str_is(row.decision.candidates[0].item, "yes"));
    double sum = row.decision.candidates[0].score + row.decision.candidates[1].score;
    assert_true(sum > 1 - 1e-8 && sum < 1 + 1e-8);
    assert_int_equal(tdl_loop_explain(f->loop, &row.decision, &w, NULL), TDL_OK);
    assert_int_equal(tdl_json_parse(tdl_buf_view(&text), TDL_JSON_REFUSE_DUPLICATES, &why, NULL),
                     TDL_OK);
    assert_int_equal(json_array_size(json_object_get(json_array_get(why, 0), "reasons")),
                     2); // both columns
    json_decref(answer);
    json_decref(why);
    tdl_buf_release(&text);
}

static void a_damaged_record_is_an_error_and_no_crash(void **state)
{
    static const char *const records[] = {
        "", "{", "[]", "7", "{\"because\":3}", "{\"because\":[1,{\"name\":2}]}"};
    fixture *f = *state;
    const tdl_candidate one = {.item = TDL_STR("yes"), .chosen = true};
    size_t failed = 0;

    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        const tdl_decision decision = {.app = TDL_STR("predict/shop"),
                                       .candidates = &one,
                                       .candidates_n = 1,
                                       .why = tdl_str_of(records[i])};
        tdl_buf text = {0};
        tdl_jw w = {.out = &text};
        tdl_report why = {0};
        tdl_status st = tdl_loop_explain(f->loop, &decision, &w, &why);

        assert_true(st == TDL_OK || st == TDL_E_CORRUPT);
        failed += st != TDL_OK;
        tdl_buf_release(&text);
    }
    assert_int_equal(failed, 4);
}

static void the_same_question_gives_the_same_answer_and_context(void **state)
{
    fixture *f = *state;
    tdl_decision_row row[2];
    json_t *answer[2] = {NULL};

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ask(f, "[{\"place\":\"there\",\"x\":4}]", true, &answer[i], NULL), TDL_OK);
        assert_int_equal(tdl_store_get_decision(tdl_loop_store(f->loop),
                                                tdl_str_of(text_of(answer[i], 0, "decision_id")),
                                                f->arena, &row[i], NULL),
                         TDL_OK);
        json_decref(answer[i]);
    }
    assert_true(tdl_str_eq(row[0].decision.why, row[1].decision.why));
    assert_memory_equal(row[0].decision.context_hash, row[1].decision.context_hash, 16);
}

static void a_model_that_another_process_published_serves_after_a_tick(void **state)
{
    fixture *f = *state, other = {0};
    json_t *before = NULL, *after = NULL;
    tdl_report why = {0};

    assert_int_equal(ask(f, "[{\"x\":1}]", false, &before, NULL), TDL_OK);
    strcpy(other.dir, f->dir);
    open_loop(&other, false);
    fit(&other, "shop", "naive_bayes");
    tdl_loop_close(other.loop);
    if (tdl_loop_tick(f->loop, &why))
        fail_msg("%s", why.message);
    assert_int_equal(ask(f, "[{\"x\":1}]", false, &after, NULL), TDL_OK);
    assert_string_not_equal(json_string_value(json_object_get(before, "version")),
                            json_string_value(json_object_get(after, "version")));
    json_decref(before);
    json_decref(after);
}

static void a_damaged_file_is_told_and_the_former_version_serves_on(void **state)
{
    fixture *f = *state, other = {0};
    char path[300];
    json_t *before = NULL, *after = NULL;
    tdl_model_row *model;
    tdl_report why = {0};
    size_t n;

    assert_int_equal(ask(f, "[{\"x\":1}]", false, &before, NULL), TDL_OK);
    strcpy(other.dir, f->dir);
    open_loop(&other, false);
    fit(&other, "shop", "naive_bayes");
    tdl_loop_close(other.loop);
    assert_int_equal(tdl_store_models(tdl_loop_store(f->loop), TDL_STR("predict/shop"), f->arena,
                                      &model, &n, NULL),
                     TDL_OK);
    assert_int_equal(n, 2);
    snprintf(path, sizeof path, "%s/%.*s", f->dir, TDL_FMT(model[0].path));
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(tdl_loop_tick(f->loop, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "shop"));
    assert_int_equal(ask(f, "[{\"x\":1}]", false, &after, NULL), TDL_OK);
    assert_string_equal(json_string_value(json_object_get(before, "version")),
                        json_string_value(json_object_get(after, "version")));
    json_decref(before);
    json_decref(after);
    // opened anew there is no former one: all else works, the model says what is wrong
    tdl_loop_close(f->loop);
    f->loop = NULL;
    open_loop(f, true);
    assert_int_equal(ask(f, "[{\"x\":1}]", false, &after, &why), TDL_E_CORRUPT);
}

/* Nearest neighbours have no attribution of their own. */
static void many_rows_of_a_model_that_is_slow_to_explain_are_answered_without(void **state)
{
    fixture *f = *state;
    const char *many = "[{},{},{},{},{},{},{},{},{},{},{\"x\":3}]", *few = "[{\"x\":3}]";
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_decision_row row;
    json_t *answer = NULL, *rows = NULL;
    tdl_report why = {0};

    fit(f, "slow", "nearest");
    assert_int_equal(tdl_json_parse(tdl_str_of(many), TDL_JSON_LAST_WINS, &rows, NULL), TDL_OK);
    tdl_rows_ask question = {
        .model = TDL_STR("slow"), .rows = rows, .explain = 1, .keep = 5, .time_us = 1};
    assert_int_equal(tdl_loop_predict(f->loop, "predict", &question, false, f->arena, &w, &why),
                     TDL_E_TOO_LARGE);
    assert_int_equal(tdl_loop_explain_rows(f->loop, "predict", &question, &w, &why),
                     TDL_E_TOO_LARGE);
    question.explain = 0;
    tdl_buf_clear(&out); // which holds half a value
    w = (tdl_jw){.out = &out};
    assert_int_equal(tdl_loop_predict(f->loop, "predict", &question, true, f->arena, &w, &why),
                     TDL_OK);
    assert_int_equal(tdl_json_parse(tdl_buf_view(&out), TDL_JSON_LAST_WINS, &answer, NULL), TDL_OK);
    assert_int_equal(tdl_store_get_decision(tdl_loop_store(f->loop),
                                            tdl_str_of(text_of(answer, 10, "decision_id")),
                                            f->arena, &row, NULL),
                     TDL_OK);
    assert_null(memmem(row.decision.why.at, row.decision.why.len, "because", 7));
    json_decref(rows);
    json_decref(answer);
    assert_int_equal(tdl_json_parse(tdl_str_of(few), TDL_JSON_LAST_WINS, &rows, NULL), TDL_OK);
    question.rows = rows;
    question.explain = 1;
    w = (tdl_jw){.out = &out};
    assert_int_equal(tdl_loop_predict(f->loop, "predict", &question, false, f->arena, &w, &why),
                     TDL_OK);
    json_decref(rows);
    tdl_buf_release(&out);
}

static void what_cannot_be_is_refused(void **state)
{
    fixture *f = *state;
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_report why = {0};
    const tdl_rows_ask question = {.model = TDL_STR("shop")};
    const tdl_ask user = {.user = TDL_STR("ann"), .n = 1};
    tdl_decision decision;

    assert_int_equal(tdl_loop_predict(f->loop, "recommend", &question, true, f->arena, &w, &why),
                     TDL_E_NOT_FOUND);
    assert_int_equal(tdl_loop_predict(f->loop, "predictor", &question, true, f->arena, &w, &why),
                     TDL_E_NOT_FOUND);
    assert_int_equal(tdl_loop_predict(f->loop, "predict", &question, true, f->arena, &w, &why),
                     TDL_E_INVALID); // no rows
    assert_int_equal(tdl_loop_decide(f->loop, "predict", &user, f->arena, &decision, &w, &why),
                     TDL_E_USAGE);
    assert_int_equal(tdl_loop_evaluate(f->loop, "predict", &(tdl_train_options){0}, &out, &why),
                     TDL_E_USAGE);
    assert_int_equal(tdl_loop_train(f->loop, "predict", &(tdl_train_options){0}, &out, &why),
                     TDL_E_USAGE);
    assert_int_equal(start_fit(f, "shop", "z", "auto", &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "z"));
    assert_int_equal(start_fit(f, "a/b", "y", "auto", &why), TDL_E_INVALID);
    tdl_buf_release(&out);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_row_that_was_answered_is_in_the_log_with_its_reasons),
        EACH(a_damaged_record_is_an_error_and_no_crash),
        EACH(the_same_question_gives_the_same_answer_and_context),
        EACH(a_model_that_another_process_published_serves_after_a_tick),
        EACH(a_damaged_file_is_told_and_the_former_version_serves_on),
        EACH(many_rows_of_a_model_that_is_slow_to_explain_are_answered_without),
        EACH(what_cannot_be_is_refused),
    };

    return cmocka_run_group_tests_name("loop/rows", tests, NULL, NULL);
}

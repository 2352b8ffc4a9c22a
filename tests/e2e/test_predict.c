/* Prediction over HTTP, on both store backends: a model that the command line fits into the folder
 * of a running server serves within a second; every answer is a decision; what cannot be read is
 * refused by row; outcomes make its quality known; a table that is sent is fitted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libpq-fe.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../support/postgres.h"
#include "schema.h"

enum { ROWS = 400, WAIT_STEPS = 600, WAIT_US = 100000 };

static postgres *database; /* NULL: SQLite */
static server *treadle;
static client *admin;
static json_t *document;
static char csv[160];

static void check(const char *method, const char *pattern)
{
    schema_check(document, admin, method, pattern);
}

/* The chance of "yes" rises with x and is lower in the south: a table whose answers are known to
 * have a direction. The generator is MINSTD (Park and Miller, 1988). */
static void write_table(tdl_buf *out)
{
    uint64_t state = 7;

    tdl_buf_text(out, "x,region,weight,bought\n");
    for (int i = 0; i < ROWS; i++) {
        state = state * 48271 % 2147483647;
        double x = (double)(state % 1000) / 100, u;
        state = state * 48271 % 2147483647;
        bool south = state % 2 == 0;
        state = state * 48271 % 2147483647;
        u = (double)(state % 10000) / 10000;
        tdl_buf_printf(out, "%.2f,%s,%d,%s\n", x, south ? "south" : "north", (int)(state % 50),
                       u < 1 / (1 + exp(-(x - 5 - (south ? 1.5 : 0)))) ? "yes" : "no");
    }
}

static int fit(const char *models, const char *seed)
{
    const char *all[] = {"fit",     csv,           "--target", "bought", "--name", "shop",
                         "--data",  treadle->data, "--model",  models,   "--seed", seed,
                         "--quiet", NULL,          NULL,       NULL};
    char output[256];

    if (treadle->store[0]) {
        all[13] = "--store";
        all[14] = treadle->store;
    }
    return server_command(all, output, sizeof output);
}

static void await_version_other_than(const char *version, char ret[100])
{
    for (int i = 0; i < WAIT_STEPS; i++) {
        client_expect(admin, 200, "GET", "/v1/predict", NULL);
        if (json_array_size(client_at(admin, "models")) &&
            strcmp(client_text(admin, "models.0.version"), version) != 0) { // the only one so far
            snprintf(ret, 100, "%s", client_text(admin, "models.0.version"));
            return;
        }
        usleep(WAIT_US);
    }
    fail_msg("no version but \"%s\" came to serve", version);
}

static void empty_database(void)
{
    PGconn *link = PQconnectdb(database->url);

    PQclear(
        PQexec(link, "SET client_min_messages = warning; DROP SCHEMA IF EXISTS treadle CASCADE"));
    PQfinish(link);
}

static int set_up(void **state)
{
    char version[100];
    tdl_buf table = {0};
    FILE *file;

    TDL_UNUSED(state);
    treadle = server_new();
    if (database) {
        empty_database();
        snprintf(treadle->store, sizeof treadle->store, "%s", database->url);
    }
    server_start(treadle, 0);
    admin = client_new(treadle, treadle->admin_key);
    client_expect(admin, 200, "GET", "/openapi.json", NULL);
    document = json_incref(admin->json);
    client_expect(admin, 200, "GET", "/v1/predict", NULL);
    check("GET", "/v1/predict");
    assert_int_equal(json_array_size(client_at(admin, "models")), 0);
    snprintf(csv, sizeof csv, "%s/shop.csv", treadle->folder);
    write_table(&table);
    assert_non_null(file = fopen(csv, "w"));
    assert_int_equal(fwrite(table.at, 1, table.len, file), table.len);
    assert_int_equal(fclose(file), 0);
    tdl_buf_release(&table);
    assert_int_equal(fit("logistic", "1"), 0);
    await_version_other_than("", version);
    return 0;
}

static int tear_down(void **state)
{
    TDL_UNUSED(state);
    json_decref(document);
    client_free(admin);
    admin = NULL;
    server_free(treadle);
    return 0;
}

static double number_at(const char *path)
{
    const json_t *value = client_at(admin, path);

    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void a_newer_version_is_swapped_in_without_a_restart(void **state)
{
    char first[100], second[100];

    TDL_UNUSED(state);
    await_version_other_than("", first);
    client_expect(admin, 200, "POST", "/v1/predict/shop", "{\"rows\":[{\"x\":3}]}");
    assert_string_equal(client_text(admin, "version"), first);
    assert_int_equal(fit("naive_bayes", "2"), 0);
    await_version_other_than(first, second);
    client_expect(admin, 200, "POST", "/v1/predict/shop", "{\"rows\":[{\"x\":3}]}");
    assert_string_equal(client_text(admin, "version"), second);
    char back[200]; // and by hand back again
    snprintf(back, sizeof back, "/v1/models/%s/activate", first);
    client_expect(admin, 200, "POST", back, NULL);
    client_expect(admin, 200, "POST", "/v1/predict/shop", "{\"rows\":[{\"x\":3}]}");
    assert_string_equal(client_text(admin, "version"), first);
    client_expect(admin, 200, "GET", "/v1/models", NULL);
    check("GET", "/v1/models");
}

static void every_answered_row_is_a_decision_with_its_reasons(void **state)
{
    char path[100], first[40], version[100];

    TDL_UNUSED(state);
    client_expect(
        admin, 200, "POST", "/v1/predict/shop",
        "{\"rows\":[{\"x\":9.5,\"region\":\"north\",\"weight\":10},"
        "{\"x\":0.5,\"region\":\"south\",\"weight\":10}],\"explain\":2,\"interval\":0.9}");
    check("POST", "/v1/predict/{model}");
    assert_string_equal(client_text(admin, "rows.0.prediction"), "yes");
    assert_string_equal(client_text(admin, "rows.1.prediction"), "no");
    assert_true(number_at("rows.0.probability") > number_at("rows.1.probability"));
    assert_string_equal(client_text(admin, "rows.0.because.0.name"), "x");
    assert_true(number_at("rows.0.because.0.attribution") > 0);
    assert_int_equal(json_array_size(client_at(admin, "rows.0.because")), 2);
    double probability = number_at("rows.0.probability");
    snprintf(first, sizeof first, "%s", client_text(admin, "rows.0.decision_id"));
    snprintf(version, sizeof version, "%s", client_text(admin, "version"));
    snprintf(path, sizeof path, "/v1/decisions/%s", first);
    client_expect(admin, 200, "GET", path, NULL);
    check("GET", "/v1/decisions/{id}");
    assert_string_equal(client_text(admin, "app"), "predict/shop");
    assert_string_equal(client_text(admin, "model"), version);
    assert_string_equal(client_text(admin, "candidates.0.id"), "yes");
    assert_string_equal(client_text(admin, "candidates.1.id"), "no");
    assert_float_equal(number_at("candidates.0.score"), probability, 1e-8);
    assert_float_equal(number_at("candidates.0.propensity"), 1, 0);
    assert_string_equal(client_text(admin, "why.0.reasons.0.name"), "x");
}

static void what_is_asked_for_a_look_only_is_not_logged(void **state)
{
    TDL_UNUSED(state);
    client_expect(admin, 200, "GET", "/v1/stats", NULL);
    double before = number_at("decisions");
    client_expect(admin, 200, "POST", "/v1/predict/shop", "{\"rows\":[{\"x\":3}],\"log\":false}");
    check("POST", "/v1/predict/{model}");
    assert_null(client_at(admin, "rows.0.decision_id"));
    client_expect(admin, 200, "POST", "/v1/predict/shop", "{\"rows\":[{\"x\":3},{\"x\":4}]}");
    for (int i = 0; i < WAIT_STEPS; i++) { // a busy machine stores them a moment later
        usleep(WAIT_US);
        client_expect(admin, 200, "GET", "/v1/stats", NULL);
        if (number_at("decisions") >= before + 2)
            break;
    }
    assert_float_equal(number_at("decisions"), before + 2, 0);
}

static void the_same_row_is_answered_alike_whatever_stands_beside_it(void **state)
{
    char *alone, *among;

    TDL_UNUSED(state);
    client_expect(admin, 200, "POST", "/v1/predict/shop",
                  "{\"rows\":[{\"x\":4.2,\"region\":\"south\"}],\"log\":false,\"explain\":3}");
    alone = json_dumps(client_at(admin, "rows.0"), JSON_SORT_KEYS);
    client_expect(admin, 200, "POST", "/v1/predict/shop",
                  "{\"rows\":[{\"x\":1},{\"x\":\"bad\"},{\"x\":4.2,\"region\":\"south\"}],"
                  "\"log\":false,\"explain\":3}");
    among = json_dumps(client_at(admin, "rows.2"), JSON_SORT_KEYS);
    assert_string_equal(alone, among);
    free(alone);
    free(among);
}

static void a_row_of_a_wrong_type_is_refused_by_itself(void **state)
{
    TDL_UNUSED(state);
    client_expect(admin, 200, "POST", "/v1/predict/shop",
                  "{\"rows\":[{\"x\":\"tall\"},{\"x\":5,\"colour\":1},7]}");
    check("POST", "/v1/predict/{model}");
    assert_non_null(strstr(client_text(admin, "rows.0.error"),
                           "x: 'tall' is not a number; correct that cell, or send null"));
    assert_null(client_at(admin, "rows.0.decision_id"));
    assert_non_null(client_at(admin, "rows.1.decision_id"));
    assert_true(client_text(admin, "rows.2.error")[0]);
    assert_float_equal(number_at("unknown_keys"), 1, 0);
}

static void oddities_are_told_by_column(void **state)
{
    TDL_UNUSED(state);
    client_expect(admin, 200, "POST", "/v1/predict/shop",
                  "{\"rows\":[{\"x\":99,\"region\":\"moon\",\"weight\":1},"
                  "{\"x\":1,\"region\":\"north\"}]}");
    check("POST", "/v1/predict/{model}");
    json_t *told = json_object();
    const json_t *one;
    size_t i;
    json_array_foreach(client_at(admin, "warnings"), i, one)
    {
        json_object_set(told, json_string_value(json_object_get(one, "column")), (json_t *)one);
    }
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(told, "x"), "out_of_range")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(told, "region"), "unseen")),
                     1);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(told, "weight"), "missing")), 1);
    json_decref(told);
}

static void bad_questions_are_refused(void **state)
{
    tdl_buf many = {0};

    TDL_UNUSED(state);
    client_expect(admin, 404, "POST", "/v1/predict/nobody", "{\"rows\":[]}");
    assert_non_null(strstr(admin->body.at, "shop"));
    client_expect(admin, 404, "GET", "/v1/predict/nobody/schema", NULL);
    client_expect(admin, 404, "GET", "/v1/models/nobody/card", NULL);
    client_expect(admin, 400, "POST", "/v1/predict/shop", "{\"rows\":{}}");
    client_expect(admin, 400, "POST", "/v1/predict/shop", "{}");
    client_expect(admin, 400, "POST", "/v1/predict/shop", "[");
    client_expect(admin, 400, "POST", "/v1/predict/shop", "{\"rows\":[],\"interval\":1}");
    client_expect(admin, 400, "POST", "/v1/predict/shop", "{\"rows\":[],\"explain\":-1}");
    client_expect(admin, 400, "POST", "/v1/predict/shop", "{\"rows\":[],\"log\":1}");
    client_expect(admin, 400, "POST", "/v1/predict/shop", "{\"rows\":[],\"more\":1}");
    tdl_buf_text(&many, "{\"rows\":[{}");
    for (int i = 0; i < 1000; i++)
        tdl_buf_text(&many, ",{}");
    tdl_buf_text(&many, "]}");
    client_expect(admin, 413, "POST", "/v1/predict/shop", many.at);
    tdl_buf_release(&many);
    client_expect(admin, 400, "POST", "/v1/predict/outcome", "{\"outcomes\":[{\"truth\":1}]}");
    client_expect(admin, 400, "POST", "/v1/train", "{\"app\":\"predict\",\"seed\":-1}");
}

static void shares_of_the_columns_and_the_baseline_add_up_to_the_score(void **state)
{
    const json_t *feature;
    size_t i;

    TDL_UNUSED(state);
    client_expect(admin, 200, "POST", "/v1/explain/shop",
                  "{\"rows\":[{\"x\":8,\"region\":\"south\",\"weight\":3}]}");
    check("POST", "/v1/explain/{model}");
    double sum = number_at("rows.0.baseline");
    json_array_foreach(client_at(admin, "rows.0.features"), i, feature)
    {
        sum += json_number_value(json_object_get(feature, "attribution"));
    }
    assert_int_equal(i, 3);
    assert_float_equal(sum, number_at("rows.0.output"), 1e-6);
    assert_true(number_at("completeness_error") < 1e-6);
    client_expect(admin, 400, "POST", "/v1/explain/shop", "{\"rows\":[{}],\"class\":\"maybe\"}");
}

static void what_a_model_asks_for_and_its_card_can_be_read(void **state)
{
    TDL_UNUSED(state);
    client_expect(admin, 200, "GET", "/v1/predict/shop/schema", NULL);
    check("GET", "/v1/predict/{model}/schema");
    assert_string_equal(client_text(admin, "target"), "bought");
    assert_int_equal(json_array_size(client_at(admin, "columns")), 3);
    assert_true(number_at("columns.0.least") >= 0);
    assert_true(number_at("columns.0.most") <= 10);
    assert_string_equal(client_text(admin, "columns.1.levels.0"), "north");
    client_expect(admin, 200, "GET", "/v1/models/shop/card", NULL);
    check("GET", "/v1/models/{model}/card");
    assert_float_equal(number_at("card.rows"), ROWS, 0);
    client_expect(admin, 200, "GET", "/v1/predict", NULL);
    check("GET", "/v1/predict");
}

/* Rows of x at both ends, each told the truth that fits: of 20 decisions all are right. */
static void outcomes_make_the_live_quality_known(void **state)
{
    tdl_buf body = {0}, told = {0};
    char path[100];

    TDL_UNUSED(state);
    tdl_buf_text(&body, "{\"rows\":[");
    for (int i = 0; i < 20; i++)
        tdl_buf_printf(&body, "%s{\"x\":%s,\"region\":\"north\",\"weight\":5}", i ? "," : "",
                       i % 2 ? "9.9" : "0.1");
    tdl_buf_text(&body, "]}");
    client_expect(admin, 200, "GET", "/v1/predict/shop/live", NULL);
    check("GET", "/v1/predict/{model}/live");
    assert_float_equal(number_at("outcomes"), 0, 0);
    assert_true(json_is_null(client_at(admin, "quality")));
    client_expect(admin, 200, "POST", "/v1/predict/shop", body.at);
    snprintf(path, sizeof path, "/v1/decisions/%s", client_text(admin, "rows.1.decision_id"));
    tdl_buf_text(&told, "{\"outcomes\":[");
    for (int i = 0; i < 20; i++) {
        char at[40];
        snprintf(at, sizeof at, "rows.%d.decision_id", i);
        tdl_buf_printf(&told, "%s{\"decision_id\":\"%s\",\"truth\":\"%s\"}", i ? "," : "",
                       client_text(admin, at), i % 2 ? "yes" : "no");
    }
    tdl_buf_text(&told, ",{\"decision_id\":\"stranger\",\"truth\":\"yes\"}]}");
    client_expect(admin, 200, "POST", "/v1/predict/outcome", told.at);
    check("POST", "/v1/predict/outcome");
    assert_float_equal(number_at("stored"), 20, 0);
    assert_string_equal(client_text(admin, "unknown.0"), "stranger");
    client_expect(admin, 200, "POST", "/v1/predict/outcome", told.at);
    assert_float_equal(number_at("duplicates"), 20, 0);
    client_expect(admin, 200, "GET", path, NULL);
    assert_string_equal(client_text(admin, "rewards.0.kind"), "outcome");
    client_expect(admin, 200, "GET", "/v1/predict/shop/live", NULL);
    check("GET", "/v1/predict/{model}/live");
    assert_float_equal(number_at("outcomes"), 20, 0);
    assert_float_equal(number_at("quality.metrics.accuracy.value"), 1, 0);
    assert_float_equal(number_at("quality.metrics.auc.value"), 1, 0);
    assert_true(number_at("drift.stability_index") > 0.2); // both ends only: far from training
    tdl_buf_release(&body);
    tdl_buf_release(&told);
}

static void a_table_that_is_sent_is_fitted_and_serves(void **state)
{
    tdl_buf table = {0};

    TDL_UNUSED(state);
    write_table(&table);
    client_expect(admin, 400, "POST", "/v1/predict/fit?name=sent&target=nothing", table.at);
    client_expect(admin, 400, "POST", "/v1/predict/fit?name=sent", table.at);
    client_expect(admin, 400, "POST", "/v1/predict/fit?name=../x&target=bought", table.at);
    client_expect(admin, 400, "POST", "/v1/predict/fit?name=outcome&target=bought", table.at);
    client_expect(admin, 400, "POST", "/v1/predict/fit?name=sent&target=bought&speed=9", table.at);
    client_expect(admin, 400, "POST", "/v1/predict/fit?name=sent&target=bought&prepare=magic=1",
                  table.at);
    client_expect(admin, 400, "POST",
                  "/v1/predict/fit?name=sent&target=bought&holidays=/etc/passwd", table.at);
    client_expect(admin, 400, "POST", "/v1/predict/fit?name=sent&target=bought", NULL);
    client_expect(admin, 202, "POST",
                  "/v1/predict/fit?name=sent&target=bought&model=logistic&fairness=region"
                  "&prepare=impute=median&augment=copies=1&missing=unknown",
                  table.at);
    check("POST", "/v1/predict/fit");
    assert_int_equal(client_call(admin, "POST", "/v1/predict/fit?name=b&target=bought", table.at),
                     409);
    for (int i = 0; i < WAIT_STEPS; i++) {
        client_expect(admin, 200, "GET", "/v1/stats", NULL);
        if (strcmp(client_text(admin, "training.state"), "running") != 0)
            break;
        usleep(WAIT_US);
    }
    assert_string_equal(client_text(admin, "training.state"), "done");
    client_expect(admin, 200, "POST", "/v1/predict/sent", "{\"rows\":[{\"x\":9}]}");
    assert_string_equal(client_text(admin, "rows.0.prediction"), "yes");
    client_expect(admin, 200, "GET", "/v1/models/sent/card", NULL);
    check("GET", "/v1/models/{model}/card");
    assert_non_null(client_at(admin, "card.fairness"));
    tdl_buf_release(&table);
}

static void a_decision_by_the_threshold_of_its_group_says_so(void **state)
{
    const char *all[] = {"fit",     csv,         "--target",    "bought",  "--name",
                         "even",    "--data",    treadle->data, "--model", "logistic",
                         "--equal", "selection", "--equal-by",  "region",  "--reason",
                         "a test",  NULL,        NULL,          NULL};
    char output[256], path[100];

    TDL_UNUSED(state);
    if (treadle->store[0]) {
        all[16] = "--store";
        all[17] = treadle->store;
    }
    assert_int_equal(server_command(all, output, sizeof output), 0);
    for (int i = 0; i < WAIT_STEPS; i++) {
        if (client_get(admin, "/v1/predict/even/schema") == 200)
            break;
        usleep(WAIT_US);
    }
    client_expect(admin, 200, "POST", "/v1/predict/even",
                  "{\"rows\":[{\"x\":6,\"region\":\"south\",\"weight\":1}]}");
    check("POST", "/v1/predict/{model}");
    assert_string_equal(client_text(admin, "rows.0.adjustment.group"), "south");
    assert_string_equal(client_text(admin, "rows.0.adjustment.reason"), "a test");
    snprintf(path, sizeof path, "/v1/decisions/%s", client_text(admin, "rows.0.decision_id"));
    client_expect(admin, 200, "GET", path, NULL);
    check("GET", "/v1/decisions/{id}");
    assert_string_equal(client_text(admin, "why.0.adjustment.column"), "region");
    client_expect(admin, 200, "POST", "/v1/explain/even",
                  "{\"rows\":[{\"x\":6,\"region\":\"north\",\"weight\":1}]}");
    check("POST", "/v1/explain/{model}");
    assert_string_equal(client_text(admin, "rows.0.adjustment.group"), "north");
}

/* What is told of it is checked by asking: the row with its changes is answered as was wanted. */
static void a_row_with_its_changes_is_answered_as_was_wanted(void **state)
{
    char body[200];
    const json_t *change;
    double x = 1;
    size_t i;

    TDL_UNUSED(state);
    client_expect(admin, 200, "POST", "/v1/explain/shop",
                  "{\"rows\":[{\"x\":1,\"region\":\"south\",\"weight\":3}],\"until\":\"yes\","
                  "\"keep\":[\"region\",\"weight\"],\"between\":{\"x\":[0,9]}}");
    check("POST", "/v1/explain/{model}");
    assert_string_equal(client_text(admin, "rows.0.prediction"), "no");
    assert_string_equal(client_text(admin, "until"), "yes");
    json_array_foreach(client_at(admin, "rows.0.counterfactuals.0.changes"), i, change)
    {
        assert_string_equal(json_string_value(json_object_get(change, "column")), "x");
        x = json_number_value(json_object_get(change, "to"));
    }
    assert_int_equal(i, 1);
    assert_true(x > 1 && x <= 9);
    snprintf(body, sizeof body,
             "{\"log\":false,\"rows\":[{\"x\":%.17g,\"region\":\"south\",\"weight\":3}]}", x);
    client_expect(admin, 200, "POST", "/v1/predict/shop", body);
    assert_string_equal(client_text(admin, "rows.0.prediction"), "yes");
}

static void what_cannot_be_reached_has_no_changes(void **state)
{
    TDL_UNUSED(state);
    client_expect(admin, 200, "POST", "/v1/explain/shop",
                  "{\"rows\":[{\"x\":1,\"region\":\"south\",\"weight\":3}],\"until\":\"yes\","
                  "\"only_down\":[\"x\"],\"keep\":[\"region\",\"weight\"]}");
    check("POST", "/v1/explain/{model}");
    assert_int_equal(json_array_size(client_at(admin, "rows.0.counterfactuals")), 0);
    client_expect(admin, 200, "POST", "/v1/explain/shop",
                  "{\"rows\":[{\"x\":1,\"region\":\"south\",\"weight\":3}],\"until\":\"no\"}");
    assert_true(json_is_true(client_at(admin, "rows.0.already")));
}

static void bad_wishes_for_another_answer_are_refused(void **state)
{
    static const char *const bad[] = {
        "\"until\":\"perhaps\"",
        "\"until\":\"yes>=2\"",
        "\"keep\":[\"x\"]",
        "\"until\":\"yes\",\"keep\":\"x\"",
        "\"until\":\"yes\",\"keep\":[\"nothing\"]",
        "\"until\":\"yes\",\"between\":{\"x\":[1]}",
        "\"until\":\"yes\",\"most\":0",
        "\"until\":\"yes\",\"seconds\":60",
    };
    char body[300];

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(body, sizeof body, "{\"rows\":[{\"x\":1,\"region\":\"south\",\"weight\":3}],%s}",
                 bad[i]);
        client_expect(admin, 400, "POST", "/v1/explain/shop", body);
    }
    client_expect(admin, 413, "POST", "/v1/explain/shop",
                  "{\"until\":\"yes\",\"rows\":[{},{},{},{},{},{},{},{},{},{},{}]}");
}

/* The group's own threshold is what another answer is measured against. */
static void another_answer_is_by_the_threshold_of_the_group(void **state)
{
    TDL_UNUSED(state);
    client_expect(admin, 200, "POST", "/v1/explain/even",
                  "{\"rows\":[{\"x\":0.5,\"region\":\"south\",\"weight\":1}],\"until\":\"yes\"}");
    check("POST", "/v1/explain/{model}");
    assert_string_equal(client_text(admin, "rows.0.adjustment.group"), "south");
    assert_true(number_at("rows.0.counterfactuals.0.output") >=
                number_at("rows.0.adjustment.threshold") - 1e-12);
}

static const json_t *drift_of(const char *column)
{
    const json_t *one;
    size_t i;

    json_array_foreach(client_at(admin, "columns"), i, one)
    {
        if (!strcmp(json_string_value(json_object_get(one, "column")), column))
            return one;
    }
    fail_msg("column %s is not told of", column);
    return NULL;
}

/* Rows of the training table, then four times as many where everybody is in the south and x is
 * above all of its deciles: of region then p = (about .5, .5) against q = (0, 1), whose index, with
 * half a row for the empty part, is far above .2; weight is that of training. */
static void drift_is_told_by_column_of_the_rows_that_were_answered(void **state)
{
    const char *all[] = {"fit",     csv,      "--target",    "bought",  "--name",
                         "drifts",  "--data", treadle->data, "--model", "logistic",
                         "--quiet", NULL,     NULL,          NULL};
    tdl_buf calm = {0}, far = {0}, table = {0};
    char output[256];
    const char *line;

    TDL_UNUSED(state);
    if (treadle->store[0]) {
        all[11] = "--store";
        all[12] = treadle->store;
    }
    assert_int_equal(server_command(all, output, sizeof output), 0);
    for (int i = 0; i < WAIT_STEPS && client_get(admin, "/v1/predict/drifts/schema") != 200; i++)
        usleep(WAIT_US);
    client_expect(admin, 200, "GET", "/v1/predict/drifts/live", NULL);
    check("GET", "/v1/predict/{model}/live");
    assert_int_equal(json_array_size(client_at(admin, "columns")), 0);
    write_table(&table);
    tdl_buf_text(&calm, "{\"explain\":0,\"rows\":[");
    tdl_buf_text(&far, "{\"explain\":0,\"rows\":[");
    line = strchr(table.at, '\n') + 1;
    for (int i = 0; i < 200; i++, line = strchr(line, '\n') + 1) {
        double x;
        char region[6];
        int weight;

        assert_int_equal(sscanf(line, "%lf,%5[a-z],%d", &x, region, &weight), 3);
        tdl_buf_printf(&calm, "%s{\"x\":%g,\"region\":\"%s\",\"weight\":%d}", i ? "," : "", x,
                       region, weight);
        tdl_buf_printf(&far, "%s{\"x\":99,\"region\":\"south\",\"weight\":%d}", i ? "," : "",
                       weight);
    }
    tdl_buf_text(&calm, "]}");
    tdl_buf_text(&far, "]}");
    client_expect(admin, 200, "POST", "/v1/predict/drifts", calm.at);
    client_expect(admin, 200, "GET", "/v1/predict/drifts/live", NULL);
    check("GET", "/v1/predict/{model}/live");
    assert_int_equal(json_array_size(client_at(admin, "columns")), 3);
    assert_float_equal(number_at("alarms"), 0, 0);
    assert_string_equal(json_string_value(json_object_get(drift_of("x"), "state")), "calm");
    for (int i = 0; i < 4; i++)
        client_expect(admin, 200, "POST", "/v1/predict/drifts", far.at);
    client_expect(admin, 200, "GET", "/v1/predict/drifts/live?limit=800", NULL);
    check("GET", "/v1/predict/{model}/live");
    assert_float_equal(number_at("alarms"), 2, 0);
    assert_string_equal(json_string_value(json_object_get(drift_of("x"), "state")), "alarm");
    assert_string_equal(json_string_value(json_object_get(drift_of("region"), "state")), "alarm");
    assert_string_equal(json_string_value(json_object_get(drift_of("weight"), "state")), "calm");
    tdl_buf_release(&calm);
    tdl_buf_release(&far);
    tdl_buf_release(&table);
}

/* The outcome of a row is told by nobody in particular. */
static void outcomes_make_no_user(void **state)
{
    TDL_UNUSED(state);
    client_expect(admin, 200, "GET", "/v1/users", NULL);
    assert_int_equal(json_array_size(client_at(admin, "users")), 0);
}

static void a_fit_that_failed_says_what_to_do(void **state)
{
    tdl_buf table = {0};

    TDL_UNUSED(state);
    tdl_buf_text(&table, "x,told,bought\n");
    for (int i = 0; i < 60; i++)
        tdl_buf_printf(&table, "%d,%d,%s\n", i % 7, i % 2 * 10 + i % 3, i % 2 ? "yes" : "no");
    client_expect(admin, 202, "POST", "/v1/predict/fit?name=leaky&target=bought", table.at);
    for (int i = 0; i < WAIT_STEPS; i++) {
        client_expect(admin, 200, "GET", "/v1/stats", NULL);
        if (strcmp(client_text(admin, "training.state"), "running") != 0)
            break;
        usleep(WAIT_US);
    }
    check("GET", "/v1/stats");
    assert_string_equal(client_text(admin, "training.state"), "failed");
    assert_non_null(strstr(client_text(admin, "training.error"), "told"));
    assert_non_null(strstr(client_text(admin, "training.hint"), "leave it out"));
    client_expect(admin, 404, "POST", "/v1/predict/leaky", "{\"rows\":[]}");
    tdl_buf_release(&table);
}

static void rights_are_asked_for(void **state)
{
    client *anybody = client_new(treadle, NULL);

    TDL_UNUSED(state);
    client_expect(anybody, 401, "POST", "/v1/predict/shop", "{\"rows\":[]}");
    client_expect(anybody, 401, "POST", "/v1/predict/fit?name=x&target=y", "a,y\n1,2\n");
    client_expect(anybody, 401, "POST", "/v1/predict/outcome", "{\"outcomes\":[]}");
    client_free(anybody);
}

static int run(const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_version_is_swapped_in_without_a_restart),
        cmocka_unit_test(every_answered_row_is_a_decision_with_its_reasons),
        cmocka_unit_test(what_is_asked_for_a_look_only_is_not_logged),
        cmocka_unit_test(the_same_row_is_answered_alike_whatever_stands_beside_it),
        cmocka_unit_test(a_row_of_a_wrong_type_is_refused_by_itself),
        cmocka_unit_test(oddities_are_told_by_column),
        cmocka_unit_test(bad_questions_are_refused),
        cmocka_unit_test(shares_of_the_columns_and_the_baseline_add_up_to_the_score),
        cmocka_unit_test(what_a_model_asks_for_and_its_card_can_be_read),
        cmocka_unit_test(outcomes_make_the_live_quality_known),
        cmocka_unit_test(a_table_that_is_sent_is_fitted_and_serves),
        cmocka_unit_test(outcomes_make_no_user),
        cmocka_unit_test(a_fit_that_failed_says_what_to_do),
        cmocka_unit_test(a_decision_by_the_threshold_of_its_group_says_so),
        cmocka_unit_test(a_row_with_its_changes_is_answered_as_was_wanted),
        cmocka_unit_test(what_cannot_be_reached_has_no_changes),
        cmocka_unit_test(bad_wishes_for_another_answer_are_refused),
        cmocka_unit_test(another_answer_is_by_the_threshold_of_the_group),
        cmocka_unit_test(drift_is_told_by_column_of_the_rows_that_were_answered),
        cmocka_unit_test(rights_are_asked_for),
    };

    return cmocka_run_group_tests_name(name, tests, set_up, tear_down);
}

int main(void)
{
    int failed = run("e2e/predict");

    if ((database = postgres_start(true))) {
        server_share_key(database->folder);
        failed += run("e2e/predict on PostgreSQL");
        postgres_stop(database);
    }
    return failed;
}

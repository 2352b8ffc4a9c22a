/* Forecasts over HTTP, on both store backends: a forecaster that the command line saves beside a
 * running server serves within a second; every answer is a decision; values that became known
 * continue the history, tell how right forecasts were, and move the level of each horizon's
 * intervals when the truth of that horizon comes; all of it outlives the server. */
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

enum { DAYS = 84, WEEK = 7, WAIT_STEPS = 600, WAIT_US = 100000 };

static postgres *database; /* NULL: SQLite */
static server *treadle;
static client *admin;
static json_t *document;

static void near(double a, double b, double error)
{
    if (a != b && !(fabs(a - b) <= error))
        fail_msg("%.17g is not %.17g", a, b);
}

/* Shops "east" and "west" sell by the day of the week alone: whatever forecasts them, forecasts
 * them exactly. */
static double pattern(bool west, int day)
{
    return 100 + 10 * (day % WEEK) + (west ? 50 : 0);
}

/* A day counted from Monday, 2024-01-01: 84 of them end in March. */
static void date_of(int day, char ret[16])
{
    static const int months[] = {31, 29, 31, 30, 31};
    int month = 0;

    while (day >= months[month])
        day -= months[month++];
    snprintf(ret, 16, "2024-%02d-%02d", (month + 1) % 100, (day + 1) % 100);
}

static void write_table(const char *path, int days)
{
    FILE *file = fopen(path, "w");
    char date[16];

    assert_non_null(file);
    fputs("day,shop,units\n", file);
    for (int day = 0; day < days; day++) {
        date_of(day, date);
        fprintf(file, "%s,east,%g\n%s,west,%g\n", date, pattern(false, day), date,
                pattern(true, day));
    }
    assert_int_equal(fclose(file), 0);
}

static int forecast(const char *file, const char *option, const char *value, char *output, size_t n)
{
    const char *all[] = {"forecast", file,    "--data",   treadle->data, "--horizon", "7",
                         "--value",  "units", "--series", "shop",        option,      value,
                         "--quiet",  NULL,    NULL,       NULL};
    char trash[8192];

    if (treadle->store[0]) {
        all[13] = "--store";
        all[14] = treadle->store;
    }
    return server_command(all, output ? output : trash, output ? n : sizeof trash);
}

static void await_model(void)
{
    for (int i = 0; i < WAIT_STEPS; i++) {
        client_expect(admin, 200, "GET", "/v1/predict", NULL);
        if (json_array_size(client_at(admin, "models")))
            return;
        usleep(WAIT_US);
    }
    fail_msg("the forecaster did not come to serve");
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
    char path[160];

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
    snprintf(path, sizeof path, "%s/shops.csv", treadle->folder);
    write_table(path, DAYS);
    assert_int_equal(forecast(path, "--save", "shops", NULL, 0), 0);
    await_model();
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

static void check(const char *method, const char *route)
{
    schema_check(document, admin, method, route);
}

static double number_at(const char *path)
{
    const json_t *value = client_at(admin, path);

    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void tell(const char *series, int day, double truth)
{
    char body[200], date[16];

    date_of(day, date);
    snprintf(body, sizeof body,
             "{\"model\":\"shops\",\"outcomes\":[{\"series\":\"%s\",\"time\":\"%s\","
             "\"truth\":%g}]}",
             series, date, truth);
    client_expect(admin, 200, "POST", "/v1/forecast/outcome", body);
}

static void look(void)
{
    client_expect(admin, 200, "GET", "/v1/forecast/shops/live", NULL);
    check("GET", "/v1/forecast/{model}/live");
}

/* ---- */

static void a_forecaster_stands_among_the_models_with_its_card(void **state)
{
    TDL_UNUSED(state);
    client_expect(admin, 200, "GET", "/v1/predict", NULL);
    check("GET", "/v1/predict");
    assert_string_equal(client_text(admin, "models.0.name"), "shops");
    assert_string_equal(client_text(admin, "models.0.task"), "forecast");
    assert_string_equal(client_text(admin, "models.0.target"), "units");
    client_expect(admin, 200, "GET", "/v1/models/shops/card", NULL);
    check("GET", "/v1/models/{model}/card");
    near(number_at("card.series"), 2, 0);
    near(number_at("card.period"), WEEK, 0);
    client_expect(admin, 200, "GET", "/v1/models", NULL);
    check("GET", "/v1/models");
}

static void what_is_asked_for_a_look_only_is_not_logged(void **state)
{
    TDL_UNUSED(state);
    client_expect(admin, 200, "POST", "/v1/forecast/shops", "{\"log\":false}");
    check("POST", "/v1/forecast/{model}");
    assert_null(client_at(admin, "series.0.decision_id"));
    look();
    near(number_at("forecasts"), 0, 0);
    assert_true(json_is_null(client_at(admin, "quality")));
}

static void a_season_is_forecast_and_each_series_is_a_decision(void **state)
{
    char path[100], at[40];

    TDL_UNUSED(state);
    client_expect(admin, 200, "POST", "/v1/forecast/shops", "{\"levels\":[0.8]}");
    check("POST", "/v1/forecast/{model}");
    assert_int_equal(json_array_size(client_at(admin, "series")), 2);
    assert_string_equal(client_text(admin, "series.1.name"), "west");
    assert_string_equal(client_text(admin, "series.1.times.0"), "2024-03-25T00:00:00Z");
    for (int h = 0; h < WEEK; h++) {
        snprintf(at, sizeof at, "series.1.forecast.%d", h);
        near(number_at(at), pattern(true, DAYS + h), 1e-6);
        snprintf(at, sizeof at, "series.1.intervals.0.low.%d", h);
        near(number_at(at), pattern(true, DAYS + h), 1e-6); // it never erred
    }
    snprintf(path, sizeof path, "/v1/decisions/%s", client_text(admin, "series.1.decision_id"));
    client_expect(admin, 200, "GET", path, NULL);
    check("GET", "/v1/decisions/{id}");
    assert_string_equal(client_text(admin, "app"), "predict/shops");
}

/* Each forecast is right by the day of the week; the truths told are 1 more. So the mean error
 * is 1. The level a of a horizon moves by rate (miss - 1) = .01 (.2 - 1) when its truth has come,
 * and not before (Gibbs and Candes, 2021): after three days three of seven horizons stand at .192,
 * the others at .2, those of the other series too. */
static void a_level_moves_only_when_the_truth_of_its_horizon_has_come(void **state)
{
    TDL_UNUSED(state);
    for (int day = DAYS; day < DAYS + 3; day++)
        tell("east", day, pattern(false, day) + 1);
    check("POST", "/v1/forecast/outcome");
    look();
    near(number_at("truths"), 3, 0);
    near(number_at("scored"), 3, 0);
    near(number_at("quality.mae"), 1, 1e-6);
    near(number_at("quality.rmse"), 1, 1e-6);
    near(number_at("intervals.0.coverage"), 0, 0);
    near(number_at("intervals.0.working_level"), (3 * .808 + 11 * .8) / 14, 1e-9);
}

static void the_seasonal_naive_stands_beside_and_wins_when_it_is_as_good(void **state)
{
    TDL_UNUSED(state);
    look();
    near(number_at("quality.baseline_mase"), number_at("quality.mase"), 1e-6);
}

static void a_value_told_twice_is_one(void **state)
{
    TDL_UNUSED(state);
    tell("east", DAYS, pattern(false, DAYS) + 1);
    near(number_at("duplicates"), 1, 0);
    look();
    near(number_at("truths"), 3, 0);
}

static void the_next_forecast_begins_behind_what_was_told(void **state)
{
    TDL_UNUSED(state);
    client_expect(admin, 200, "POST", "/v1/forecast/shops",
                  "{\"series\":\"east\",\"horizon\":1,\"log\":false}");
    near(number_at("series.0.told"), 3, 0);
    assert_string_equal(client_text(admin, "series.0.times.0"), "2024-03-28T00:00:00Z");
}

static void a_step_that_was_not_told_is_filled_and_said(void **state)
{
    TDL_UNUSED(state);
    tell("east", DAYS + 4, pattern(false, DAYS + 4));
    client_expect(admin, 200, "POST", "/v1/forecast/shops",
                  "{\"series\":\"east\",\"horizon\":1,\"log\":false}");
    check("POST", "/v1/forecast/{model}");
    assert_string_equal(client_text(admin, "warnings.0.kind"), "filled");
    near(number_at("warnings.0.steps"), 1, 0);
    assert_string_equal(client_text(admin, "series.0.times.0"), "2024-03-30T00:00:00Z");
    look(); // the day between moved no level, the one after did not err
    near(number_at("scored"), 4, 0);
    tell("east", DAYS + 3, pattern(false, DAYS + 3) + 1); // too late to move a level
    look();
    near(number_at("scored"), 5, 0);
    near(number_at("quality.mae"), .8, 1e-6);
}

static void what_was_forecast_and_told_outlives_the_server(void **state)
{
    char *before, *after;

    TDL_UNUSED(state);
    look();
    before = json_dumps(admin->json, JSON_COMPACT | JSON_SORT_KEYS);
    client_free(admin);
    assert_int_equal(server_stop(treadle), 0);
    server_start(treadle, 0);
    admin = client_new(treadle, treadle->admin_key);
    look();
    after = json_dumps(admin->json, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void a_history_that_is_sent_is_forecast_as_its_like(void **state)
{
    tdl_buf body = {0};

    TDL_UNUSED(state);
    tdl_buf_text(&body, "{\"start\":\"2024-01-01\",\"horizon\":2,\"history\":[");
    for (int day = 0; day < DAYS; day++)
        tdl_buf_printf(&body, "%s%g", day ? "," : "", pattern(false, day) + 1000);
    tdl_buf_text(&body, "]}");
    client_expect(admin, 200, "POST", "/v1/forecast/shops", body.at);
    check("POST", "/v1/forecast/{model}");
    near(number_at("series.0.forecast.0"), pattern(false, DAYS) + 1000, 1e-6);
    assert_string_equal(client_text(admin, "series.0.times.1"), "2024-03-26T00:00:00Z");
    assert_string_equal(client_text(admin, "warnings.0.kind"), "new");
    tdl_buf_release(&body);
}

static void bad_questions_are_refused(void **state)
{
    static const struct {
        int status;
        const char *target, *body, *said;
    } bad[] = {
        {404, "/v1/forecast/nobody", "{}", "shops"},
        {400, "/v1/forecast/shops", "{\"horizon\":8}", "7"},
        {400, "/v1/forecast/shops", "{\"horizon\":0}", "horizon"},
        {400, "/v1/forecast/shops", "{\"levels\":[1]}", "level"},
        {400, "/v1/forecast/shops", "{\"levels\":[0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9]}", "8"},
        {400, "/v1/forecast/shops", "{\"history\":[]}", "history"},
        {400, "/v1/forecast/shops", "{\"history\":[null,null,1]}", "missing"},
        {400, "/v1/forecast/shops", "{\"history\":[\"1\"]}", "history"},
        {400, "/v1/forecast/shops", "{\"history\":[1],\"series\":[\"east\"]}", "several"},
        {400, "/v1/forecast/shops", "{\"start\":\"2024-01-01\"}", "history"},
        {400, "/v1/forecast/shops", "{\"series\":7}", "series"},
        {400, "/v1/forecast/shops", "{\"serie\":\"east\"}", "serie"},
        {400, "/v1/predict/shops", "{\"rows\":[{}]}", "forecasts series"},
        {400, "/v1/forecast/outcome", "{\"outcomes\":[]}", "model"},
        {400, "/v1/forecast/outcome",
         "{\"model\":\"shops\",\"outcomes\":[{\"series\":\"x\",\"time\":\"2024-04-01\","
         "\"truth\":1}]}",
         "x"},
        {400, "/v1/forecast/outcome",
         "{\"model\":\"shops\",\"outcomes\":[{\"series\":\"east\",\"time\":\"2024-04-01T05:00:"
         "00Z\","
         "\"truth\":1}]}",
         "steps"},
        {400, "/v1/forecast/outcome",
         "{\"model\":\"shops\",\"outcomes\":[{\"series\":\"east\",\"time\":\"2090-04-01\","
         "\"truth\":1}]}",
         "order"},
        {400, "/v1/forecast/outcome",
         "{\"model\":\"shops\",\"outcomes\":[{\"series\":\"east\",\"time\":\"2024-04-01\","
         "\"truth\":\"1\"}]}",
         "number"},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *said;

        client_expect(admin, bad[i].status, "POST", bad[i].target, bad[i].body);
        said = json_dumps(admin->json, 0);
        if (!strstr(said, bad[i].said))
            fail_msg("%s: \"%s\" is not in %s", bad[i].body, bad[i].said, said);
        free(said);
    }
    client_expect(admin, 404, "GET", "/v1/forecast/shops/live?series=x", NULL);
}

static void a_series_that_is_not_known_is_refused_by_itself(void **state)
{
    TDL_UNUSED(state);
    client_expect(admin, 200, "POST", "/v1/forecast/shops",
                  "{\"series\":[\"north\",\"west\"],\"log\":false}");
    check("POST", "/v1/forecast/{model}");
    assert_non_null(strstr(client_text(admin, "series.0.error"), "north"));
    assert_non_null(client_at(admin, "series.1.forecast"));
}

static void forecasts_make_no_user(void **state)
{
    TDL_UNUSED(state);
    client_expect(admin, 200, "GET", "/v1/users", NULL);
    assert_int_equal(json_array_size(client_at(admin, "users")), 0);
}

static void rights_are_asked_for(void **state)
{
    client *anybody = client_new(treadle, NULL);

    TDL_UNUSED(state);
    client_expect(anybody, 401, "POST", "/v1/forecast/shops", "{}");
    client_expect(anybody, 401, "POST", "/v1/forecast/outcome", "{}");
    client_expect(anybody, 401, "GET", "/v1/forecast/shops/live", NULL);
    client_free(anybody);
}

static void the_command_line_forecasts_from_it_and_from_a_newer_table(void **state)
{
    char output[8192], path[160], wanted[40];

    TDL_UNUSED(state);
    snprintf(path, sizeof path, "%s/newer.csv", treadle->folder);
    write_table(path, DAYS + 3);
    assert_int_equal(forecast(path, "--model", "shops", output, sizeof output), 0);
    snprintf(wanted, sizeof wanted, "east,2024-03-28T00:00:00Z,%g", pattern(false, DAYS + 3));
    assert_non_null(strstr(output, wanted));
    assert_int_not_equal(forecast(path, "--model", "nobody", output, sizeof output), 0);
    assert_int_not_equal(forecast(path, "--save", "ridge", output, sizeof output), 0);
}

static int run(const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forecaster_stands_among_the_models_with_its_card),
        cmocka_unit_test(what_is_asked_for_a_look_only_is_not_logged),
        cmocka_unit_test(a_season_is_forecast_and_each_series_is_a_decision),
        cmocka_unit_test(a_level_moves_only_when_the_truth_of_its_horizon_has_come),
        cmocka_unit_test(the_seasonal_naive_stands_beside_and_wins_when_it_is_as_good),
        cmocka_unit_test(a_value_told_twice_is_one),
        cmocka_unit_test(the_next_forecast_begins_behind_what_was_told),
        cmocka_unit_test(a_step_that_was_not_told_is_filled_and_said),
        cmocka_unit_test(what_was_forecast_and_told_outlives_the_server),
        cmocka_unit_test(a_history_that_is_sent_is_forecast_as_its_like),
        cmocka_unit_test(bad_questions_are_refused),
        cmocka_unit_test(a_series_that_is_not_known_is_refused_by_itself),
        cmocka_unit_test(forecasts_make_no_user),
        cmocka_unit_test(rights_are_asked_for),
        cmocka_unit_test(the_command_line_forecasts_from_it_and_from_a_newer_table),
    };

    return cmocka_run_group_tests_name(name, tests, set_up, tear_down);
}

int main(void)
{
    int failed = run("e2e/forecast");

    if ((database = postgres_start(true))) {
        server_share_key(database->folder);
        failed += run("e2e/forecast on PostgreSQL");
        postgres_stop(database);
    }
    return failed;
}

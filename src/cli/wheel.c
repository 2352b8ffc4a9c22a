#include "cli/wheel.h"

#include <string.h>
#include <unistd.h>

#include "cli/service.h"

enum { BATCH_N = 500, POLL_US = 200000 };

/* Between two requests: a person who presses Ctrl-C does not want to wait for the rest. */
static tdl_status check_interrupted(tdl_report *why)
{
    return tdl_service_interrupted() ? TDL_FAIL(why, TDL_E_STOPPED, "stopped on request") : TDL_OK;
}

/* ---- importing ---- */

/* Events the server holds; what a batch added is the difference. */
static tdl_status count_events(tdl_client *client, int64_t *ret, tdl_report *why)
{
    json_t *stats = NULL;
    tdl_status st = tdl_client_call(client, "GET", "/v1/stats", (tdl_str){0}, &stats, why);

    if (st)
        return st;
    if (!tdl_json_get_int(json_object_get(stats, "events"), "total", ret))
        st = TDL_FAIL(why, TDL_E_INTERNAL, "/v1/stats does not tell the number of events");
    json_decref(stats);
    return st;
}

static tdl_status send_events(void *context, const tdl_event *events, size_t events_n,
                              size_t *ret_new, tdl_report *why)
{
    tdl_status st = check_interrupted(why);

    *ret_new = events_n; // corrected by the server's own count at the end
    return st ? st : tdl_client_send_events(context, events, events_n, why);
}

static tdl_status send_items(void *context, const tdl_item *items, size_t items_n, tdl_report *why)
{
    return tdl_client_send_items(context, items, items_n, why);
}

tdl_status tdl_wheel_import(tdl_client *client, const char *csv_path, bool quiet,
                            tdl_import_result *ret, tdl_report *why)
{
    tdl_import_options options = {.path = csv_path,
                                  .map = "user=userId,item=movieId,value=rating,time=timestamp",
                                  .attributes = "year,genres",
                                  .kind = "rating",
                                  .source = "segment"};
    tdl_import_sink sink = {
        .context = client, .batch_n = BATCH_N, .events = send_events, .items = send_items};
    tdl_progress progress = tdl_progress_start(quiet);
    int64_t before, after;
    tdl_status st;

    if (access(csv_path, R_OK))
        return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND,
                             "run tools/setup demo, which takes them from a Debian package",
                             "%s: the ratings are not there", csv_path);
    if ((st = count_events(client, &before, why)))
        return st;
    st = tdl_import_file(&options, &sink, &progress, ret, why);
    tdl_progress_finish(&progress);
    if (st || (st = count_events(client, &after, why)))
        return st;
    size_t stored = (size_t)(after - before);
    ret->duplicates = ret->stored > stored ? ret->stored - stored : 0;
    ret->stored = stored;
    return TDL_OK;
}

/* ---- training ---- */

static tdl_status check_training(tdl_client *client, tdl_progress *progress, bool *ret_done,
                                 tdl_report *why)
{
    json_t *stats = NULL;
    tdl_status st = tdl_client_call(client, "GET", "/v1/stats", (tdl_str){0}, &stats, why);

    if (st)
        return st;
    const json_t *training = json_object_get(stats, "training");
    const char *state = json_string_value(json_object_get(training, "state"));
    const char *stage = json_string_value(json_object_get(training, "stage"));
    const char *error = json_string_value(json_object_get(training, "error"));
    tdl_progress_draw(progress, stage ? stage : "",
                      json_number_value(json_object_get(training, "done")),
                      json_string_value(json_object_get(training, "detail")));
    *ret_done = state && !strcmp(state, "done");
    if (state && !strcmp(state, "failed"))
        st =
            TDL_FAIL(why, TDL_E_INTERNAL, "training failed: %s", error ? error : "no reason given");
    json_decref(stats);
    return st;
}

static tdl_status fetch_report(tdl_client *client, json_t **ret, tdl_report *why)
{
    json_t *models = NULL, *model, *report = NULL;
    size_t i;
    tdl_status st = tdl_client_call(client, "GET", "/v1/models", (tdl_str){0}, &models, why);

    if (st)
        return st;
    json_array_foreach(json_object_get(models, "models"), i, model)
    {
        if (json_is_true(json_object_get(model, "active")))
            report = json_incref(json_object_get(model, "report"));
    }
    json_decref(models);
    if (!report)
        return TDL_FAIL(why, TDL_E_INTERNAL, "training is done but no model serves");
    *ret = report;
    return TDL_OK;
}

tdl_status tdl_wheel_train(tdl_client *client, bool quiet, json_t **ret_report, tdl_report *why)
{
    tdl_str body = TDL_STR("{\"app\":\"recommend\",\"seed\":1}");
    tdl_status st = tdl_client_call(client, "POST", "/v1/train", body, NULL, why);
    tdl_progress progress = tdl_progress_start(quiet);
    bool done = false;

    while (!st && !done) {
        usleep(POLL_US);
        if (!(st = check_interrupted(why)))
            st = check_training(client, &progress, &done, why);
    }
    tdl_progress_finish(&progress);
    return st ? st : fetch_report(client, ret_report, why);
}

/* ---- asking ---- */

tdl_status tdl_wheel_settle(tdl_client *client, tdl_report *why)
{
    tdl_str body = TDL_STR("{\"version\":0,\"policy\":{\"seen\":\"never\"}}");

    return tdl_client_call(client, "PUT", "/v1/recommend/surfaces/home", body, NULL, why);
}

tdl_status tdl_wheel_recommend(tdl_client *client, const char *user, json_t **ret, tdl_report *why)
{
    tdl_buf path = {0};
    tdl_status st = check_interrupted(why);

    if (st)
        return st;
    tdl_buf_text(&path, "/v1/recommend?n=10&user=");
    tdl_client_escape(&path, tdl_str_of(user));
    st = path.failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory")
                     : tdl_client_call(client, "GET", path.at, (tdl_str){0}, ret, why);
    tdl_buf_release(&path);
    return st;
}

tdl_status tdl_wheel_users(tdl_client *client, json_t **ret, tdl_report *why)
{
    json_t *answer = NULL;
    tdl_status st =
        tdl_client_call(client, "GET", "/v1/users?limit=100", (tdl_str){0}, &answer, why);

    if (st)
        return st;
    json_t *users = json_object_get(answer, "users");
    if (json_array_size(users))
        *ret = json_incref(users);
    else
        st = TDL_FAIL(why, TDL_E_INTERNAL, "events are stored but no user is listed");
    json_decref(answer);
    return st;
}

/* treadle demo: one turn of the wheel on real data, through the front door.
 *
 * Starts a server on a folder of its own, sends 100,004 real ratings to it over HTTP as a Segment
 * SDK would, has it train, asks it for answers, gives feedback, and prints what it learned.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/timestamp.h"
#include "base/uuid.h"
#include "cli/commands.h"
#include "cli/evaluation.h"
#include "cli/folder.h"
#include "cli/open_store.h"
#include "cli/service.h"
#include "cli/wheel.h"

enum { LATENCY_CALLS = 2000, SHOWN_N = 5 };

typedef struct demo_values {
    tdl_common common;
    bool once;
    int64_t port;
    const char *file, *keep;
} demo_values;

static const tdl_option demo_options[] = {
    {"once",
     TDL_OPTION_FLAG,
     offsetof(demo_values, once),
     NULL,
     NULL,
     0,
     0,
     {"stop after printing instead of serving on", "打印后即停止，不继续服务"}},
    {"port",
     TDL_OPTION_INT,
     offsetof(demo_values, port),
     "PORT",
     "8321",
     0,
     65535,
     {"port; another free one when it is taken", "端口；被占用时改用空闲端口"}},
    {"demo-file",
     TDL_OPTION_TEXT,
     offsetof(demo_values, file),
     "CSV",
     TDL_WHEEL_RATINGS,
     0,
     0,
     {"the ratings; tools/setup fetches them", "评分数据；由 tools/setup 获取"}},
    {"demo-keep",
     TDL_OPTION_TEXT,
     offsetof(demo_values, keep),
     "DIR",
     NULL,
     0,
     0,
     {"data folder to use and keep; default: a temporary one",
      "使用并保留的数据目录；默认临时目录"}},
};

typedef struct demo_result {
    tdl_import_result import;
    json_t *report;                 /* of the model that serves */
    double p50_us, p99_us;          /* of /v1/recommend, one connection, seen from the client */
    char user[TDL_ID_MAX + 1];      /* */
    json_t *before, *after, *taken; /* answers, and the item the user took in between */
} demo_result;

typedef struct demo {
    const demo_values *values;
    tdl_service service;
    tdl_client *client;
    demo_result result;
} demo;

/* ---- asking ---- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static const char *user_id(const json_t *users, size_t i)
{
    return json_string_value(json_object_get(json_array_get(users, i), "id"));
}

/* Round-robin over the most recently active users. */
static tdl_status measure_latency(demo *d, tdl_report *why)
{
    static double us[LATENCY_CALLS];
    json_t *users = NULL;
    tdl_status st = tdl_wheel_users(d->client, &users, why);

    for (size_t i = 0; !st && i < LATENCY_CALLS; i++) {
        st = tdl_wheel_recommend(d->client, user_id(users, i % json_array_size(users)), NULL, why);
        us[i] = 1e6 * tdl_client_seconds(d->client);
    }
    if (!st) {
        qsort(us, LATENCY_CALLS, sizeof us[0], compare_doubles);
        d->result.p50_us = us[LATENCY_CALLS / 2];
        d->result.p99_us = us[LATENCY_CALLS * 99 / 100];
        snprintf(d->result.user, sizeof d->result.user, "%s", user_id(users, 0));
    }
    json_decref(users);
    return st;
}

/* The user takes the first item of the answer; the next answer must know. */
static tdl_status give_feedback(demo *d, tdl_report *why)
{
    demo_result *r = &d->result;
    char message_id[37];
    tdl_status st = tdl_wheel_recommend(d->client, r->user, &r->before, why);

    if (st)
        return st;
    r->taken = json_incref(json_array_get(json_object_get(r->before, "items"), 0));
    const char *item = json_string_value(json_object_get(r->taken, "id"));
    if (!item)
        return TDL_FAIL(why, TDL_E_INTERNAL, "the answer for user %s holds no item", r->user);
    tdl_uuid7(message_id);
    tdl_event event = {
        .time_us = tdl_time_now(),
        .user = tdl_str_of(r->user),
        .kind = TDL_STR("rating"),
        .item = tdl_str_of(item),
        .value = 5,
        .has_value = true,
        .source = TDL_STR("segment"),
        .message_id = tdl_str_of(message_id),
        .decision_id = tdl_str_of(json_string_value(json_object_get(r->before, "decision_id")))};
    if ((st = tdl_client_send_events(d->client, &event, 1, why)))
        return st;
    return tdl_wheel_recommend(d->client, r->user, &r->after, why);
}

/* ---- printing ---- */

static double events_per_second(const demo_result *r)
{
    return r->import.seconds > 0 ? round((double)r->import.rows / r->import.seconds) : 0;
}

static json_t *item_ids(const json_t *answer)
{
    json_t *ids = json_array(), *item;
    size_t i;

    json_array_foreach(json_object_get(answer, "items"), i, item)
        json_array_append(ids, json_object_get(item, "id"));
    return ids;
}

static void print_json(const demo *d)
{
    const demo_result *r = &d->result;
    json_t *evaluation = json_object_get(r->report, "evaluation");
    json_t *out = json_pack(
        "{s:{s:I,s:f}, s:O, s:O, s:{s:f,s:f}, s:{s:s,s:O,s:o,s:o}, s:s}", "events", "imported",
        (json_int_t)r->import.stored, "per_second", events_per_second(r), "evaluation", evaluation,
        "promoted", json_object_get(r->report, "promoted"), "latency_us", "p50", r->p50_us, "p99",
        r->p99_us, "realtime", "user", r->user, "took", json_object_get(r->taken, "id"), "before",
        item_ids(r->before), "after", item_ids(r->after), "url", d->service.url);

    json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(out);
}

static void print_items(const char *heading, const json_t *answer)
{
    json_t *item;
    size_t i;

    printf("%s\n", heading);
    json_array_foreach(json_object_get(answer, "items"), i, item)
    {
        if (i == SHOWN_N)
            break;
        const json_t *reason = json_array_get(json_object_get(item, "reasons"), 0);
        const char *because = json_string_value(json_object_get(reason, "title"));
        printf("  %zu. %s%s%s\n", i + 1, json_string_value(json_object_get(item, "title")),
               because ? tdl_tr("   because of ", "   因为看过 ") : "", because ? because : "");
    }
}

static void print_text(const demo *d)
{
    const demo_result *r = &d->result;

    printf(
        tdl_tr("%zu ratings stored over HTTP in %.1f s (%.0f events/s, each acknowledged after "
               "fsync)\n\n",
               "%zu 条评分经 HTTP 入库，用时 %.1f 秒（每秒 %.0f 个事件，均在 fsync 之后确认）\n\n"),
        r->import.stored, r->import.seconds, events_per_second(r));
    tdl_evaluation_print(stdout, r->report);
    printf(tdl_tr("\nAn answer takes %.0f us (median) and %.0f us (p99) over HTTP, %d calls.\n\n",
                  "\n一次回答经 HTTP 中位数 %.0f 微秒，p99 %.0f 微秒，共 %d 次。\n\n"),
           r->p50_us, r->p99_us, LATENCY_CALLS);
    printf(tdl_tr("User %s\n", "用户 %s\n"), r->user);
    print_items(tdl_tr("should see next:", "接下来应看到："), r->before);
    printf(tdl_tr("takes \"%s\"; the next answer knows:\n", "选择了“%s”；下一次回答已经知道：\n"),
           json_string_value(json_object_get(r->taken, "title")));
    print_items("", r->after);
}

/* ---- the whole ---- */

static tdl_status turn_the_wheel(demo *d, tdl_report *why)
{
    tdl_status st;

    if ((st = tdl_client_new(d->service.url, d->service.admin_key, &d->client, why)))
        return st;
    st = tdl_wheel_import(d->client, d->values->file, d->values->common.quiet, &d->result.import,
                          why);
    if (st)
        return st;
    if ((st = tdl_wheel_settle(d->client, why)) ||
        (st = tdl_wheel_train(d->client, d->values->common.quiet, &d->result.report, why)))
        return st;
    if ((st = measure_latency(d, why)))
        return st;
    return give_feedback(d, why);
}

static void serve_on(demo *d)
{
    printf("\n%s\n  %s/#key=%s\n%s\n",
           tdl_tr("Dashboard (Ctrl-C stops):", "仪表盘（Ctrl-C 停止）："), d->service.url,
           d->service.admin_key, tdl_tr("The key is shown this once only.", "密钥只显示这一次。"));
    fflush(stdout);
    tdl_service_wait(&d->service);
}

static void release(demo *d)
{
    json_decref(d->result.report);
    json_decref(d->result.before);
    json_decref(d->result.after);
    json_decref(d->result.taken);
    tdl_client_free(d->client);
    tdl_service_stop(&d->service);
}

static tdl_status run_demo(const void *values, char **arguments, tdl_report *why)
{
    demo d = {.values = values};
    char temporary[64] = "";
    const char *folder = d.values->keep;
    char key[PATH_MAX];
    tdl_status st;

    TDL_UNUSED(arguments);
    if (!folder) {
        if ((st = tdl_folder_temporary(temporary, why)))
            return st;
        folder = temporary;
    }
    tdl_service_options options = {
        .data_dir = folder,
        .master_key_file = key,
        .server = {.address = "127.0.0.1", .port = (uint16_t)d.values->port},
        .port_may_move = true};
    if ((st = tdl_master_key_file(&d.values->common, folder, key, why)) ||
        (st = tdl_service_start(&options, &d.service, why)))
        goto out;
    if (!d.service.admin_key[0]) {
        st = TDL_FAIL_HINT(why, TDL_E_CONFLICT, "give --demo-keep a folder that does not exist yet",
                           "%s already holds a store with keys of its own", folder);
        goto out;
    }
    if ((st = turn_the_wheel(&d, why)))
        goto out;
    if (d.values->common.json)
        print_json(&d);
    else
        print_text(&d);
    if (!d.values->once)
        serve_on(&d);
out:
    release(&d);
    if (temporary[0])
        tdl_folder_remove(temporary);
    if (st == TDL_E_STOPPED)
        tdl_service_obey(); // Ctrl-C before the figures: to a shell the demo was interrupted
    return st;
}

const tdl_command tdl_command_demo = {
    .name = "demo",
    .values_size = sizeof(demo_values),
    .options = demo_options,
    .options_n = sizeof demo_options / sizeof demo_options[0],
    .summary = {"one turn of the wheel on real ratings", "用真实评分把整个循环转一圈"},
    .examples = "  treadle demo\n"
                "  treadle demo --once --json\n"
                "  treadle demo --demo-keep ./demo-data --port 9000\n",
    .run = run_demo,
};

/* POST /v1/recommend over HTTP, beside /healthz and a flag answer of the same server in the same
 * run: a catalogue of 1,000 items, then one of 100,000; how soon an event is seen; and memory.
 *
 * The server is a process of its own and the load comes from this one, on the same machine, so all
 * routes pay for it alike. Throughputs take turns; medians are quoted. Latencies are those at a
 * fixed rate, counted from when a question was due.
 *
 * Data are made up: people who like some groups of items, what comes after what, and items that are
 * in fashion for some weeks. Each is known best by another rung, so that a blend of them serves.
 * The model is trained on all of the catalogue, most of which nobody had.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bars.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "child.h"
#include "cli/wheel.h"
#include "load.h"

enum { PEOPLE = 400, EACH = 30, SMALL = 1000, LARGE = 100000, BATCH = 500, ID_MAX_BYTES = 24 };
enum {
    BOUGHT = 300,
    GROUP = 20,
    GROUPS = BOUGHT / GROUP,
    LIKED = 3,
    DAYS = 120,
    FASHION_DAYS = 20
};
enum { ROUNDS = 3, CONNECTIONS = 16, RATE = 2000, SEEN = 60, MORE_EVENTS = 50000 };
static const double ROUND_SECONDS = 2, LATENCY_SECONDS = 5;
static const double MILLION = 1e6;

/* ---- what is sent ---- */

typedef struct batch {
    char user[BATCH][ID_MAX_BYTES], item[BATCH][ID_MAX_BYTES], message[BATCH][ID_MAX_BYTES];
    tdl_event event[BATCH];
} batch;

static tdl_status send_catalogue(tdl_client *client, size_t items_n, tdl_report *why)
{
    static char id[BATCH][ID_MAX_BYTES], title[BATCH][ID_MAX_BYTES], attributes[BATCH][96];
    static tdl_item item[BATCH];
    tdl_status st = TDL_OK;

    for (size_t at = 0; !st && at < items_n; at += BATCH) {
        size_t n = items_n - at < BATCH ? items_n - at : BATCH;
        for (size_t i = 0; i < n; i++) {
            snprintf(id[i], sizeof id[i], "item-%zu", at + i);
            snprintf(title[i], sizeof title[i], "Article %zu", at + i);
            snprintf(attributes[i], sizeof attributes[i],
                     "{\"categories\":[\"c%zu\"],\"price\":%zu.5,\"seller\":\"s%zu\"}",
                     (at + i) % 97, (at + i) % 200, (at + i) % 31);
            item[i] = (tdl_item){.id = tdl_str_of(id[i]),
                                 .title = tdl_str_of(title[i]),
                                 .attributes = tdl_str_of(attributes[i])};
        }
        st = tdl_client_send_items(client, item, n, why);
    }
    return st;
}

/* Of a person: groups that he likes, what he had. */
typedef struct buyer {
    bool likes[GROUPS], had[BOUGHT];
    size_t last; /* BOUGHT = nothing yet */
} buyer;

typedef struct purchase {
    int64_t second; /* since the first day */
    size_t user, item;
} purchase;

static int by_time(const void *left, const void *right)
{
    const purchase *a = left, *b = right;

    if (a->second != b->second)
        return a->second < b->second ? -1 : 1;
    return a->user < b->user ? -1 : a->user > b->user;
}

/* One of five is, each FASHION_DAYS anew. */
static bool in_fashion(size_t item, int64_t second)
{
    size_t when = (size_t)(second / 86400 / FASHION_DAYS);
    tdl_rng rng = tdl_rng_make(22, item * DAYS + when);

    return tdl_rng_uniform(&rng) < .2;
}

static size_t draw_item(tdl_rng *rng, const buyer *b, int64_t second)
{
    for (;;) {
        size_t item = (size_t)tdl_rng_below(rng, BOUGHT);
        size_t after = (item + BOUGHT - b->last) % BOUGHT;
        double chance = (in_fashion(item, second) ? 1 : .06) * (b->likes[item / GROUP] ? 1 : .06);
        if (b->last < BOUGHT && (after < GROUP || after > GROUP + 3))
            chance *= .02; // what follows stands in the next group
        if (!b->had[item] && tdl_rng_uniform(rng) < chance)
            return item;
    }
}

static void shop(size_t user, purchase *ret)
{
    tdl_rng rng = tdl_rng_make(21, user);
    buyer b = {.last = BOUGHT};

    for (size_t i = 0; i < LIKED; i++)
        b.likes[tdl_rng_below(&rng, GROUPS)] = true;
    for (size_t i = 0; i < EACH; i++)
        ret[i] = (purchase){.second = (int64_t)tdl_rng_below(&rng, DAYS * 86400), .user = user};
    qsort(ret, EACH, sizeof *ret, by_time);
    for (size_t i = 0; i < EACH; i++) {
        b.last = ret[i].item = draw_item(&rng, &b, ret[i].second);
        b.had[b.last] = true;
    }
}

/* What `PEOPLE` people bought, in order of time; items lie far apart in the catalogue. */
static tdl_status send_purchases(tdl_client *client, size_t items_n, tdl_report *why)
{
    static purchase bought[PEOPLE * EACH];
    static batch b;
    int64_t first_us = tdl_time_now() - INT64_C(86400000000) * DAYS;
    tdl_status st = TDL_OK;

    for (size_t user = 0; user < PEOPLE; user++)
        shop(user, bought + user * EACH);
    qsort(bought, (size_t)PEOPLE * EACH, sizeof *bought, by_time);
    for (size_t at = 0; !st && at < (size_t)PEOPLE * EACH; at += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            const purchase *one = &bought[at + i];
            snprintf(b.user[i], ID_MAX_BYTES, "user-%zu", one->user);
            snprintf(b.item[i], ID_MAX_BYTES, "item-%zu", one->item * (items_n / BOUGHT));
            snprintf(b.message[i], ID_MAX_BYTES, "p-%zu", at + i);
            b.event[i] = (tdl_event){.time_us = first_us + one->second * 1000000,
                                     .user = tdl_str_of(b.user[i]),
                                     .kind = TDL_STR("purchase"),
                                     .item = tdl_str_of(b.item[i]),
                                     .source = TDL_STR("segment"),
                                     .message_id = tdl_str_of(b.message[i])};
        }
        st = tdl_client_send_events(client, b.event, BATCH, why);
    }
    return st;
}

/* MORE_EVENTS of people whom nobody knows yet, on all of the catalogue: what they take of memory.
 */
static tdl_status send_more(tdl_client *client, tdl_report *why)
{
    static batch b;
    tdl_rng rng = tdl_rng_make(23, 0);
    int64_t now_us = tdl_time_now();
    tdl_status st = TDL_OK;

    for (size_t at = 0; !st && at < MORE_EVENTS; at += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            snprintf(b.user[i], ID_MAX_BYTES, "more-%zu", (at + i) % PEOPLE);
            snprintf(b.item[i], ID_MAX_BYTES, "item-%zu", (size_t)tdl_rng_below(&rng, LARGE));
            snprintf(b.message[i], ID_MAX_BYTES, "m-%zu", at + i);
            b.event[i] = (tdl_event){.time_us = now_us - (int64_t)(MORE_EVENTS - at - i) * 1000000,
                                     .user = tdl_str_of(b.user[i]),
                                     .kind = TDL_STR("purchase"),
                                     .item = tdl_str_of(b.item[i]),
                                     .source = TDL_STR("segment"),
                                     .message_id = tdl_str_of(b.message[i])};
        }
        st = tdl_client_send_events(client, b.event, BATCH, why);
    }
    return st;
}

static tdl_status put_flag(tdl_client *client, tdl_report *why)
{
    static const char flag[] =
        "{\"family\":\"posthog\",\"definition\":{\"filters\":{\"groups\":"
        "[{\"rollout_percentage\":50,\"properties\":[{\"key\":\"country\",\"operator\":"
        "\"exact\",\"value\":[\"US\",\"GB\",\"DE\"]}]}]}}}";

    return tdl_client_call(client, "PUT", "/v1/flags/flag-1", tdl_str_of(flag), NULL, why);
}

/* ---- questions ---- */

typedef struct questions {
    tdl_buf bytes[PEOPLE];
    tdl_str text[PEOPLE];
    size_t n;
} questions;

typedef enum route { HEALTH, FLAG, ANSWER, ROUTES } route;

static void add_question(questions *q, const tdl_child *child, const char *path, const char *body)
{
    tdl_buf *out = &q->bytes[q->n];

    if (body)
        tdl_buf_printf(out,
                       "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                       path, child->admin_key, strlen(body), body);
    else
        tdl_buf_printf(out, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
    q->text[q->n++] = tdl_buf_view(out);
}

static void make_questions(questions q[ROUTES], const tdl_child *child)
{
    char body[160];

    add_question(&q[HEALTH], child, "/healthz", NULL);
    for (size_t i = 0; i < PEOPLE; i++) {
        snprintf(body, sizeof body,
                 "{\"id\":\"user-%zu\",\"properties\":{\"country\":\"GB\",\"seats\":25}}", i);
        add_question(&q[FLAG], child, "/v1/flags/flag-1/evaluate", body);
        snprintf(body, sizeof body, "{\"surface\":\"home\",\"user\":\"user-%zu\",\"k\":10}", i);
        add_question(&q[ANSWER], child, "/v1/recommend", body);
    }
}

static void release_questions(questions q[ROUTES])
{
    for (size_t r = 0; r < ROUTES; r++)
        for (size_t i = 0; i < q[r].n; i++)
            tdl_buf_release(&q[r].bytes[i]);
}

static tdl_status load(const tdl_child *child, const questions *q, double rate, double seconds,
                       tdl_load_result *ret, tdl_report *why)
{
    tdl_load_options options = {.port = child->port,
                                .requests = q->text,
                                .requests_n = q->n,
                                .connections = CONNECTIONS,
                                .rate = rate,
                                .seconds = seconds};

    return tdl_load_run_answered(&options, ret, why);
}

/* ---- how soon an event is seen ---- */

static json_t *ids_of(const json_t *answer)
{
    json_t *ids = json_array(), *item;
    size_t i;

    json_array_foreach(json_object_get(answer, "items"), i, item)
        json_array_append(ids, json_object_get(item, "id"));
    return ids;
}

static tdl_status ask(tdl_client *client, const char *body, json_t **ret_ids, tdl_report *why)
{
    json_t *answer = NULL;
    tdl_status st =
        tdl_client_call(client, "POST", "/v1/recommend", tdl_str_of(body), &answer, why);

    if (!st)
        *ret_ids = ids_of(answer);
    json_decref(answer);
    return st;
}

/* The person takes what he is shown first; seconds until the answer is another one. */
static tdl_status see_one(tdl_client *client, size_t which, double *ret, tdl_report *why)
{
    enum { TRIES = 1000 };
    char body[128], event[256];
    json_t *before = NULL, *after = NULL;
    bool same = true;
    tdl_status st;

    snprintf(body, sizeof body,
             "{\"surface\":\"home\",\"user\":\"user-%zu\",\"k\":10,\"explore\":false}", which);
    if ((st = ask(client, body, &before, why)))
        goto out;
    snprintf(
        event, sizeof event,
        "{\"user\":\"user-%zu\",\"kind\":\"purchase\",\"item\":\"%s\",\"message_id\":\"s-%zu\"}",
        which, json_string_value(json_array_get(before, 0)), which);
    int64_t started_us = tdl_time_monotonic();
    if ((st = tdl_client_call(client, "POST", "/v1/events", tdl_str_of(event), NULL, why)))
        goto out;
    for (size_t i = 0; same && !st && i < TRIES; i++) {
        if ((st = ask(client, body, &after, why)))
            goto out;
        same = json_equal(before, after);
        json_decref(after);
    }
    *ret = (double)(tdl_time_monotonic() - started_us) / MILLION;
    if (same)
        st = TDL_FAIL(why, TDL_E_INTERNAL, "user-%zu took an item and is shown the same", which);
out:
    json_decref(before);
    return st;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* One question after the other, nobody else asks: the first ones also prepare what is kept. */
static tdl_status add_alone(tdl_client *client, size_t items_n, tdl_bars *bars, tdl_report *why)
{
    enum { FIRST = 5, ALONE = 41 };
    double ms[ALONE];
    char body[128];

    for (size_t i = 0; i < FIRST + ALONE; i++) {
        json_t *ids = NULL;
        snprintf(body, sizeof body, "{\"surface\":\"home\",\"user\":\"user-%zu\",\"k\":10}",
                 i % PEOPLE);
        tdl_status st = ask(client, body, &ids, why);
        json_decref(ids);
        if (st)
            return st;
        if (i >= FIRST)
            ms[i - FIRST] = 1e3 * tdl_client_seconds(client);
    }
    qsort(ms, ALONE, sizeof *ms, by_value);
    tdl_bars_add(bars,
                 (tdl_bar){.value = ms[ALONE / 2],
                           .unit = "ms",
                           .kind = TDL_BAR_NONE,
                           .peer = "slowest of 41, ms",
                           .peer_value = ms[ALONE - 1]},
                 "recommend: one answer alone at %zu items, median", items_n);
    return TDL_OK;
}

static tdl_status add_seen(const tdl_child *child, tdl_bars *bars, tdl_report *why)
{
    tdl_client *client = NULL;
    double ms[SEEN];
    tdl_status st = tdl_client_new(child->url, child->admin_key, &client, why);

    for (size_t i = 0; !st && i < SEEN; i++) {
        st = see_one(client, i, &ms[i], why);
        ms[i] *= 1e3;
    }
    tdl_client_free(client);
    if (st)
        return st;
    qsort(ms, SEEN, sizeof *ms, by_value);
    tdl_bars_at_most(bars, "recommend: event to changed answer, with its fsync, median",
                     ms[SEEN / 2], "ms", 50, "worst of 60, ms", ms[SEEN - 1]);
    return TDL_OK;
}

/* ---- one size of catalogue ---- */

static tdl_status measure_answers(const tdl_child *child, const questions q[ROUTES], size_t items_n,
                                  bool quiet, tdl_bars *bars, tdl_report *why)
{
    double per_second[ROUTES][ROUNDS];
    tdl_load_result result;
    tdl_status st;

    for (size_t i = 0; i < ROUNDS; i++)
        for (size_t r = 0; r < ROUTES; r++) {
            if (!quiet)
                fprintf(stderr, "answers: %zu items, round %zu of %d\n", items_n, i + 1, ROUNDS);
            if ((st = load(child, &q[r], 0, ROUND_SECONDS, &result, why)))
                return st;
            per_second[r][i] = result.per_second;
        }
    double own = tdl_median3(per_second[ANSWER]), peer = tdl_median3(per_second[HEALTH]);
    tdl_bars_add(bars,
                 (tdl_bar){.value = own,
                           .unit = "1/s",
                           .kind = TDL_BAR_AT_LEAST,
                           .bound = RATE,
                           .peer = "flag answers/s",
                           .peer_value = tdl_median3(per_second[FLAG])},
                 "recommend: answers/s at %zu items", items_n);
    tdl_bars_add(bars,
                 (tdl_bar){.value = own / peer,
                           .unit = "ratio",
                           .kind = items_n == SMALL ? TDL_BAR_AT_LEAST : TDL_BAR_NONE,
                           .bound = .5,
                           .peer = "/healthz answers/s",
                           .peer_value = peer},
                 "recommend: answers/s beside /healthz at %zu items", items_n);
    return TDL_OK;
}

static tdl_status measure_latency(const tdl_child *child, const questions q[ROUTES], tdl_bars *bars,
                                  tdl_report *why)
{
    double own[ROUNDS], ratio[ROUNDS], flag_us = 0;
    tdl_load_result result;
    tdl_status st;

    for (size_t i = 0; i < ROUNDS; i++) {
        if ((st = load(child, &q[FLAG], RATE, LATENCY_SECONDS, &result, why)))
            return st;
        flag_us = result.p99_us;
        if ((st = load(child, &q[ANSWER], RATE, LATENCY_SECONDS, &result, why)))
            return st;
        own[i] = result.p99_us / 1e3;
        ratio[i] = result.p99_us / flag_us;
    }
    tdl_bars_at_most(bars, "recommend: p99 at 2,000/s, 100,000 items", tdl_median3(own), "ms", 10,
                     "answered/s", result.per_second);
    tdl_bars_at_most(bars, "recommend: p99 beside a flag answer's, 2,000/s", tdl_median3(ratio),
                     "ratio", 4, "p99 of a flag answer, us", flag_us);
    return TDL_OK;
}

/* Resident memory for what came between two looks at it. */
static void add_memory(tdl_bars *bars, const char *what, double before, double after, double n)
{
    tdl_bars_add(bars,
                 (tdl_bar){.value = (after - before) / n * MILLION,
                           .unit = "bytes",
                           .kind = TDL_BAR_NONE,
                           .peer = "measured over",
                           .peer_value = n},
                 "recommend: memory per million %s", what);
}

static tdl_status measure_memory(const tdl_child *child, tdl_client *client, tdl_bars *bars,
                                 tdl_report *why)
{
    double before = tdl_child_memory(child);
    tdl_status st = send_more(client, why);

    if (!st)
        add_memory(bars, "events", before, tdl_child_memory(child), MORE_EVENTS);
    return st;
}

/* How many rungs the blend has that answers for "home"; 1 where one of them answers alone. */
static void add_parts(const json_t *report, size_t items_n, tdl_bars *bars)
{
    const json_t *home = json_array_get(json_object_get(report, "surfaces"), 0);

    tdl_bars_add(bars,
                 (tdl_bar){.value = (double)json_array_size(json_object_get(home, "parts")),
                           .unit = "rungs",
                           .kind = TDL_BAR_AT_LEAST,
                           .bound = 2},
                 "recommend: rungs in the blend that answers, %zu items", items_n);
}

static tdl_status bench_size(size_t items_n, bool quiet, tdl_bars *bars, tdl_report *why)
{
    static questions q[ROUTES];
    tdl_child child = {0};
    tdl_client *client = NULL;
    json_t *report = NULL;
    tdl_status st = tdl_child_start(&child, why);

    if (st)
        return st;
    memset(q, 0, sizeof q);
    double empty = tdl_child_memory(&child);
    if ((st = tdl_client_new(child.url, child.admin_key, &client, why)) ||
        (st = send_catalogue(client, items_n, why)))
        goto out;
    if (items_n == LARGE)
        add_memory(bars, "items of the catalogue", empty, tdl_child_memory(&child), LARGE);
    if ((st = send_purchases(client, items_n, why)) || (st = put_flag(client, why)) ||
        (st = tdl_wheel_train(client, quiet, &report, why)))
        goto out;
    add_parts(report, items_n, bars);
    make_questions(q, &child);
    if ((st = add_alone(client, items_n, bars, why)) ||
        (st = measure_answers(&child, q, items_n, quiet, bars, why)) || items_n == SMALL)
        goto out;
    if ((st = measure_latency(&child, q, bars, why)) || (st = add_seen(&child, bars, why)))
        goto out;
    st = measure_memory(&child, client, bars, why);
out:
    json_decref(report);
    tdl_client_free(client);
    release_questions(q);
    tdl_child_stop(&child);
    return st;
}

tdl_status tdl_bench_answers(bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_status st = bench_size(SMALL, quiet, bars, why);

    return st ? st : bench_size(LARGE, quiet, bars, why);
}

/* Flags decided over HTTP, beside /healthz of the same server in the same rounds: what is left of
 * it is what an answer costs.
 *
 * The server is a process of its own and the load comes from this one, on the same machine, so both
 * routes pay for it alike. Rounds take turns; medians are quoted. Latencies are those of the same
 * rounds, with every connection busy; and once more at a fixed rate.
 */
#include <stdio.h>
#include <string.h>

#include "bars.h"
#include "base/json.h"
#include "child.h"
#include "cli/client.h"
#include "load.h"

enum { ROUNDS = 3, FLAGS = 20, USERS = 256, CONNECTIONS = 64, RATE = 20000 };
static const double ROUND_SECONDS = 2, LATENCY_SECONDS = 5, WARM_SECONDS = 0.5;

/* Twenty flags of a product: most are switches, some look at the person, two draw lots. Only an
 * answer of these two is a decision, and written to the log. */
enum { TARGETED_FROM = 12, DRAWN_FROM = 18 };
static const char switched[] = "{\"filters\":{\"groups\":[{\"rollout_percentage\":100}]}}";
static const char targeted[] =
    "{\"filters\":{\"groups\":[{\"rollout_percentage\":100,\"properties\":["
    "{\"key\":\"country\",\"operator\":\"exact\",\"value\":[\"US\",\"GB\",\"DE\"]},"
    "{\"key\":\"email\",\"operator\":\"icontains\",\"value\":\"@example.com\"}]}]}}";
static const char drawn[] =
    "{\"filters\":{\"groups\":[{\"rollout_percentage\":50,\"properties\":["
    "{\"key\":\"country\",\"operator\":\"exact\",\"value\":[\"US\",\"GB\",\"DE\"]},"
    "{\"key\":\"seats\",\"operator\":\"gt\",\"value\":10}]}]}}";

typedef struct question {
    const char *name, *target, *body; /* body: of a user, then of the key */
    double bound;                     /* of its share of /healthz; 0 = only shown */
} question;

#define PERSON "{\"country\":\"GB\",\"seats\":25,\"email\":\"Somebody@Example.com\"}"
static const question questions[] = {
    {"healthz", NULL, NULL, 0},
    {"POST /flags, 20 flags", "/flags/?v=2",
     "{\"distinct_id\":\"%s\",\"token\":\"%s\",\"person_properties\":" PERSON "}", 0.6},
    {"OFREP, one flag", "/ofrep/v1/evaluate/flags/flag-18",
     "{\"context\":{\"targetingKey\":\"%s\",\"country\":\"GB\",\"seats\":25}}", 0.6},
    {"evaluate, one flag", "/v1/flags/flag-18/evaluate",
     "{\"id\":\"%s\",\"properties\":" PERSON "}", 0.6},
};
enum { QUESTIONS = sizeof questions / sizeof questions[0], ALL_FLAGS = 1 };

typedef struct requests {
    tdl_buf bytes[USERS];
    tdl_str text[USERS];
    size_t n;
} requests;

static void write_request(tdl_buf *out, const tdl_child *child, const question *q, size_t user)
{
    char name[32], body[400];

    if (!q->body) {
        tdl_buf_printf(out, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        return;
    }
    snprintf(name, sizeof name, "user-%zu", user);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(body, sizeof body, q->body, name, child->admin_key);
#pragma GCC diagnostic pop
    tdl_buf_printf(out,
                   "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                   q->target, child->admin_key, strlen(body), body);
}

static void make_requests(requests *r, const tdl_child *child, const question *q)
{
    r->n = q->body ? USERS : 1;
    for (size_t i = 0; i < r->n; i++) {
        write_request(&r->bytes[i], child, q, i);
        r->text[i] = tdl_buf_view(&r->bytes[i]);
    }
}

static tdl_status put_flags(const tdl_child *child, tdl_report *why)
{
    tdl_client *client = NULL;
    char target[40];
    tdl_buf body = {0};
    tdl_status st = tdl_client_new(child->url, child->admin_key, &client, why);

    for (int i = 0; !st && i < FLAGS; i++) {
        json_t *answer = NULL;
        snprintf(target, sizeof target, "/v1/flags/flag-%02d", i);
        tdl_buf_clear(&body);
        tdl_buf_printf(&body, "{\"family\":\"posthog\",\"definition\":%s}",
                       i < TARGETED_FROM ? switched
                       : i < DRAWN_FROM  ? targeted
                                         : drawn);
        st = tdl_client_call(client, "PUT", target, tdl_buf_view(&body), &answer, why);
        json_decref(answer);
    }
    tdl_buf_release(&body);
    tdl_client_free(client);
    return st;
}

static tdl_status load(const tdl_child *child, const requests *r, double rate, double seconds,
                       tdl_load_result *ret, tdl_report *why)
{
    tdl_load_options options = {.port = child->port,
                                .requests = r->text,
                                .requests_n = r->n,
                                .connections = CONNECTIONS,
                                .rate = rate,
                                .seconds = seconds};
    tdl_status st = tdl_load_run(&options, ret, why);

    if (!st && ret->failed)
        return TDL_FAIL(why, TDL_E_INTERNAL, "%zu of %zu questions for flags failed", ret->failed,
                        ret->answered);
    return st;
}

typedef struct measured {
    double per_second[ROUNDS], p50_us[ROUNDS], p99_us[ROUNDS];
} measured;

static void add_bars(const measured m[QUESTIONS], tdl_bars *bars)
{
    double peer = tdl_median3(m[0].per_second);

    for (size_t i = 1; i < QUESTIONS; i++) {
        double own = tdl_median3(m[i].per_second), p50 = tdl_median3(m[i].p50_us);
        tdl_bars_add(bars,
                     (tdl_bar){.value = own / peer,
                               .unit = "ratio",
                               .kind = TDL_BAR_AT_LEAST,
                               .bound = questions[i].bound,
                               .peer = "/healthz answers/s, same server",
                               .peer_value = peer},
                     "flags: %s (%.0f/s)", questions[i].name, own);
        tdl_bars_add(bars,
                     (tdl_bar){.value = tdl_median3(m[i].p99_us) / p50,
                               .unit = "ratio",
                               .kind = TDL_BAR_AT_MOST,
                               .bound = 3,
                               .peer = "its own p50 in us",
                               .peer_value = p50},
                     "flags: %s, p99, %d connections busy", questions[i].name, CONNECTIONS);
    }
}

/* At a rate that leaves room, an answer waits for nobody. */
static tdl_status add_latency(const tdl_child *child, const requests r[QUESTIONS], tdl_bars *bars,
                              tdl_report *why)
{
    tdl_load_result own, peer;
    tdl_status st = load(child, &r[0], RATE, LATENCY_SECONDS, &peer, why);

    if (!st)
        st = load(child, &r[ALL_FLAGS], RATE, LATENCY_SECONDS, &own, why);
    if (st)
        return st;
    tdl_bars_add(bars,
                 (tdl_bar){.value = own.p99_us,
                           .unit = "us",
                           .kind = TDL_BAR_AT_MOST,
                           .bound = 1000,
                           .peer = "p99 of /healthz at that rate, in us",
                           .peer_value = peer.p99_us},
                 "flags: %s, p99 at %d/s (%.0f/s answered)", questions[ALL_FLAGS].name, RATE,
                 own.per_second);
    return TDL_OK;
}

tdl_status tdl_bench_flags_http(bool quiet, tdl_bars *bars, tdl_report *why)
{
    static requests asked[QUESTIONS];
    static measured m[QUESTIONS];
    tdl_child child = {0};
    tdl_load_result result;
    tdl_status st = tdl_child_start(&child, why);

    if (st)
        return st;
    if ((st = put_flags(&child, why)))
        goto out;
    for (size_t i = 0; i < QUESTIONS; i++)
        make_requests(&asked[i], &child, &questions[i]);
    for (size_t r = 0; r < ROUNDS; r++)
        for (size_t i = 0; i < QUESTIONS; i++) {
            if (!quiet)
                fprintf(stderr, "flags: %s, round %zu of %d\n", questions[i].name, r + 1, ROUNDS);
            if ((st = load(&child, &asked[i], 0, WARM_SECONDS, &result, why)) ||
                (st = load(&child, &asked[i], 0, ROUND_SECONDS, &result, why)))
                goto out;
            m[i].per_second[r] = result.per_second;
            m[i].p50_us[r] = result.p50_us;
            m[i].p99_us[r] = result.p99_us;
        }
    add_bars(m, bars);
    st = add_latency(&child, asked, bars, why);
out:
    for (size_t i = 0; i < QUESTIONS; i++)
        for (size_t k = 0; k < asked[i].n; k++)
            tdl_buf_release(&asked[i].bytes[k]);
    tdl_child_stop(&child);
    return st;
}

/* Flags decided on one core, against one SHA-1 of 40 bytes in the same process: the hash that every
 * client of this family pays for as well. Then over HTTP. */
#include <nettle/sha1.h>
#include <stdio.h>
#include <string.h>

#include "bars.h"
#include "base/timestamp.h"
#include "flags/flags.h"

enum { ROUNDS = 3, RESET_EVERY = 64, IDS_N = 1024 };

static const double ROUND_SECONDS = 0.3;

typedef struct flag_case {
    const char *name, *definition;
    tdl_bar_kind kind;
    double bound;
} flag_case;

/* Three properties, as the sheet has it, and half of those who match. */
static const char three_properties[] =
    "{\"filters\":{\"groups\":[{\"rollout_percentage\":50,\"properties\":["
    "{\"key\":\"country\",\"operator\":\"exact\",\"value\":[\"US\",\"GB\",\"DE\"]},"
    "{\"key\":\"seats\",\"operator\":\"gt\",\"value\":10},"
    "{\"key\":\"email\",\"operator\":\"icontains\",\"value\":\"@example.com\"}]}]}}";

static const flag_case cases[] = {
    {"static", "{\"filters\":{\"groups\":[{\"rollout_percentage\":100}]}}", TDL_BAR_AT_MOST, 3},
    {"percentage, 3 properties", three_properties, TDL_BAR_AT_MOST, 10},
    {"two variants",
     "{\"filters\":{\"groups\":[{\"rollout_percentage\":100}],\"multivariate\":{\"variants\":["
     "{\"key\":\"control\",\"rollout_percentage\":50},{\"key\":\"test\",\"rollout_percentage\":50}]"
     "}}}",
     TDL_BAR_NONE, 0},
};
enum { CASES_N = sizeof cases / sizeof cases[0] };

/* Seconds of one SHA-1 of 40 bytes. */
static double time_sha1(void)
{
    uint8_t text[40] = {0}, digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx sha1;
    size_t n = 0;
    int64_t began_us = tdl_time_monotonic(), took_us;

    do {
        for (int i = 0; i < 1000; i++, n++) {
            sha1_init(&sha1);
            sha1_update(&sha1, sizeof text, text);
            sha1_digest(&sha1, sizeof digest, digest);
            memcpy(text, digest, sizeof digest); // each needs the one before
        }
        took_us = tdl_time_monotonic() - began_us;
    } while ((double)took_us < ROUND_SECONDS * 1e6);
    return (double)took_us / 1e6 / (double)n;
}

static tdl_status time_flag(const tdl_flag_set *set, const json_t *person, double *ret_seconds,
                            tdl_report *why)
{
    static char ids[IDS_N][12];
    tdl_arena *arena = tdl_arena_new((size_t)1 << 20);
    tdl_flag_context context = {.properties = person, .now_us = tdl_time_now()};
    tdl_flag_answer answer;
    size_t n = 0;
    tdl_status st = arena ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");

    for (size_t i = 0; i < IDS_N; i++)
        snprintf(ids[i], sizeof ids[i], "user-%zu", i);
    int64_t began_us = tdl_time_monotonic(), took_us;
    do {
        for (int i = 0; i < 1000 && !st; i++, n++) {
            if (n % RESET_EVERY == 0)
                tdl_arena_reset(arena);
            context.id = tdl_str_of(ids[n % IDS_N]);
            st = tdl_flag_evaluate(set, tdl_flag_set_at(set, 0), &context, arena, &answer, why);
        }
        took_us = tdl_time_monotonic() - began_us;
    } while (!st && (double)took_us < ROUND_SECONDS * 1e6);
    tdl_arena_free(arena);
    *ret_seconds = (double)took_us / 1e6 / (double)n;
    return st;
}

static tdl_status measure(const flag_case *c, const json_t *person, tdl_bars *bars, tdl_report *why)
{
    const tdl_flag_row row = {.id = 1,
                              .key = TDL_STR("a-flag"),
                              .family = TDL_STR("posthog"),
                              .definition = tdl_str_of(c->definition),
                              .version = 1};
    double flag[ROUNDS], sha1[ROUNDS];
    tdl_flag_set *set = NULL;
    tdl_status st = tdl_flag_set_new(&row, 1, &set, NULL, why);

    for (size_t r = 0; r < ROUNDS && !st; r++) {
        sha1[r] = time_sha1();
        st = time_flag(set, person, &flag[r], why);
    }
    tdl_flag_set_free(set);
    if (st)
        return st;
    double seconds = tdl_median3(flag), peer = tdl_median3(sha1);
    tdl_bars_add(bars,
                 (tdl_bar){.value = seconds / peer,
                           .unit = "ratio",
                           .kind = c->kind,
                           .bound = c->bound,
                           .peer = "ns of one SHA-1 of 40 bytes",
                           .peer_value = peer * 1e9},
                 "flags: %s (%.0f/s on one core)", c->name, 1 / seconds);
    if (c == cases) // whoever only reads the ratio would miss it
        tdl_bars_add(bars,
                     (tdl_bar){.value = 1 / seconds,
                               .unit = "1/s",
                               .kind = TDL_BAR_AT_LEAST,
                               .bound = 1e6,
                               .peer = "flagd's published 1.5 us a static flag, as a rate",
                               .peer_value = 1 / 1.5e-6},
                     "flags: %s, evaluations a second", c->name);
    return TDL_OK;
}

tdl_status tdl_bench_flags(bool quiet, tdl_bars *bars, tdl_report *why)
{
    json_t *person =
        json_pack("{s:s, s:i, s:s}", "country", "GB", "seats", 25, "email", "Somebody@Example.com");
    tdl_status st = person ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");

    for (size_t i = 0; i < CASES_N && !st; i++) {
        if (!quiet)
            fprintf(stderr, "flags: %s\n", cases[i].name);
        st = measure(&cases[i], person, bars, why);
    }
    json_decref(person);
    return st ? st : tdl_bench_flags_http(quiet, bars, why);
}

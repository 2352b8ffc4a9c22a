#include "insight/insight.h"

#include <string.h>

#include "base/timestamp.h"
#include "insight/parts.h"
#include "stats/suppress.h"

static const int64_t SECOND_US = 1000000, HOUR_US = 3600 * INT64_C(1000000),
                     DAY_US = 24 * 3600 * INT64_C(1000000);
enum { DEFAULT_DAYS = 30, ZONE_MINUTES_MAX = 14 * 60, K_MAX = 1000 };

static const struct {
    const char *name;
    tdl_insight_report *run;
} reports[] = {
    {"trend", tdl_insight_trend},         {"funnel", tdl_insight_funnel},
    {"retention", tdl_insight_retention}, {"sessions", tdl_insight_sessions},
    {"breakdown", tdl_insight_breakdown}, {"users", tdl_insight_users},
};
enum { REPORTS_N = sizeof reports / sizeof reports[0] };

/* ---- members of a query ---- */

static tdl_status read_time(const json_t *query, const char *name, int64_t fallback_us,
                            int64_t *ret_us, tdl_report *why)
{
    const json_t *value = json_object_get(query, name);

    *ret_us = fallback_us;
    if (!value)
        return TDL_OK;
    tdl_str text = {json_string_value(value), json_string_length(value)};
    if (!json_is_string(value) || tdl_time_parse(text, ret_us, NULL))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "write it as 2026-01-31T00:00:00Z",
                             "%s is not a time", name);
    return TDL_OK;
}

tdl_status tdl_insight_span(const json_t *query, const char *name, int64_t fallback_us,
                            int64_t *ret_us, tdl_report *why)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * INT64_C(86400)}};
    const json_t *value = json_object_get(query, name);
    tdl_str text = {json_string_value(value), json_string_length(value)};
    int64_t n = 0;

    *ret_us = fallback_us;
    if (!value)
        return TDL_OK;
    for (size_t i = 0; text.len > 1 && i < sizeof units / sizeof units[0]; i++)
        if (text.at[text.len - 1] == units[i].letter &&
            tdl_str_int((tdl_str){text.at, text.len - 1}, &n) && n > 0 && n <= 100000) {
            *ret_us = n * units[i].seconds * SECOND_US;
            return TDL_OK;
        }
    return TDL_FAIL_HINT(why, TDL_E_INVALID, "write it as 30m, 12h, 7d or 2w",
                         "%s is not a span of time", name);
}

static tdl_status read_every(tdl_insight_query *q, tdl_report *why)
{
    tdl_str text = TDL_STR("day");

    if (json_object_get(q->json, "every") && !tdl_json_get_str(q->json, "every", &text))
        return TDL_FAIL(why, TDL_E_INVALID, "every must be \"hour\", \"day\" or \"week\"");
    if (tdl_str_is(text, "hour"))
        q->every_us = HOUR_US;
    else if (tdl_str_is(text, "day"))
        q->every_us = DAY_US;
    else if (tdl_str_is(text, "week"))
        q->every_us = 7 * DAY_US;
    else
        return TDL_FAIL(why, TDL_E_INVALID, "every must be \"hour\", \"day\" or \"week\"");
    return TDL_OK;
}

/* Periods are counted from the Monday before 1970 (29 December 1969), so that weeks begin on
 * Mondays. */
static int64_t period_number(const tdl_insight_query *q, int64_t time_us)
{
    return (time_us + q->zone_us + 3 * DAY_US) / q->every_us;
}

size_t tdl_insight_period(const tdl_insight_query *q, int64_t time_us)
{
    return (size_t)(period_number(q, time_us) - period_number(q, q->from_us));
}

int64_t tdl_insight_period_us(const tdl_insight_query *q, size_t i)
{
    return (period_number(q, q->from_us) + (int64_t)i) * q->every_us - 3 * DAY_US - q->zone_us;
}

static tdl_status read_range(tdl_insight_query *q, int64_t now_us, tdl_report *why)
{
    double minutes = 0;
    int64_t last_us;
    tdl_status st;

    if (json_object_get(q->json, "zone_minutes") &&
        (!tdl_json_get_number(q->json, "zone_minutes", &minutes) ||
         !(minutes >= -ZONE_MINUTES_MAX && minutes <= ZONE_MINUTES_MAX)))
        return TDL_FAIL(why, TDL_E_INVALID, "zone_minutes must be from -%d to %d", ZONE_MINUTES_MAX,
                        ZONE_MINUTES_MAX);
    q->zone_us = (int64_t)minutes * 60 * SECOND_US;
    if (json_object_get(q->json, "from") && json_object_get(q->json, "last"))
        return TDL_FAIL(why, TDL_E_INVALID, "from and last both say when to begin: give one");
    if ((st = read_time(q->json, "until", now_us, &q->until_us, why)) ||
        (st = tdl_insight_span(q->json, "last", DEFAULT_DAYS * DAY_US, &last_us, why)) ||
        (st = read_time(q->json, "from", q->until_us - last_us, &q->from_us, why)) ||
        (st = read_every(q, why)))
        return st;
    if (q->from_us < 0)
        q->from_us = 0;
    if (q->until_us <= q->from_us)
        return TDL_FAIL(why, TDL_E_INVALID, "until is not after from");
    q->periods_n = tdl_insight_period(q, q->until_us - 1) + 1;
    return TDL_OK;
}

static tdl_status read_k(tdl_insight_query *q, tdl_report *why)
{
    if (json_object_get(q->json, "k") &&
        (!tdl_json_get_number(q->json, "k", &q->k) || !(q->k >= 0 && q->k <= K_MAX)))
        return TDL_FAIL(why, TDL_E_INVALID, "k must be from 0 to %d", K_MAX);
    q->table->k = q->k;
    return TDL_OK;
}

tdl_status tdl_insight_suppress(const tdl_insight_query *q, const double *persons, size_t rows_n,
                                size_t columns_n, const bool **ret, tdl_report *why)
{
    bool *hidden = tdl_arena_zalloc(q->arena, (rows_n + 1) * (columns_n + 1), sizeof *hidden);

    *ret = hidden;
    if (!hidden)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
    return q->k > 1 ? tdl_suppress(persons, rows_n, columns_n, q->k, hidden, why) : TDL_OK;
}

tdl_status tdl_insight_check_periods(const tdl_insight_query *q, size_t max, tdl_report *why)
{
    if (q->periods_n > max)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "shorten the range, or take longer periods",
                             "the range has %zu periods, %zu are allowed", q->periods_n, max);
    return TDL_OK;
}

int64_t tdl_insight_kind(const tdl_insight_query *q, tdl_str name)
{
    for (size_t i = 0; i < q->kinds_n; i++)
        if (tdl_str_eq(q->kinds[i].name, name))
            return q->kinds[i].number;
    return 0;
}

tdl_status tdl_insight_kinds(const tdl_insight_query *q, const char *name, int64_t **ret,
                             tdl_str **ret_name, size_t *ret_n, tdl_report *why)
{
    const json_t *list = json_object_get(q->json, name), *one;
    size_t i, n = json_array_size(list);
    int64_t *number = tdl_arena_alloc(q->arena, n, sizeof *number);
    tdl_str *text = tdl_arena_alloc(q->arena, n, sizeof *text);

    if ((list && !json_is_array(list)) || n > TDL_INSIGHT_KINDS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be a list of at most %d kinds of events", name,
                        TDL_INSIGHT_KINDS_MAX);
    if (!number || !text)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
    json_array_foreach((json_t *)list, i, one)
    {
        if (!json_is_string(one))
            return TDL_FAIL(why, TDL_E_INVALID, "%s.%zu must be the name of a kind of events", name,
                            i);
        text[i] =
            tdl_arena_str(q->arena, (tdl_str){json_string_value(one), json_string_length(one)});
        if (!text[i].at)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
        number[i] = tdl_insight_kind(q, text[i]);
    }
    *ret = number;
    *ret_name = text;
    *ret_n = n;
    return TDL_OK;
}

tdl_status tdl_insight_walk(const tdl_insight_query *q, bool properties,
                            bool (*fn)(void *context, const tdl_step *step), void *context,
                            tdl_report *why)
{
    const tdl_walk walk = {
        .from_us = q->from_us, .until_us = q->until_us, .properties = properties};

    return q->store ? tdl_store_walk(q->store, &walk, fn, context, why) : TDL_OK;
}

tdl_status tdl_insight(tdl_store *store, const json_t *json, int64_t now_us, tdl_arena *arena,
                       tdl_table *ret, tdl_report *why)
{
    tdl_insight_query q = {.store = store, .json = json, .arena = arena, .table = ret};
    tdl_str name = {0};
    tdl_status st;

    *ret = (tdl_table){.arena = arena};
    if (!json_is_object(json))
        return TDL_FAIL(why, TDL_E_INVALID, "a query must be an object, not of type %s",
                        tdl_json_type_name(json));
    tdl_json_get_str(json, "report", &name);
    for (size_t i = 0; i < REPORTS_N; i++) {
        if (!tdl_str_is(name, reports[i].name))
            continue;
        if ((st = read_range(&q, now_us, why)) || (st = read_k(&q, why)) ||
            (store && (st = tdl_store_kinds(store, arena, &q.kinds, &q.kinds_n, why))) ||
            (st = reports[i].run(&q, why)))
            return st;
        return ret->failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report") : TDL_OK;
    }
    return TDL_FAIL_HINT(why, TDL_E_INVALID,
                         "use trend, users, breakdown, funnel, retention or sessions",
                         "there is no report \"%.*s\"", TDL_FMT(name));
}

/* What an answer for a surface must look up: traits of the person, and what it was sent lately. */
#include "apps/recommend/surface_answer.h"

enum { DECISIONS_LOOKED_AT = 200, TRAITS_BYTES = 1 << 20 };

static bool asks_sent(const tdl_surface_answer *a)
{
    return a->policy->sent_us || a->policy->sends_most;
}

bool tdl_surface_asks_store(const tdl_surface_answer *a)
{
    bool filter_asks = a->q.filter.len && memmem(a->q.filter.at, a->q.filter.len, "user.", 5);

    return a->q.user.len && !a->ask.impersonal &&
           (a->policy->asks_user || filter_asks || asks_sent(a));
}

static tdl_status read_traits(tdl_surface_answer *a, tdl_report *why)
{
    tdl_buf text = {.limit = TRAITS_BYTES};
    tdl_status st = tdl_store_traits(a->base.app->context.store, a->q.user, &text, why);

    if (!st)
        st = tdl_json_parse(tdl_buf_view(&text), TDL_JSON_LAST_WINS, &a->traits, why);
    tdl_buf_release(&text);
    return st;
}

/* Is it an answer of this surface with something in it? */
static bool is_of_surface(const tdl_surface_answer *a, const tdl_decision *d)
{
    tdl_packed packed = {d->why.at, d->why.len, false};

    return tdl_str_is(d->app, "recommend") && d->candidates_n && d->candidates[0].chosen &&
           tdl_effects_has(tdl_packed_number(&packed, 1)) &&
           tdl_str_eq(tdl_packed_take(&packed, (size_t)tdl_packed_number(&packed, 1)),
                      a->surface->name) &&
           !packed.bad;
}

static bool is_within(const tdl_surface_answer *a, const tdl_decision *d, int64_t span_us)
{
    return span_us == TDL_SPAN_ALWAYS || a->ask.time_us - d->time_us < span_us;
}

static tdl_status read_sent(tdl_surface_answer *a, tdl_report *why)
{
    tdl_decision_row *rows;
    size_t n, sends = 0, items_n = 0;
    tdl_status st = tdl_store_decisions(a->base.app->context.store, a->q.user, DECISIONS_LOOKED_AT,
                                        a->base.arena, &rows, &n, why);

    if (st)
        return st;
    tdl_str *sent = tdl_arena_alloc(a->base.arena, n * TDL_ANSWER_MAX, sizeof *sent);
    if (!sent)
        return tdl_answer_no_memory(why);
    for (size_t i = 0; i < n; i++) {
        const tdl_decision *d = &rows[i].decision;
        if (!is_of_surface(a, d))
            continue;
        sends += is_within(a, d, a->policy->sends_us);
        if (!is_within(a, d, a->policy->sent_us))
            continue;
        for (size_t k = 0; k < d->candidates_n && k < TDL_ANSWER_MAX && d->candidates[k].chosen;
             k++)
            sent[items_n++] = d->candidates[k].item;
    }
    a->sent = sent;
    a->sent_n = items_n;
    if (a->policy->sends_most && sends >= a->policy->sends_most)
        a->suppressed = "frequency";
    return TDL_OK;
}

tdl_status tdl_surface_read_stored(tdl_surface_answer *a, tdl_report *why)
{
    tdl_status st = read_traits(a, why);

    return st || !asks_sent(a) ? st : read_sent(a, why);
}

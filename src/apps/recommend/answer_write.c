/* Writing an answer down: the decision's row, the JSON of the answer, the context hash. */
#include <math.h>
#include <sodium.h>
#include <string.h>

#include "apps/recommend/answer.h"

enum { ROW_BYTES = 1 << 20 };

/* ---- copying; under the lock ---- */

static tdl_str copy_id(const tdl_answer *a, int32_t item)
{
    return tdl_arena_str(a->arena, tdl_catalogue_id(a->app->catalogue, item));
}

static tdl_str copy_title(const tdl_answer *a, int32_t item)
{
    return tdl_arena_str(a->arena, tdl_catalogue_title(a->app->catalogue, item));
}

/* Six decimals: enough to compare, quick to write, and all a reader wants. */
static double rounded(double value, double unit)
{
    return rint(value * unit) / unit;
}

static bool copy_candidates(tdl_answer *a)
{
    a->candidate = tdl_arena_alloc(a->arena, a->picks_n, sizeof *a->candidate);
    for (size_t i = 0; a->candidate && i < a->picks_n; i++) {
        bool chosen = i < a->chosen_n;
        a->candidate[i] = (tdl_candidate){.item = copy_id(a, a->picks[i].item),
                                          .title = copy_title(a, a->picks[i].item),
                                          .score = rounded((double)a->picks[i].score, 1e6),
                                          .propensity = chosen, // the answer is deterministic
                                          .chosen = chosen};
        if (!a->candidate[i].item.at || !a->candidate[i].title.at)
            return false;
    }
    return a->candidate != NULL;
}

static bool copy_reasons(tdl_answer *a)
{
    a->reason_item = tdl_arena_zalloc(a->arena, a->history.n, sizeof *a->reason_item);
    for (size_t i = 0; a->reason_item && i < a->chosen_n; i++)
        for (size_t k = 0; k < a->picks[i].reasons_n; k++) {
            tdl_pick *pick = &a->picks[i];
            if (pick->reason[k].kind != TDL_REASON_EVENT)
                continue;
            size_t at = pick->reason[k].at;
            if (!a->reason_item[at].at)
                a->reason_item[at] = copy_id(a, a->history_item[at]);
            pick->reason_title[k] = copy_title(a, a->history_item[at]);
            if (!a->reason_item[at].at || !pick->reason_title[k].at)
                return false;
        }
    return a->reason_item != NULL;
}

static char *put(char *at, const void *bytes, size_t n)
{
    if (n)
        memcpy(at, bytes, n);
    return at + n;
}

static char *put_number(char *at, uint64_t value)
{
    return put(at, &value, sizeof value);
}

static char *put_text(char *at, tdl_str text)
{
    return put(put_number(at, text.len), text.at, text.len);
}

/* What the answer depended on, in one run of bytes: version, user, item, n, sizes of the catalogue
 * and the history, then id and time of each of the newest items. */
static bool copy_context(tdl_answer *a)
{
    size_t from = a->seen_n > TDL_HISTORY_USED ? a->seen_n - TDL_HISTORY_USED : 0;
    tdl_str version = a->serving ? a->serving->snapshot->version : (tdl_str){0};
    size_t room = 6 * sizeof(uint64_t) + version.len + a->ask->user.len + a->ask->item.len;

    for (size_t i = from; i < a->seen_n; i++)
        room += 2 * sizeof(uint64_t) + tdl_catalogue_id(a->app->catalogue, a->seen[i]).len;
    char *bytes = tdl_arena_alloc(a->arena, room, 1), *at = bytes;
    if (!bytes)
        return false;
    at = put_text(at, version);
    at = put_text(at, a->ask->user);
    at = put_text(at, a->ask->item);
    at = put_number(at, a->ask->n);
    at = put_number(at, a->catalogue_n);
    at = put_number(at, a->seen_n);
    for (size_t i = from; i < a->seen_n; i++) {
        at = put_text(at, tdl_catalogue_id(a->app->catalogue, a->seen[i]));
        at = put_number(at, (uint64_t)a->seen_us[i]);
    }
    a->context = (tdl_str){bytes, (size_t)(at - bytes)};
    return true;
}

tdl_status tdl_answer_copy_texts(tdl_answer *a, tdl_report *why)
{
    return copy_candidates(a) && copy_reasons(a) && copy_context(a) ? TDL_OK
                                                                    : tdl_answer_no_memory(why);
}

/* ---- writing; without the lock ---- */

static void write_reason(tdl_jw *w, const tdl_answer *a, const tdl_pick *pick, size_t k)
{
    const tdl_reason *reason = &pick->reason[k];

    tdl_jw_object(w);
    tdl_jw_ktext(w, "kind", reason->kind == TDL_REASON_EVENT ? "event" : "popular");
    if (reason->kind == TDL_REASON_EVENT) {
        tdl_jw_kstr(w, "item", a->reason_item[reason->at]);
        tdl_jw_kstr(w, "title", pick->reason_title[k]);
        tdl_jw_ktime(w, "time", a->history.time_us[reason->at]);
    }
    tdl_jw_knumber(w, "share", rounded(reason->share, 1e4));
    tdl_jw_kbool(w, "exact", reason->exact);
    tdl_jw_end_object(w);
}

static void write_reasons(tdl_jw *w, const tdl_answer *a, const tdl_pick *pick)
{
    tdl_jw_array(w);
    for (size_t k = 0; k < pick->reasons_n; k++)
        write_reason(w, a, pick, k);
    tdl_jw_end_array(w);
}

/* The reasons of each chosen item go into both the answer and the decision's row. */
static void write_items(const tdl_answer *a, tdl_jw *extra, tdl_buf *row)
{
    tdl_jw why_row = {.out = row};

    tdl_jw_key(extra, "items");
    tdl_jw_array(extra);
    tdl_jw_array(&why_row);
    for (size_t i = 0; i < a->chosen_n; i++) {
        const tdl_candidate *candidate = &a->candidate[i];
        tdl_jw_object(extra);
        tdl_jw_kstr(extra, "id", candidate->item);
        tdl_jw_kstr(extra, "title", candidate->title);
        tdl_jw_knumber(extra, "score", candidate->score);
        tdl_jw_knumber(extra, "propensity", candidate->propensity);
        tdl_jw_key(extra, "reasons");
        size_t from = extra->out->len;
        write_reasons(extra, a, &a->picks[i]);
        tdl_jw_end_object(extra);
        if (extra->out->failed)
            break;
        tdl_jw_object(&why_row);
        tdl_jw_kstr(&why_row, "item", candidate->item);
        tdl_jw_kraw(&why_row, "reasons",
                    (tdl_str){extra->out->at + from, extra->out->len - 1 - from});
        tdl_jw_end_object(&why_row);
    }
    tdl_jw_end_array(&why_row);
    tdl_jw_end_array(extra);
}

tdl_status tdl_answer_write(tdl_answer *a, tdl_decision *ret, tdl_jw *extra, tdl_report *why)
{
    tdl_buf row = {.limit = ROW_BYTES};

    tdl_jw_ktext(extra, "rung", a->ops ? a->ops->name : "popularity");
    tdl_jw_ktext(extra, "fallback", a->fallback);
    write_items(a, extra, &row);
    ret->user = tdl_arena_str(a->arena, a->ask->user);
    ret->candidates = a->candidate;
    ret->candidates_n = a->picks_n;
    ret->model_version = (tdl_str){0};
    if (a->serving)
        ret->model_version = tdl_arena_str(a->arena, a->serving->snapshot->version);
    ret->why = tdl_arena_str(a->arena, tdl_buf_view(&row));
    crypto_generichash(ret->context_hash, sizeof ret->context_hash, (const uint8_t *)a->context.at,
                       a->context.len, NULL, 0);
    bool failed = row.failed || extra->out->failed || !ret->why.at || !ret->user.at ||
                  (a->serving && !ret->model_version.at);
    tdl_buf_release(&row);
    return failed ? tdl_answer_no_memory(why) : TDL_OK;
}

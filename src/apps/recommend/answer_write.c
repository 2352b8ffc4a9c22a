/* Writing an answer down: the decision's row, the JSON of the answer, the context hash. */
#include <math.h>
#include <sodium.h>
#include <string.h>

#include "apps/recommend/answer.h"

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
    uint16_t len = (uint16_t)text.len; // names are far shorter: TDL_ID_MAX

    return put(put(at, &len, sizeof len), text.at, text.len);
}

/* What the answer depended on, in one run of bytes: version, user, item, n, sizes of the catalogue
 * and the history, then id and time of each of the newest items. */
static bool copy_context(tdl_answer *a)
{
    tdl_str version = a->serving ? a->serving->snapshot->version : (tdl_str){0};
    tdl_str id[TDL_HISTORY_USED];
    size_t shown_n = a->seen_n - a->newest;
    size_t room = 3 * sizeof(uint16_t) + 3 * sizeof(uint64_t) + version.len + a->ask->user.len +
                  a->ask->item.len;

    for (size_t i = 0; i < shown_n; i++) {
        id[i] = tdl_catalogue_id(a->app->catalogue, a->seen[a->newest + i]);
        room += sizeof(uint16_t) + sizeof(uint64_t) + id[i].len;
    }
    char *bytes = tdl_arena_alloc(a->arena, room, 1), *at = bytes;
    if (!bytes)
        return false;
    at = put_text(at, version);
    at = put_text(at, a->ask->user);
    at = put_text(at, a->ask->item);
    at = put_number(at, a->ask->n);
    at = put_number(at, a->catalogue_n);
    at = put_number(at, a->seen_n);
    for (size_t i = 0; i < shown_n; i++)
        at = put_number(put_text(at, id[i]), (uint64_t)a->newest_us[i]);
    a->context = (tdl_str){bytes, (size_t)(at - bytes)};
    return true;
}

tdl_status tdl_answer_copy_texts(tdl_answer *a, tdl_report *why)
{
    return copy_candidates(a) && copy_reasons(a) && copy_context(a) ? TDL_OK
                                                                    : tdl_answer_no_memory(why);
}

/* ---- writing; without the lock ---- */

/* An answer holds some thirty reasons of one shape, so their keys are written as ready-made text:
 * half of the time of the general writer. Strings and numbers go through it as everywhere. */
#define ADD(out, literal) tdl_buf_add((out), (literal), sizeof(literal) - 1)

static void write_reason(tdl_buf *out, const tdl_answer *a, const tdl_pick *pick, size_t k)
{
    const tdl_reason *reason = &pick->reason[k];
    tdl_jw value = {.out = out}; // writes one bare value at a time

    if (reason->kind == TDL_REASON_EVENT) {
        ADD(out, "{\"kind\":\"event\",\"item\":");
        tdl_jw_str(&value, a->reason_item[reason->at]);
        ADD(out, ",\"title\":");
        tdl_jw_str(&value, pick->reason_title[k]);
        ADD(out, ",\"time\":");
        tdl_jw_time(&value, a->history.time_us[reason->at]);
    } else {
        ADD(out, "{\"kind\":\"popular\"");
    }
    ADD(out, ",\"share\":");
    tdl_jw_number(&value, rounded(reason->share, 1e4));
    if (reason->exact)
        ADD(out, ",\"exact\":true}");
    else
        ADD(out, ",\"exact\":false}");
}

/* [begin, end) of what has been written. */
typedef struct span {
    size_t begin, end;
} span;

static span write_reasons(tdl_buf *out, const tdl_answer *a, const tdl_pick *pick)
{
    span written = {out->len, 0};

    tdl_buf_char(out, '[');
    for (size_t k = 0; k < pick->reasons_n; k++) {
        if (k)
            tdl_buf_char(out, ',');
        write_reason(out, a, pick, k);
    }
    tdl_buf_char(out, ']');
    written.end = out->len;
    return written;
}

/* The member "items"; where each item's id and reasons stand in the text goes to ret_id and
 * ret_reasons [chosen_n]. */
static void write_items(const tdl_answer *a, tdl_jw *extra, span *ret_id, span *ret_reasons)
{
    tdl_buf *out = extra->out;
    tdl_jw value = {.out = out};

    tdl_jw_key(extra, "items");
    tdl_jw_array(extra);
    for (size_t i = 0; i < a->chosen_n; i++) {
        const tdl_candidate *candidate = &a->candidate[i];
        tdl_jw_object(extra);
        ADD(out, "\"id\":");
        ret_id[i].begin = out->len;
        tdl_jw_str(&value, candidate->item);
        ret_id[i].end = out->len;
        ADD(out, ",\"title\":");
        tdl_jw_str(&value, candidate->title);
        ADD(out, ",\"score\":");
        tdl_jw_number(&value, candidate->score);
        ADD(out, ",\"propensity\":");
        tdl_jw_number(&value, candidate->propensity);
        ADD(out, ",\"reasons\":");
        ret_reasons[i] = write_reasons(out, a, &a->picks[i]);
        tdl_jw_end_object(extra);
    }
    tdl_jw_end_array(extra);
}

static char *put_span(char *at, const tdl_buf *out, span written)
{
    return put(at, out->at + written.begin, written.end - written.begin);
}

/* The decision's own copy: [{"item": id, "reasons": [...]}, ...]. .at is NULL without memory. */
static tdl_str copy_why(const tdl_answer *a, const tdl_buf *out, const span *id,
                        const span *reasons)
{
    static const char head[] = ",{\"item\":", middle[] = ",\"reasons\":";
    size_t room = sizeof "[]";

    for (size_t i = 0; i < a->chosen_n; i++)
        room += sizeof head + sizeof middle + (id[i].end - id[i].begin) +
                (reasons[i].end - reasons[i].begin);
    char *bytes = tdl_arena_alloc(a->arena, room, 1), *at = bytes;
    if (!bytes)
        return (tdl_str){0};
    *at++ = '[';
    for (size_t i = 0; i < a->chosen_n; i++) {
        size_t comma = i ? 0 : 1; // none before the first
        at = put(at, head + comma, sizeof head - 1 - comma);
        at = put_span(at, out, id[i]);
        at = put(at, middle, sizeof middle - 1);
        at = put_span(at, out, reasons[i]);
        *at++ = '}';
    }
    *at++ = ']';
    return (tdl_str){bytes, (size_t)(at - bytes)};
}

tdl_status tdl_answer_write(tdl_answer *a, tdl_decision *ret, tdl_jw *extra, tdl_report *why)
{
    span id[TDL_ANSWER_MAX], reasons[TDL_ANSWER_MAX];

    tdl_jw_ktext(extra, "rung", a->ops ? a->ops->name : "popularity");
    tdl_jw_ktext(extra, "fallback", a->fallback);
    write_items(a, extra, id, reasons);
    if (extra->out->failed)
        return tdl_answer_no_memory(why);
    ret->user = tdl_arena_str(a->arena, a->ask->user);
    ret->candidates = a->candidate;
    ret->candidates_n = a->picks_n;
    ret->model_version = (tdl_str){0};
    if (a->serving)
        ret->model_version = tdl_arena_str(a->arena, a->serving->snapshot->version);
    ret->why = copy_why(a, extra->out, id, reasons);
    if (!ret->user.at || !ret->why.at || (a->serving && !ret->model_version.at))
        return tdl_answer_no_memory(why);
    crypto_generichash(ret->context_hash, sizeof ret->context_hash, (const uint8_t *)a->context.at,
                       a->context.len, NULL, 0);
    return TDL_OK;
}

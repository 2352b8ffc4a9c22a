/* Writing an answer down: the decision's row, the JSON of the answer, the context hash. */
#include <math.h>
#include <sodium.h>
#include <string.h>

#include "apps/recommend/answer.h"

/* ---- copying; under the lock ---- */

static tdl_str copy_title(const tdl_answer *a, int32_t item)
{
    return tdl_arena_str(a->arena, tdl_catalogue_title(a->app->catalogue, item));
}

/* Six decimals: enough to compare, quick to write, and all a reader wants. */
static double rounded(double value, double unit)
{
    return rint(value * unit) / unit;
}

/* Ids stay where they are as long as the catalogue; titles may change. */
static bool copy_candidates(tdl_answer *a)
{
    a->candidate = tdl_arena_alloc(a->arena, a->picks_n, sizeof *a->candidate);
    for (size_t i = 0; a->candidate && i < a->picks_n; i++) {
        bool chosen = i < a->chosen_n;
        a->candidate[i] =
            (tdl_candidate){.item = tdl_catalogue_id(a->app->catalogue, a->picks[i].item),
                            .title = copy_title(a, a->picks[i].item),
                            .score = rounded((double)a->picks[i].score, 1e6),
                            .propensity = chosen, // the answer is deterministic
                            .chosen = chosen};
        if (!a->candidate[i].title.at)
            return false;
    }
    return a->candidate != NULL;
}

/* Number the event of the history as a cause, if it is none yet. */
static bool note_cause(tdl_answer *a, size_t at)
{
    if (a->cause_of[at])
        return true;
    size_t n = a->causes_n++;
    a->cause_of[at] = (uint8_t)a->causes_n;
    a->cause[n] = (tdl_cause){tdl_catalogue_id(a->app->catalogue, a->history_item[at]),
                              a->history.time_us[at]};
    a->text[n] = (tdl_cause_text){.title = copy_title(a, a->history_item[at])};
    return a->text[n].title.at;
}

static bool copy_causes(tdl_answer *a)
{
    size_t most = a->chosen_n * TDL_REASONS_MAX;

    most = most < a->history.n ? most : a->history.n;
    a->cause_of = tdl_arena_zalloc(a->arena, a->history.n, sizeof *a->cause_of);
    a->cause = tdl_arena_alloc(a->arena, most, sizeof *a->cause);
    a->text = tdl_arena_alloc(a->arena, most, sizeof *a->text);
    if (!a->cause_of || !a->cause || !a->text)
        return false;
    for (size_t i = 0; i < a->chosen_n; i++)
        for (size_t k = 0; k < a->picks[i].reasons_n; k++) {
            const tdl_reason *reason = &a->picks[i].reason[k];
            if (reason->kind == TDL_REASON_EVENT && !note_cause(a, reason->at))
                return false;
        }
    return true;
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
    return copy_candidates(a) && copy_causes(a) && copy_context(a) ? TDL_OK
                                                                   : tdl_answer_no_memory(why);
}

/* ---- writing; without the lock ---- */

#define ADD(out, literal) tdl_buf_add((out), (literal), sizeof(literal) - 1)

/* The head of a cause is written once and copied from there. */
static void write_head(tdl_buf *out, const tdl_answer *a, size_t cause)
{
    tdl_cause_text *text = &a->text[cause];

    if (text->head_end) {
        tdl_buf_repeat(out, text->head_begin, text->head_end);
        return;
    }
    text->head_begin = out->len;
    tdl_reason_write_head(out, &a->cause[cause], text->title);
    text->head_end = out->len;
}

/* Reasons of one chosen item as they are stored. */
static void number_reasons(const tdl_answer *a, const tdl_pick *pick,
                           tdl_packed_reason ret[TDL_REASONS_MAX])
{
    for (size_t k = 0; k < pick->reasons_n && k < TDL_REASONS_MAX; k++) {
        const tdl_reason *reason = &pick->reason[k];
        ret[k] = (tdl_packed_reason){
            .cause = reason->kind == TDL_REASON_EVENT ? a->cause_of[reason->at] : 0,
            .exact = reason->exact,
            .share = tdl_share_pack(reason->share)};
    }
}

static void write_reasons(tdl_buf *out, const tdl_answer *a, const tdl_packed_reason *reasons,
                          size_t n)
{
    tdl_buf_char(out, '[');
    for (size_t k = 0; k < n; k++) {
        if (k)
            tdl_buf_char(out, ',');
        if (reasons[k].cause)
            write_head(out, a, reasons[k].cause - 1U);
        else
            tdl_reason_write_head(out, NULL, (tdl_str){0});
        tdl_reason_write_share(out, reasons[k].share, reasons[k].exact);
    }
    tdl_buf_char(out, ']');
}

/* Room for the packed reasons. NULL without memory. */
static char *start_packing(const tdl_answer *a)
{
    size_t reasons_n = 0;

    for (size_t i = 0; i < a->chosen_n; i++)
        reasons_n += a->picks[i].reasons_n;
    return tdl_arena_alloc(a->arena,
                           tdl_reasons_room(a->cause, a->causes_n, a->chosen_n, reasons_n), 1);
}

/* The member "items", and the same reasons packed for the decision's row. */
static tdl_str write_items(const tdl_answer *a, tdl_jw *extra)
{
    tdl_buf *out = extra->out;
    tdl_jw value = {.out = out}; // writes one bare value at a time
    char *packed = start_packing(a), *end = packed;

    if (!packed)
        return (tdl_str){0};
    end = tdl_causes_pack(end, a->cause, a->causes_n, a->chosen_n);
    tdl_jw_key(extra, "items");
    tdl_jw_array(extra);
    for (size_t i = 0; i < a->chosen_n; i++) {
        const tdl_candidate *candidate = &a->candidate[i];
        tdl_packed_reason reasons[TDL_REASONS_MAX];
        number_reasons(a, &a->picks[i], reasons);
        tdl_jw_object(extra);
        ADD(out, "\"id\":");
        tdl_jw_str(&value, candidate->item);
        ADD(out, ",\"title\":");
        tdl_jw_str(&value, candidate->title);
        ADD(out, ",\"score\":");
        tdl_jw_number(&value, candidate->score);
        ADD(out, ",\"propensity\":1,\"reasons\":"); // the answer is deterministic
        write_reasons(out, a, reasons, a->picks[i].reasons_n);
        tdl_jw_end_object(extra);
        end = tdl_reasons_pack(end, reasons, a->picks[i].reasons_n);
    }
    tdl_jw_end_array(extra);
    return (tdl_str){packed, (size_t)(end - packed)};
}

tdl_status tdl_answer_write(tdl_answer *a, tdl_decision *ret, tdl_jw *extra, tdl_report *why)
{
    tdl_jw_ktext(extra, "rung", a->ops ? a->ops->name : "popularity");
    tdl_jw_ktext(extra, "fallback", a->fallback);
    ret->why = write_items(a, extra);
    if (extra->out->failed)
        return tdl_answer_no_memory(why);
    ret->user = tdl_arena_str(a->arena, a->ask->user);
    ret->candidates = a->candidate;
    ret->candidates_n = a->picks_n;
    ret->model_version = (tdl_str){0};
    if (a->serving)
        ret->model_version = tdl_arena_str(a->arena, a->serving->snapshot->version);
    if (!ret->user.at || !ret->why.at || (a->serving && !ret->model_version.at))
        return tdl_answer_no_memory(why);
    crypto_generichash(ret->context_hash, sizeof ret->context_hash, (const uint8_t *)a->context.at,
                       a->context.len, NULL, 0);
    return TDL_OK;
}

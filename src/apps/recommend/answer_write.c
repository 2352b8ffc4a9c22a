/* Writing an answer's reasons down, and what it rested on: the context hash. */
#include <math.h>
#include <sodium.h>
#include <string.h>

#include "apps/recommend/answer.h"

#define ADD(out, literal) tdl_buf_add((out), (literal), sizeof(literal) - 1)

/* ---- under the lock: what the catalogue says of the items ---- */

double tdl_answer_rounded(double value)
{
    return rint(value * 1e6) / 1e6 + 0.0; // no -0
}

bool tdl_answer_list_causes(tdl_answer *a)
{
    size_t most = a->picks_n * TDL_REASONS_MAX;

    most = most < a->history.n ? most : a->history.n;
    most = most < TDL_CAUSES_MAX ? most : TDL_CAUSES_MAX;
    a->cause_of = tdl_arena_zalloc(a->arena, a->history.n, sizeof *a->cause_of);
    a->cause = tdl_arena_alloc(a->arena, most, sizeof *a->cause);
    a->head = tdl_arena_zalloc(a->arena, most, sizeof *a->head);
    if (!a->cause_of || !a->cause || !a->head)
        return false;
    for (size_t i = 0; i < a->picks_n; i++)
        for (size_t k = 0; k < a->picks[i].reasons_n; k++) {
            const tdl_reason *reason = &a->picks[i].reason[k];
            if (reason->kind != TDL_REASON_EVENT || a->cause_of[reason->at])
                continue;
            if (a->causes_n == most) { // no number is left: further reasons are not told
                a->picks[i].reasons_n = k;
                break;
            }
            int32_t item = a->history_item[reason->at];
            a->cause[a->causes_n] = (tdl_cause){tdl_catalogue_id(a->app->catalogue, item),
                                                a->history.time_us[reason->at]};
            a->head[a->causes_n].item = item;
            a->cause_of[reason->at] = (uint8_t)++a->causes_n;
        }
    return true;
}

/* The head of a cause is written once and copied from there. */
static void write_head(tdl_buf *out, const tdl_answer *a, size_t cause)
{
    tdl_cause_head *head = &a->head[cause];

    if (head->end) {
        tdl_buf_repeat(out, head->begin, head->end);
        return;
    }
    head->begin = out->len;
    tdl_reason_write_event(out, tdl_catalogue_json(a->app->catalogue, head->item),
                           a->cause[cause].time_us);
    head->end = out->len;
}

void tdl_answer_number_reasons(const tdl_answer *a, const tdl_pick *pick,
                               tdl_packed_reason ret[TDL_REASONS_MAX])
{
    for (size_t k = 0; k < pick->reasons_n && k < TDL_REASONS_MAX; k++) {
        const tdl_reason *reason = &pick->reason[k];
        ret[k] = (tdl_packed_reason){
            .cause = reason->kind == TDL_REASON_EVENT ? a->cause_of[reason->at] : 0,
            .no_consent = reason->kind == TDL_REASON_NO_CONSENT,
            .exact = reason->exact,
            .share = tdl_share_pack(reason->share)};
    }
}

void tdl_answer_write_reasons(tdl_buf *out, const tdl_answer *a, const tdl_packed_reason *reasons,
                              size_t n)
{
    for (size_t k = 0; k < n; k++) {
        if (k)
            tdl_buf_char(out, ',');
        if (reasons[k].cause)
            write_head(out, a, reasons[k].cause - 1U);
        else
            tdl_reason_write_popular(out, reasons[k].no_consent);
        tdl_reason_write_share(out, reasons[k].share, reasons[k].exact);
    }
}

char *tdl_answer_start_packing(const tdl_answer *a, size_t before)
{
    size_t reasons_n = 0;

    for (size_t i = 0; i < a->picks_n; i++)
        reasons_n += a->picks[i].reasons_n;
    return tdl_arena_alloc(
        a->arena, before + tdl_reasons_room(a->cause, a->causes_n, a->picks_n, reasons_n), 1);
}

/* ---- without the lock ---- */

static void hash_text(crypto_generichash_state *hash, tdl_str text)
{
    uint64_t len = text.len;

    crypto_generichash_update(hash, (const uint8_t *)&len, sizeof len);
    if (text.len)
        crypto_generichash_update(hash, (const uint8_t *)text.at, text.len);
}

/* Version, user, item, n, size of the catalogue, the whole history, the surface's policy, and what
 * else was asked. */
static void hash_context(const tdl_answer *a, tdl_decision *ret)
{
    const uint64_t sizes[] = {a->ask->n, a->catalogue_n, a->seen_n};
    crypto_generichash_state hash;

    crypto_generichash_init(&hash, NULL, 0, sizeof ret->context_hash);
    hash_text(&hash, ret->model_version);
    hash_text(&hash, ret->user);
    hash_text(&hash, a->ask->item);
    crypto_generichash_update(&hash, (const uint8_t *)sizes, sizeof sizes);
    crypto_generichash_update(&hash, a->history_digest.byte, sizeof a->history_digest.byte);
    hash_text(&hash, a->asked);
    crypto_generichash_final(&hash, ret->context_hash, sizeof ret->context_hash);
}

tdl_status tdl_answer_seal(const tdl_answer *a, tdl_decision *ret, tdl_report *why)
{
    ret->user = tdl_arena_str(a->arena, a->ask->user);
    ret->model_version = (tdl_str){0};
    if (a->serving)
        ret->model_version = tdl_arena_str(a->arena, a->serving->snapshot->version);
    if (!ret->user.at || (a->serving && !ret->model_version.at))
        return tdl_answer_no_memory(why);
    hash_context(a, ret);
    return TDL_OK;
}

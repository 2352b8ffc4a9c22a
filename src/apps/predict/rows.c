/* Questions about many rows: answers with a decision each. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/predict/prediction.h"
#include "apps/predict/rows_parts.h"

enum { OUTPUTS_KEPT = 30, CANDIDATES_MAX = 10 };

tdl_status tdl_answering_no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
}

static tdl_status check_rows(const json_t *rows, tdl_report *why)
{
    if (!json_is_array(rows))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "{\"rows\": [{\"column\": value, ...}, ...]}",
                             "rows must be an array of objects, not %s", tdl_json_type_name(rows));
    if (json_array_size(rows) > TDL_ASK_ROWS_MAX)
        return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "ask in several calls",
                             "%zu rows, %d are allowed", json_array_size(rows), TDL_ASK_ROWS_MAX);
    return TDL_OK;
}

tdl_status tdl_answering_begin(tdl_app *app, const tdl_rows_ask *ask, tdl_answering *ret,
                               tdl_served **served, tdl_report *why)
{
    tdl_status st;

    *ret = (tdl_answering){.ask = ask};
    if ((st = check_rows(ask->rows, why)) ||
        (st = tdl_served_find_predictor(app, ask->model, served, why)))
        return st;
    const tdl_predictor *p = (*served)->predictor;
    ret->served = *served;
    ret->scratch = malloc((p->columns_n + p->target.classes_n + 1) * sizeof *ret->scratch);
    if (!ret->scratch)
        return tdl_answering_no_memory(why);
    if ((st = tdl_asked_read(p, ask->rows, &ret->asked, why)))
        return st;
    return tdl_asked_predict(&ret->asked, why);
}

void tdl_answering_end(tdl_answering *a, tdl_served *served)
{
    tdl_asked_release(&a->asked);
    free(a->scratch);
    tdl_served_drop(served);
}

/* ---- the decision of a row ---- */

/* What the answer depended on: the version and the row as it was sent. */
static void hash_context(const tdl_answering *a, size_t row, tdl_buf *room, uint8_t ret[16])
{
    crypto_generichash_state hash;

    tdl_buf_clear(room);
    tdl_json_dump(room, json_array_get(a->ask->rows, row));
    crypto_generichash_init(&hash, NULL, 0, 16);
    crypto_generichash_update(&hash, (const uint8_t *)a->served->hash, 64);
    if (room->len)
        crypto_generichash_update(&hash, (const uint8_t *)room->at, room->len);
    crypto_generichash_final(&hash, ret, 16);
}

/* The prediction, and by whose threshold it was decided. */
void tdl_answering_write_decided(const tdl_answering *a, size_t at, tdl_jw *out)
{
    const tdl_predictor *p = a->asked.predictor;
    const double *output = a->asked.output + at * p->scores_n;

    tdl_prediction_write(p, &a->asked.frame, at, output, out);
    tdl_predictor_write_adjustment(p, &a->asked.frame, at, output, out);
}

/* The record from which the answer, its reasons and its quality can be told later. */
static void write_why(const tdl_answering *a, size_t at, tdl_jw *w)
{
    const tdl_predictor *p = a->asked.predictor;
    const double *output = a->asked.output + at * p->scores_n;

    tdl_jw_object(w);
    tdl_answering_write_decided(a, at, w);
    if (p->scores_n <= OUTPUTS_KEPT) {
        tdl_jw_key(w, "output");
        tdl_jw_array(w);
        for (size_t k = 0; k < p->scores_n; k++)
            tdl_jw_number(w, output[k]);
        tdl_jw_end_array(w);
    }
    tdl_column_drift_write_parts(&a->served->drift, &a->asked.frame, at, w);
    if (a->asked.explained) {
        tdl_jw_ktext(w, "method", a->asked.explanation.method);
        tdl_jw_knumber(w, "error", a->asked.explanation.error);
        tdl_jw_key(w, "because");
        tdl_asked_write_because(&a->asked, at, a->ask->keep, a->scratch, w);
    }
    tdl_jw_end_object(w);
}

static tdl_str number_text(tdl_arena *arena, double value)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};

    tdl_jw_number(&w, value);
    tdl_str kept = tdl_arena_str(arena, tdl_buf_view(&text));
    tdl_buf_release(&text);
    return kept;
}

/* Classes, the chosen one first, then by probability; or the number. */
static bool list_candidates(const tdl_answering *a, size_t at, tdl_decision *ret)
{
    const tdl_predictor *p = a->asked.predictor;
    const double *output = a->asked.output + at * p->scores_n;
    size_t n = p->target.classes_n ? p->target.classes_n : 1, *order = a->scratch;
    size_t chosen =
        p->target.classes_n ? tdl_predictor_class_of(p, &a->asked.frame, at, output) : 0;
    tdl_candidate *candidate;

    n = n < CANDIDATES_MAX ? n : CANDIDATES_MAX;
    if (!(candidate = tdl_arena_zalloc(a->arena, n, sizeof *candidate)))
        return false;
    ret->candidates = candidate;
    ret->candidates_n = 0;
    if (!p->target.classes_n) {
        size_t middle = p->scores_n / 2; // of quantiles

        candidate[0] = (tdl_candidate){.item = number_text(a->arena, output[middle]),
                                       .score = output[middle],
                                       .propensity = 1,
                                       .chosen = true};
        ret->candidates_n = 1;
        return candidate[0].item.at != NULL;
    }
    tdl_predictor_class_set(p, output, 1, order); // orders all of them
    for (size_t i = 0; i <= p->target.classes_n && ret->candidates_n < n; i++) {
        size_t k = i == 0 ? chosen : order[i - 1] == chosen ? SIZE_MAX : order[i - 1];

        if (k == SIZE_MAX)
            continue;
        double score =
            p->target.task == TDL_TASK_BINARY ? (k ? output[0] : 1 - output[0]) : output[k];
        candidate[ret->candidates_n++] =
            (tdl_candidate){.item = tdl_arena_str(a->arena, tdl_str_of(p->target.class_name[k])),
                            .score = score,
                            .propensity = i == 0,
                            .chosen = i == 0};
    }
    return true;
}

static tdl_status decide_row(const tdl_answering *a, size_t row, tdl_buf *room, tdl_decision *ret,
                             tdl_report *why)
{
    size_t at = a->asked.place[row];
    tdl_jw w = {.out = room};

    *ret = (tdl_decision){.time_us = a->ask->time_us};
    memcpy(ret->id, a->ask->id[row], sizeof ret->id);
    ret->app = tdl_arena_str(a->arena, tdl_str_of(a->served->app));
    ret->model_version = tdl_arena_str(a->arena, tdl_str_of(a->served->version));
    hash_context(a, row, room, ret->context_hash);
    if (!list_candidates(a, at, ret))
        return tdl_answering_no_memory(why);
    tdl_buf_clear(room);
    write_why(a, at, &w);
    ret->why = tdl_arena_str(a->arena, tdl_buf_view(room));
    return room->failed || !ret->app.at || !ret->model_version.at || !ret->why.at
               ? tdl_answering_no_memory(why)
               : TDL_OK;
}

static tdl_status decide_rows(const tdl_answering *a, tdl_decision **ret, size_t *ret_n,
                              tdl_report *why)
{
    tdl_decision *decision = NULL;
    tdl_buf room = {0};
    size_t n = 0;
    tdl_status st = TDL_OK;

    if (a->ask->id &&
        !(decision = tdl_arena_zalloc(a->arena, a->asked.frame.rows + 1, sizeof *decision)))
        return tdl_answering_no_memory(why);
    for (size_t r = 0; decision && r < a->asked.rows_n && !st; r++)
        if (a->asked.place[r] != SIZE_MAX)
            st = decide_row(a, r, &room, &decision[n++], why);
    tdl_buf_release(&room);
    *ret = decision;
    *ret_n = n;
    return st;
}

/* ---- the answer ---- */

void tdl_answering_write_fault(const tdl_row_fault *fault, tdl_jw *out)
{
    char said[sizeof fault->why.message + sizeof fault->why.hint + 2];

    snprintf(said, sizeof said, "%s%s%s", fault->why.message, fault->why.hint[0] ? "; " : "",
             fault->why.hint);
    tdl_jw_ktext(out, "error", said);
}

static void write_row(const tdl_answering *a, size_t row, const tdl_row_fault *fault, tdl_jw *out)
{
    const tdl_predictor *p = a->asked.predictor;
    size_t at = a->asked.place[row];

    tdl_jw_object(out);
    if (at == SIZE_MAX) {
        tdl_answering_write_fault(fault, out);
    } else {
        tdl_answering_write_decided(a, at, out);
        if (a->ask->level > 0)
            tdl_prediction_write_range(p, a->asked.output + at * p->scores_n, a->ask->level,
                                       a->scratch, out);
        if (a->ask->explain) {
            tdl_jw_key(out, "because");
            tdl_asked_write_because(&a->asked, at, a->ask->explain, a->scratch, out);
        }
        if (a->ask->id)
            tdl_jw_ktext(out, "decision_id", a->ask->id[row]);
    }
    tdl_jw_end_object(out);
}

static void write_warnings(const tdl_answering *a, tdl_jw *out)
{
    const tdl_predictor *p = a->asked.predictor;

    tdl_jw_key(out, "warnings");
    tdl_jw_array(out);
    for (size_t i = 0; i < p->columns_n; i++) {
        const tdl_prepare_warning *w = &a->asked.warning[i];

        if (!w->unseen && !w->out_of_range && !w->missing)
            continue;
        tdl_jw_object(out);
        tdl_jw_ktext(out, "column", p->column[i]);
        tdl_jw_kint(out, "unseen", (int64_t)w->unseen);
        tdl_jw_kint(out, "out_of_range", (int64_t)w->out_of_range);
        tdl_jw_kint(out, "missing", (int64_t)w->missing);
        tdl_jw_end_object(out);
    }
    tdl_jw_end_array(out);
}

void tdl_answering_write_head(const tdl_answering *a, tdl_jw *out)
{
    tdl_jw_ktext(out, "model", a->served->name);
    tdl_jw_ktext(out, "version", a->served->version);
    tdl_jw_ktext(out, "snapshot", a->served->hash);
}

static void write_answer(const tdl_answering *a, tdl_jw *out)
{
    size_t fault = 0;

    tdl_jw_object(out);
    tdl_answering_write_head(a, out);
    if (a->asked.explained)
        tdl_jw_ktext(out, "method", a->asked.explanation.method);
    tdl_jw_key(out, "rows");
    tdl_jw_array(out);
    for (size_t r = 0; r < a->asked.rows_n; r++)
        write_row(a, r, a->asked.place[r] == SIZE_MAX ? &a->asked.fault[fault++] : NULL, out);
    tdl_jw_end_array(out);
    write_warnings(a, out);
    tdl_jw_kint(out, "unknown_keys", (int64_t)a->asked.unknown_keys);
    tdl_jw_end_object(out);
}

tdl_status tdl_answering_too_slow(tdl_report *why)
{
    return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "ask in several calls, or without \"explain\"",
                         "this model is explained by Shapley values: at most %d rows at once",
                         TDL_ASKED_SLOW_ROWS);
}

/* What is wanted only for the log is left out where it would take long. */
static tdl_status explain(tdl_answering *a, tdl_report *why)
{
    bool can = tdl_asked_explainable(&a->asked);

    if (a->ask->explain && !can)
        return tdl_answering_too_slow(why);
    if (!can || !(a->ask->explain || (a->ask->id && a->ask->keep)))
        return TDL_OK;
    return tdl_asked_explain(&a->asked, a->ask->of_class, why);
}

tdl_status tdl_predict_answer_rows(tdl_app *app, const tdl_rows_ask *ask, tdl_arena *arena,
                                   tdl_decision **ret, size_t *ret_n, tdl_jw *out, tdl_report *why)
{
    tdl_served *served = NULL;
    tdl_answering a;
    tdl_status st = tdl_answering_begin(app, ask, &a, &served, why);

    a.arena = arena;
    if (st)
        goto out;
    if ((st = explain(&a, why)))
        goto out;
    if ((st = decide_rows(&a, ret, ret_n, why)))
        goto out;
    write_answer(&a, out);
    if (out->out->failed)
        st = tdl_answering_no_memory(why);
out:
    tdl_answering_end(&a, served);
    return st;
}

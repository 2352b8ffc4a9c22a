/* How good a version was since it serves: its decisions, by the outcomes that were told since. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/predict/measure.h"
#include "apps/predict/serving.h"
#include "stats/drift.h"

enum { RESAMPLES_SEED = 0 };

typedef struct live {
    const tdl_served *served;
    size_t asked, n; /* decisions of the version; those with an outcome */
    double *y, *output;
    double *score; /* [asked] binary: the probability, of all */
    double *parts; /* [followed][TDL_DRIFT_PARTS_MAX] rows by part of each column */
    size_t parted; /* decisions that say it */
} live;

/* ---- one decision ---- */

/* NaN: a class that the model has not, or no number. */
static double truth_of(const tdl_predict_target *target, const json_t *truth)
{
    tdl_buf text = {0};
    double y = (double)NAN;

    if (!target->classes_n)
        return json_is_number(truth) ? json_number_value(truth) : (double)NAN;
    if (json_is_string(truth))
        tdl_buf_text(&text, json_string_value(truth));
    else if (truth)
        tdl_json_dump(&text, truth);
    for (size_t k = 0; k < target->classes_n; k++)
        if (tdl_str_is(tdl_buf_view(&text), target->class_name[k]))
            y = (double)k;
    tdl_buf_release(&text);
    return y;
}

/* The truth by the newest outcome. */
static bool find_truth(const live *l, const tdl_decision_row *row, double *ret)
{
    bool found = false;

    for (size_t i = 0; i < row->rewards_n; i++) {
        json_t *properties = NULL;

        if (!tdl_str_is(row->rewards[i].kind, "outcome") ||
            tdl_json_parse(row->rewards[i].properties, TDL_JSON_LAST_WINS, &properties, NULL))
            continue;
        double y = truth_of(&l->served->predictor->target, json_object_get(properties, "truth"));
        json_decref(properties);
        if (!isnan(y)) {
            *ret = y;
            found = true;
        }
    }
    return found;
}

/* What was answered; false: the record is not one of ours. */
static bool read_output(const live *l, const json_t *record, double *ret)
{
    size_t n = l->served->predictor->scores_n;
    const json_t *output = json_object_get(record, "output");
    bool ok = json_array_size(output) == n;

    for (size_t k = 0; k < n && ok; k++) {
        const json_t *value = json_array_get(output, k);

        ok = json_is_number(value);
        ret[k] = json_number_value(value);
    }
    return ok;
}

static void take(live *l, const tdl_decision_row *row)
{
    double *output = l->output + l->n * l->served->predictor->scores_n;
    json_t *record = NULL;

    if (!tdl_str_is(row->decision.model_version, l->served->version) ||
        !tdl_str_is(row->decision.app, l->served->app) ||
        tdl_json_parse(row->decision.why, TDL_JSON_LAST_WINS, &record, NULL))
        return;
    if (read_output(l, record, output)) {
        l->score[l->asked++] = output[0];
        if (tdl_column_drift_count(&l->served->drift, json_object_get(record, "parts"), l->parts))
            l->parted++;
        if (find_truth(l, row, &l->y[l->n]))
            l->n++;
    }
    json_decref(record);
}

/* ---- drift of the scores ---- */

/* The tenths of training, of which the card keeps where each begins. ret: edge [9], count [11] */
static bool tenths(const json_t *card, double *edge, double *count, tdl_drift *ret)
{
    const json_t *lift = json_object_get(json_object_get(card, "quality"), "lift");
    size_t n = json_array_size(lift);
    double rows = 0, share, from;

    if (n < 2 || n > 10 || !tdl_json_get_number(json_object_get(card, "quality"), "rows", &rows))
        return false;
    *ret = (tdl_drift){.edge = edge, .count = count};
    count[0] = 0;
    for (size_t i = n; i-- > 0;) { // highest scores stand first
        const json_t *part = json_array_get(lift, i);

        if (!tdl_json_get_number(part, "share", &share) ||
            !tdl_json_get_number(part, "from", &from))
            return false;
        if (i + 1 < n && (!ret->edges_n || from > edge[ret->edges_n - 1])) {
            edge[ret->edges_n++] = from;
            count[ret->edges_n] = 0;
        }
        count[ret->edges_n] += share * rows;
    }
    ret->parts_n = ret->edges_n + 2;
    count[ret->parts_n - 1] = 0;
    return true;
}

static void write_drift(const live *l, tdl_jw *out)
{
    double edge[10], count[12], now[12] = {0};
    tdl_drift drift;

    if (l->served->predictor->target.task != TDL_TASK_BINARY || !l->asked ||
        !tenths(l->served->predictor->card, edge, count, &drift)) {
        tdl_jw_null(out);
        return;
    }
    for (size_t i = 0; i < l->asked; i++)
        now[tdl_drift_part_of_number(&drift, l->score[i])]++;
    tdl_jw_object(out);
    tdl_jw_ktext(out, "of", "probability");
    tdl_jw_knumber(out, "stability_index", tdl_drift_index(&drift, now));
    tdl_jw_end_object(out);
}

/* ---- */

static tdl_status write_live(const live *l, tdl_jw *out, tdl_report *why)
{
    const tdl_predictor *p = l->served->predictor;
    const tdl_outcome outcome = {.task = p->target.task,
                                 .n = l->n,
                                 .width = p->scores_n,
                                 .y = l->y,
                                 .output = l->output,
                                 .quantile = p->target.quantile,
                                 .power = p->target.power,
                                 .threshold = p->threshold,
                                 .class_name = p->target.class_name,
                                 .seed = RESAMPLES_SEED};
    tdl_status st = TDL_OK;

    tdl_jw_object(out);
    tdl_jw_ktext(out, "model", l->served->name);
    tdl_jw_ktext(out, "version", l->served->version);
    tdl_jw_kint(out, "decisions", (int64_t)l->asked);
    tdl_jw_kint(out, "outcomes", (int64_t)l->n);
    tdl_jw_key(out, "quality");
    if (l->n && p->target.task != TDL_TASK_RANKING)
        st = tdl_outcome_write(&outcome, out, why);
    else
        tdl_jw_null(out);
    tdl_jw_key(out, "drift");
    write_drift(l, out);
    tdl_column_drift_write(&l->served->drift, l->parts, l->parted, out);
    tdl_jw_end_object(out);
    return st;
}

tdl_status tdl_predict_tell_live(tdl_app *app, const tdl_served *served, size_t limit,
                                 tdl_arena *arena, tdl_jw *out, tdl_report *why)
{
    live l = {.served = served};
    tdl_decision_row *row;
    size_t n;
    tdl_status st =
        tdl_store_decisions(app->context.store, (tdl_str){0}, limit, arena, &row, &n, why);

    if (st)
        return st;
    l.y = tdl_arena_zalloc(arena, n + 1, sizeof *l.y);
    l.score = tdl_arena_zalloc(arena, n + 1, sizeof *l.score);
    l.output = tdl_arena_zalloc(arena, (n + 1) * served->predictor->scores_n, sizeof *l.output);
    l.parts =
        tdl_arena_zalloc(arena, served->drift.followed * TDL_DRIFT_PARTS_MAX + 1, sizeof *l.parts);
    if (!l.y || !l.score || !l.output || !l.parts)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    for (size_t i = 0; i < n; i++)
        take(&l, &row[i]);
    return write_live(&l, out, why);
}

/* Writing the card of a fit, as JSON. */
#include "apps/predict/card.h"

#include <math.h>
#include <stdlib.h>

#include "apps/predict/card_words.h"
#include "apps/predict/decision_cost.h"
#include "apps/predict/explain.h"
#include "apps/predict/measure.h"
#include "apps/predict/session.h"
#include "base/timestamp.h"
#include "treadle/treadle.h"

enum { RESAMPLES = 400, IMPORTANCE_ROWS = 300, SHAPLEY_ROWS = 20, COST_ROWS = 1000 };

/* ---- what was read ---- */

static void write_columns(const tdl_fit_session *s, tdl_jw *w)
{
    tdl_jw_key(w, "columns");
    tdl_jw_array(w);
    for (size_t i = 0; i < s->frame->columns_n; i++) {
        const tdl_column *c = &s->frame->column[i];

        tdl_jw_object(w);
        tdl_jw_ktext(w, "name", c->name);
        tdl_jw_ktext(w, "type", tdl_column_type_name(c->type));
        tdl_jw_kint(w, "missing", (int64_t)c->missing);
        tdl_jw_kint(w, "infinite", (int64_t)c->infinite);
        tdl_jw_ktext(w, "left_out", s->reason[i]);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

static void write_target(const tdl_fit_session *s, tdl_jw *w)
{
    const tdl_predict_target *t = &s->target;

    tdl_jw_key(w, "target");
    tdl_jw_object(w);
    tdl_jw_ktext(w, "column", t->column);
    tdl_jw_kint(w, "unknown", (int64_t)t->unknown);
    if (t->task == TDL_TASK_BINARY)
        tdl_jw_ktext(w, "positive", t->class_name[1]);
    if (t->classes_n) {
        tdl_jw_key(w, "classes");
        tdl_jw_object(w);
        for (size_t k = 0; k < t->classes_n; k++) {
            int64_t n = 0;
            for (size_t i = 0; i < s->rows_n; i++)
                n += t->y[s->row[i]] == (float)k;
            tdl_jw_kint(w, t->class_name[k], n);
        }
        tdl_jw_end_object(w);
    }
    tdl_jw_end_object(w);
}

static void write_split(const tdl_fit_session *s, tdl_jw *w)
{
    tdl_jw_key(w, "split");
    tdl_jw_object(w);
    tdl_jw_ktext(w, "kind", s->folds.kind);
    tdl_jw_kint(w, "folds", (int64_t)(s->folds.folds_n - (s->folds.by_time ? 1 : 0)));
    tdl_jw_kint(w, "rows", (int64_t)s->contest_n);
    tdl_jw_end_object(w);
}

static void write_leaks(const tdl_fit_session *s, tdl_jw *w)
{
    tdl_jw_key(w, "leaks");
    tdl_jw_array(w);
    for (size_t i = 0; i < s->leaks_n; i++) {
        const tdl_leak *leak = &s->leak[i];

        tdl_jw_object(w);
        tdl_jw_ktext(w, "column", s->frame->column[leak->column].name);
        tdl_jw_ktext(w, "kind", tdl_leak_kind_name(leak->kind));
        tdl_jw_knumber(w, "score", leak->score);
        if (leak->kind == TDL_LEAK_DUPLICATE)
            tdl_jw_ktext(w, "other", s->frame->column[leak->other].name);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

/* ---- scores out of fold ---- */

typedef struct scratch { /* [contest_n] each */
    double *y, *p, *other;
    int32_t *list;
    uint32_t *fold;
} scratch;

/* Outputs of scores over the rows that were tested. ret_p: [n][scores_n] */
static size_t tested(const tdl_fit_session *s, const double *score, scratch *t, double *ret_p)
{
    size_t n = 0, k = s->contest.scores_n;

    for (size_t i = 0; i < s->contest_n; i++) {
        if (!tdl_contest_tests(&s->data, s->folds.fold[i]))
            continue;
        memcpy(ret_p + n * k, score + i * k, k * sizeof *ret_p);
        if (s->group)
            t->list[n] = s->group[i];
        t->fold[n] = s->folds.fold[i];
        t->y[n++] = (double)s->target.y[s->contest_row[i]];
    }
    tdl_scores_to_outputs(s->target.task, ret_p, n, k);
    return n;
}

static tdl_scored scored(const tdl_fit_session *s, const scratch *t, const double *p, size_t n)
{
    return (tdl_scored){.task = tdl_metric_task_of(s->target.task),
                        .n = n,
                        .width = s->contest.scores_n,
                        .y = t->y,
                        .p = p,
                        .quantile = s->target.quantile,
                        .power = s->target.power,
                        .list = s->group ? t->list : NULL};
}

static void write_interval(tdl_jw *w, const tdl_interval *interval, bool defined)
{
    tdl_jw_knumber(w, "low", defined ? interval->low : NAN);
    tdl_jw_knumber(w, "high", defined ? interval->high : NAN);
}

/* The same reason in Chinese, for pages. */
static void write_left_out_zh(const tdl_entry *e, tdl_jw *w)
{
    tdl_buf text = {0};

    if (tdl_card_reason(tdl_str_of(e->left_out.message), &text) && !text.failed)
        tdl_jw_kstr(w, "left_out_zh", tdl_buf_view(&text));
    tdl_buf_release(&text);
}

static tdl_status write_entry(tdl_fit_session *s, const tdl_entry *e, double weight, scratch *t,
                              tdl_jw *w, tdl_report *why)
{
    const tdl_bootstrap_options options = {.resamples = RESAMPLES};
    tdl_rng rng = tdl_rng_make(s->options->seed, 0);
    tdl_interval interval = {0};
    tdl_status st = TDL_OK;

    tdl_jw_object(w);
    tdl_jw_ktext(w, "model", e->ops->name);
    tdl_jw_kbool(w, "simple", e->ops->simple);
    if (e->score) {
        size_t n = tested(s, e->score, t, t->p);
        const tdl_scored of = scored(s, t, t->p, n);

        st = tdl_metric_fold_interval(s->data.metric, &of, NULL, t->fold, s->folds.folds_n,
                                      &options, &rng, &interval, why);
        tdl_jw_knumber(w, "value", e->metric);
        tdl_jw_knumber(w, "standard_error", e->standard_error);
        write_interval(w, &interval, !st);
        tdl_buf text = {0};
        tdl_json_dump(&text, e->setting);
        tdl_jw_kraw(w, "setting", tdl_buf_view(&text));
        tdl_buf_release(&text);
        tdl_jw_kint(w, "settings_tried", (int64_t)e->settings_tried);
        tdl_jw_knumber(w, "seconds", e->seconds);
        tdl_jw_knumber(w, "weight", weight);
    } else {
        tdl_jw_ktext(w, "left_out", e->left_out.message);
        write_left_out_zh(e, w);
    }
    tdl_jw_end_object(w);
    return st == TDL_E_INVALID ? TDL_OK : st;
}

static double weight_of(const tdl_fit_session *s, size_t entry)
{
    for (size_t j = 0; j < s->choice.entries_n; j++)
        if (s->choice.entry[j] == entry)
            return s->choice.weight[j];
    return 0;
}

static bool stands_before(const tdl_fit_session *s, const tdl_entry *a, const tdl_entry *b)
{
    if (!a->score || !b->score)
        return a->score && !b->score;
    return s->data.metric->higher_is_better ? a->metric > b->metric : a->metric < b->metric;
}

/* Best first, those left out last. */
static tdl_status write_leaderboard(tdl_fit_session *s, scratch *t, tdl_jw *w, tdl_report *why)
{
    size_t order[TDL_CONTEST_ENTRIES_MAX] = {0};
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < s->contest.entries_n; i++) {
        size_t at = i;

        for (; at > 0 && stands_before(s, &s->contest.entry[i], &s->contest.entry[order[at - 1]]);
             at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    tdl_jw_key(w, "leaderboard");
    tdl_jw_array(w);
    for (size_t i = 0; i < s->contest.entries_n && !st; i++)
        st = write_entry(s, &s->contest.entry[order[i]], weight_of(s, order[i]), t, w, why);
    tdl_jw_end_array(w);
    return st;
}

/* What serves, over entry `other`, on the same rows. */
static tdl_status write_gain(tdl_fit_session *s, size_t other, scratch *t, tdl_jw *w,
                             tdl_report *why)
{
    const tdl_bootstrap_options options = {.resamples = RESAMPLES};
    tdl_rng rng = tdl_rng_make(s->options->seed, 1);
    tdl_interval interval = {0};
    size_t n = tested(s, s->contest.entry[other].score, t, t->other);

    tested(s, s->choice.score, t, t->p);
    const tdl_scored a = scored(s, t, t->p, n), b = scored(s, t, t->other, n);
    tdl_status st = tdl_metric_fold_interval(s->data.metric, &a, &b, t->fold, s->folds.folds_n,
                                             &options, &rng, &interval, why);
    if (st && st != TDL_E_INVALID)
        return st;
    tdl_jw_object(w);
    tdl_jw_ktext(w, "over", s->contest.entry[other].ops->name);
    tdl_jw_knumber(w, "value", st ? NAN : interval.mean);
    write_interval(w, &interval, !st);
    tdl_jw_end_object(w);
    return TDL_OK;
}

static size_t best_floor(const tdl_fit_session *s)
{
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < s->contest.entries_n; i++)
        if (s->contest.entry[i].score && s->contest.entry[i].ops->simple &&
            (best == SIZE_MAX || stands_before(s, &s->contest.entry[i], &s->contest.entry[best])))
            best = i;
    return best;
}

static tdl_status write_chosen(tdl_fit_session *s, scratch *t, tdl_jw *w, tdl_report *why)
{
    const tdl_choice *c = &s->choice;
    size_t floor = best_floor(s);
    double metric, error, fold_metric[TDL_CONTEST_FOLDS_MAX];
    tdl_status st = TDL_OK;

    for (size_t f = 0; f < s->folds.folds_n; f++) {
        fold_metric[f] = NAN;
        if (tdl_contest_tests(&s->data, f) &&
            (st = tdl_contest_measure(&s->data, c->score, s->contest.scores_n, f, &fold_metric[f],
                                      why)))
            return st;
    }
    tdl_contest_mean(fold_metric, s->folds.folds_n, &metric, &error);
    tdl_jw_key(w, "chosen");
    tdl_jw_object(w);
    tdl_jw_ktext(w, "model", c->blend ? "blend" : s->contest.entry[c->entry[0]].ops->name);
    tdl_jw_knumber(w, "value", metric);
    tdl_jw_knumber(w, "standard_error", error);
    if (c->has_blend) {
        tdl_jw_knumber(w, "blend_gain", c->gain);
        tdl_jw_knumber(w, "blend_gain_error", c->gain_error);
    }
    tdl_jw_end_object(w);
    tdl_jw_key(w, "gain");
    tdl_jw_array(w);
    if (c->linear != SIZE_MAX)
        st = write_gain(s, c->linear, t, w, why);
    if (!st && floor != SIZE_MAX)
        st = write_gain(s, floor, t, w, why);
    tdl_jw_end_array(w);
    return st;
}

static void write_interval_kind(tdl_jw *w)
{
    tdl_jw_key(w, "interval"); // of the leaderboard, the gain and the metrics of quality
    tdl_jw_object(w);
    tdl_jw_ktext(w, "of", "mean_over_folds");
    tdl_jw_ktext(w, "by", "bootstrap_within_folds");
    tdl_jw_kint(w, "resamples", RESAMPLES);
    tdl_jw_knumber(w, "level", 0.95);
    tdl_jw_end_object(w);
}

/* What there was time for, and what an earlier run had done already. */
static void write_search(const tdl_fit_session *s, tdl_jw *w)
{
    tdl_jw_key(w, "search");
    tdl_jw_object(w);
    tdl_jw_knumber(w, "budget_seconds", s->data.budget);
    tdl_jw_knumber(w, "estimated_seconds", s->contest.estimated);
    tdl_jw_key(w, "cut_off");
    tdl_jw_array(w);
    for (size_t i = 0; i < s->contest.entries_n; i++)
        if (s->contest.entry[i].cut_off)
            tdl_jw_text(w, s->contest.entry[i].ops->name);
    tdl_jw_end_array(w);
    tdl_jw_kint(w, "resumed", (int64_t)tdl_search_log_found(s->log));
    tdl_jw_end_object(w);
}

/* ---- quality, fairness ---- */

static void write_mitigation(const tdl_fit_session *s, tdl_jw *w)
{
    tdl_buf text = {0};

    tdl_json_dump(&text, s->mitigation);
    tdl_jw_kraw(w, "mitigation", tdl_buf_view(&text));
    tdl_buf_release(&text);
}

static tdl_status write_quality(tdl_fit_session *s, tdl_jw *w, tdl_report *why)
{
    tdl_tested t;
    tdl_status st = tdl_fit_tested_outputs(s, &t, why);

    if (st)
        return st;
    const tdl_outcome outcome = {.task = s->target.task,
                                 .n = t.n,
                                 .width = s->contest.scores_n,
                                 .y = t.y,
                                 .output = t.output,
                                 .list = t.list,
                                 .quantile = s->target.quantile,
                                 .power = s->target.power,
                                 .threshold = s->predictor->threshold,
                                 .class_name = s->target.class_name,
                                 .fold = t.fold,
                                 .folds_n = s->folds.folds_n,
                                 .seed = s->options->seed};
    tdl_jw_key(w, "quality");
    if (s->group)
        tdl_jw_null(w); // rows of a list lie in several folds' order: the leaderboard has it
    else
        st = tdl_outcome_write(&outcome, w, why);
    if (!st)
        st = tdl_decision_cost_write(s->options, &outcome, w, why);
    if (!st && s->target.classes_n)
        tdl_jw_ktext(w, "calibrated_by", tdl_calibration_name(s->predictor->calibration.method));
    if (!st && s->options->fairness)
        st = tdl_fit_fairness(s, &t, w, why);
    if (!st && s->mitigation)
        write_mitigation(s, w);
    tdl_tested_release(&t);
    return st;
}

/* ---- what it rests on, what it costs ---- */

/* Shapley values by sampling are dear. */
static size_t importance_rows(const tdl_predictor *p)
{
    for (size_t j = 0; j < p->members_n; j++)
        if (tdl_learner_explains_slowly(p->member[j].learner))
            return SHAPLEY_ROWS;
    return IMPORTANCE_ROWS;
}

static tdl_status write_importance(tdl_fit_session *s, tdl_jw *w, tdl_report *why)
{
    const tdl_predictor *p = s->predictor;
    double *importance = malloc((p->columns_n + 1) * sizeof *importance);
    bool *told = calloc(p->columns_n + 1, sizeof *told);
    tdl_status st = importance && told ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");

    if (!st)
        st = tdl_predictor_importance(p, s->frame, s->row, s->rows_n, importance_rows(p),
                                      s->options->pool, importance, why);
    tdl_jw_key(w, "importance");
    tdl_jw_array(w);
    for (size_t n = 0; n < p->columns_n && !st; n++) {
        size_t most = SIZE_MAX;

        for (size_t i = 0; i < p->columns_n; i++)
            if (!told[i] && (most == SIZE_MAX || importance[i] > importance[most]))
                most = i;
        told[most] = true;
        tdl_jw_object(w);
        tdl_jw_ktext(w, "column", p->column[most]);
        tdl_jw_knumber(w, "share", importance[most]);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    free(importance);
    free(told);
    return st;
}

static tdl_status write_cost(tdl_fit_session *s, tdl_jw *w, tdl_report *why)
{
    const tdl_predictor *p = s->predictor;
    size_t n = s->rows_n < COST_ROWS ? s->rows_n : COST_ROWS;
    double *output = malloc((n * p->scores_n + 1) * sizeof *output);
    tdl_frame some = {0};
    tdl_status st = output ? tdl_frame_take(s->frame, s->row, n, &some, why)
                           : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    int64_t began = tdl_time_monotonic();

    if (!st)
        st = tdl_predictor_predict(p, &some, NULL, output, NULL, why);
    double us = (double)(tdl_time_monotonic() - began) / (double)n;
    tdl_frame_release(&some);
    free(output);
    tdl_jw_key(w, "cost");
    tdl_jw_object(w);
    tdl_jw_knumber(w, "us_per_row", us);
    tdl_jw_knumber(w, "contest_seconds", s->contest_seconds);
    tdl_jw_knumber(w, "fit_seconds", s->refit_seconds);
    tdl_jw_end_object(w);
    return st;
}

/* ---- */

static void write_head(const tdl_fit_session *s, tdl_jw *w)
{
    tdl_jw_ktext(w, "name", s->options->name);
    tdl_jw_ktime(w, "created", tdl_time_now());
    tdl_jw_ktext(w, "version", tdl_version());
    tdl_jw_kint(w, "seed", (int64_t)s->options->seed);
    tdl_jw_ktext(w, "source", s->options->source);
    tdl_jw_ktext(w, "task", tdl_task_name(s->target.task));
    tdl_jw_kint(w, "rows", (int64_t)s->rows_n);
    tdl_jw_kint(w, "duplicates", (int64_t)s->duplicates);
    tdl_jw_ktext(w, "metric", s->data.metric->name);
    tdl_jw_kbool(w, "higher_is_better", s->data.metric->higher_is_better);
    write_target(s, w);
    write_columns(s, w);
    write_split(s, w);
    write_leaks(s, w);
    tdl_jw_key(w, "notes");
    tdl_jw_array(w);
    for (size_t i = 0; i < s->notes_n; i++)
        tdl_jw_text(w, s->note[i]);
    tdl_jw_end_array(w);
}

static tdl_status write_card(tdl_fit_session *s, tdl_jw *w, tdl_report *why)
{
    size_t n = s->contest_n + 1, k = s->contest.scores_n;
    scratch t = {.y = malloc(n * sizeof *t.y),
                 .p = malloc(n * k * sizeof *t.p),
                 .other = malloc(n * k * sizeof *t.other),
                 .list = malloc(n * sizeof *t.list),
                 .fold = malloc(n * sizeof *t.fold)};
    tdl_status st = TDL_OK;

    tdl_jw_object(w);
    write_head(s, w);
    if (!t.y || !t.p || !t.other || !t.list || !t.fold)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the card");
    if (!st && !(st = write_leaderboard(s, &t, w, why)))
        st = write_chosen(s, &t, w, why);
    write_interval_kind(w);
    write_search(s, w);
    if (!st && !s->options->bare && !(st = write_quality(s, w, why)) &&
        !(st = write_importance(s, w, why)))
        st = write_cost(s, w, why);
    tdl_jw_end_object(w);
    free(t.y);
    free(t.p);
    free(t.other);
    free(t.list);
    free(t.fold);
    return st;
}

tdl_status tdl_fit_card(tdl_fit_session *s, tdl_report *why)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    json_t *card = NULL;
    tdl_status st = write_card(s, &w, why);

    if (!st)
        st = tdl_json_parse(tdl_buf_view(&text), TDL_JSON_LAST_WINS, &card, why);
    if (!st) {
        json_decref(s->predictor->card);
        s->predictor->card = card;
    }
    tdl_buf_release(&text);
    return st;
}

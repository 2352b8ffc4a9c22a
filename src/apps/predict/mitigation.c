/* Thresholds by group: fitted on outputs that were made out of fold, and measured on folds that
 * they were not fitted on. */
#include <math.h>
#include <stdlib.h>

#include "apps/predict/session.h"
#include "stats/classify.h"
#include "stats/fairness.h"

enum { RESAMPLES = 100 }; /* of the audit, of which the differences themselves are used */

typedef struct work {
    tdl_fit_session *session;
    tdl_adjustment *adjustment;
    tdl_tested tested;
    int32_t *group;   /* [n] */
    double *common;   /* [n] decisions by the threshold of everybody, */
    double *by_group; /* [n] and by those of groups */
    double *margin;   /* [n] log odds above the threshold of the group: the order they choose in */
    double *y, *output;                          /* [n] scratch: rows of other folds */
    int32_t *other;                              /* [n] their groups */
    double threshold[TDL_ADJUSTMENT_GROUPS_MAX]; /* without the fold that is measured */
} work;

static void release(work *w)
{
    tdl_tested_release(&w->tested);
    free(w->group);
    free(w->common);
    free(w->by_group);
    free(w->margin);
    free(w->y);
    free(w->output);
    free(w->other);
}

static tdl_status make_room(work *w, tdl_report *why)
{
    size_t n = w->tested.n + 1;

    w->group = malloc(n * sizeof *w->group);
    w->common = malloc(n * sizeof *w->common);
    w->by_group = malloc(n * sizeof *w->by_group);
    w->margin = malloc(n * sizeof *w->margin);
    w->y = malloc(n * sizeof *w->y);
    w->output = malloc(n * sizeof *w->output);
    w->other = malloc(n * sizeof *w->other);
    return w->group && w->common && w->by_group && w->margin && w->y && w->output && w->other
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", n);
}

/* ---- what is asked for ---- */

tdl_status tdl_fit_check_mitigation(const tdl_fit_session *s, tdl_report *why)
{
    const tdl_predict_options *o = s->options;
    tdl_equal kind;
    size_t column, n;
    tdl_status st;

    if (!o->equal)
        return TDL_OK;
    if (!tdl_equal_find(tdl_str_of(o->equal), &kind))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "selection or tpr",
                             "\"%s\" cannot be made equal between groups", o->equal);
    if (!o->equal_by || !o->equal_by[0])
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "name the column of the groups: --equal-by COLUMN",
                             "equal between which groups?");
    if ((st = tdl_find_columns(s->frame, o->equal_by, &column, 1, &n, why)))
        return st;
    if (column == s->target.column_index || s->frame->column[column].pixel)
        return TDL_FAIL(why, TDL_E_INVALID, "column %s does not make groups", o->equal_by);
    if (!o->reason || !tdl_str_trim(tdl_str_of(o->reason)).len)
        return TDL_FAIL_HINT(
            why, TDL_E_INVALID,
            "say in a sentence why it is right here: --reason TEXT; it stays with the model",
            "thresholds by group decide by %s itself, which may be unlawful in lending or hiring",
            o->equal_by);
    if (strlen(o->reason) > TDL_ADJUSTMENT_REASON_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "the reason has more than %d bytes",
                        TDL_ADJUSTMENT_REASON_MAX);
    if (s->target.task != TDL_TASK_BINARY)
        return TDL_FAIL(why, TDL_E_INVALID, "thresholds by group are for yes-or-no targets, not %s",
                        tdl_task_name(s->target.task));
    return TDL_OK;
}

static tdl_status find_groups(work *w, tdl_report *why)
{
    const tdl_fit_session *s = w->session;
    size_t column, n;
    tdl_status st = tdl_find_columns(s->frame, s->options->equal_by, &column, 1, &n, why);

    if (st)
        return st;
    tdl_equal_find(tdl_str_of(s->options->equal), &w->adjustment->kind);
    w->adjustment->column = strdup(s->frame->column[column].name);
    w->adjustment->reason = strdup(s->options->reason);
    if (!w->adjustment->column || !w->adjustment->reason)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    return tdl_adjustment_groups(&s->frame->column[column], w->tested.row, w->tested.n,
                                 w->adjustment, w->group, why);
}

/* ---- thresholds ---- */

/* As many are chosen as one threshold chooses, for the same in each group. */
static tdl_status fit_thresholds(const work *w, const double *y, const double *output,
                                 const int32_t *group, size_t n, double *ret, tdl_report *why)
{
    size_t groups_n = w->adjustment->groups_n;
    double common = w->session->predictor->threshold, chosen = 0, all = 0, target;
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < n; i++)
        if (group[i] >= 0) {
            all += 1;
            chosen += output[i] >= common;
        }
    target = all > 0 ? chosen / all : 0;
    if (w->adjustment->kind == TDL_EQUAL_TPR)
        st = tdl_equal_tpr_target(y, output, NULL, group, groups_n, n, target, &target, why);
    return st ? st
              : tdl_group_thresholds(w->adjustment->kind, y, output, NULL, group, groups_n, n,
                                     target, common, ret, why);
}

static double log_odds(double p)
{
    p = fmin(fmax(p, 1e-12), 1 - 1e-12);
    return log(p / (1 - p));
}

static void decide(work *w, size_t i)
{
    double common = w->session->predictor->threshold, output = w->tested.output[i];
    double own = w->group[i] < 0 ? common : w->threshold[w->group[i]];

    w->common[i] = output >= common;
    w->by_group[i] = output >= own;
    w->margin[i] = log_odds(output) - log_odds(own);
}

static tdl_status measure_fold(work *w, uint32_t fold, tdl_report *why)
{
    const tdl_tested *t = &w->tested;
    size_t n = 0;
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < t->n; i++)
        if (t->fold[i] != fold) {
            w->y[n] = t->y[i];
            w->output[n] = t->output[i];
            w->other[n++] = w->group[i];
        }
    if (n == t->n)
        return TDL_OK; // nothing was tested in it
    if (!n)            // the only one: there are no others to fit on
        st = fit_thresholds(w, t->y, t->output, w->group, t->n, w->threshold, why);
    else // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): release() has it all
        st = fit_thresholds(w, w->y, w->output, w->other, n, w->threshold, why);
    for (size_t i = 0; i < t->n && !st; i++)
        if (t->fold[i] == fold)
            decide(w, i);
    return st;
}

/* ---- for the card ---- */

static tdl_status put_figures(const work *w, const char *when, const double *decision,
                              const double *order_by, json_t *ret, tdl_report *why)
{
    const tdl_tested *t = &w->tested;
    const tdl_fair_rows rows = {.n = t->n, .y = t->y, .decision = decision};
    const tdl_fair_options options = {.resamples = RESAMPLES};
    tdl_rng rng = tdl_rng_make(w->session->options->seed, 8);
    tdl_fairness f = {0};
    uint32_t *order = malloc((t->n + 1) * sizeof *order);
    double right = 0, chosen = 0;
    tdl_status st = order ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", t->n);

    if (st || (st = tdl_order_rows(order_by, 1, t->n, order, why)) ||
        (st =
             tdl_fairness_audit(&rows, w->group, w->adjustment->groups_n, &options, &rng, &f, why)))
        goto out;
    for (size_t i = 0; i < t->n; i++) {
        right += decision[i] == t->y[i];
        chosen += decision[i];
    }
    const struct {
        const char *name;
        double value;
    } figures[] = {{"accuracy", right / (double)t->n},
                   {"auc", tdl_auc(t->y, order_by, NULL, order, t->n)},
                   {"selection", chosen / (double)t->n},
                   {"demographic_parity_difference", f.dpd},
                   {"equal_opportunity_difference", f.tpr_difference},
                   {"equalised_odds_difference", f.eod}};
    json_t *all = json_object();
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        json_object_set_new(all, figures[i].name,
                            isfinite(figures[i].value) ? json_real(figures[i].value) : json_null());
    if (json_object_set_new(ret, when, all))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
out:
    tdl_fairness_release(&f);
    free(order);
    return st;
}

static tdl_status write_down(work *w, tdl_report *why)
{
    tdl_fit_session *s = w->session;
    tdl_status st;

    s->mitigation = tdl_adjustment_save(w->adjustment);
    if (!s->mitigation ||
        json_object_set_new(s->mitigation, "threshold", json_real(s->predictor->threshold)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (!(st = put_figures(w, "before", w->common, w->tested.output, s->mitigation, why)))
        st = put_figures(w, "after", w->by_group, w->margin, s->mitigation, why);
    return st;
}

tdl_status tdl_fit_mitigate(tdl_fit_session *s, tdl_report *why)
{
    work w = {.session = s, .adjustment = &s->predictor->adjustment};
    tdl_status st;

    if (!s->options->equal)
        return TDL_OK;
    if ((st = tdl_fit_tested_outputs(s, &w.tested, why)) || (st = make_room(&w, why)) ||
        (st = find_groups(&w, why)))
        goto out;
    for (uint32_t f = 0; f < s->folds.folds_n && !st; f++)
        st = measure_fold(&w, f, why);
    if (st || (st = fit_thresholds(&w, w.tested.y, w.tested.output, w.group, w.tested.n,
                                   w.threshold, why)))
        goto out;
    for (size_t g = 0; g < w.adjustment->groups_n; g++)
        w.adjustment->group[g].threshold = w.threshold[g];
    st = write_down(&w, why);
out:
    release(&w);
    return st;
}

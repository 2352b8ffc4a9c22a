/* What answers rest on, and what would have to change for others. Nothing is decided. */
#include "apps/predict/counterfactual.h"
#include "apps/predict/rows_parts.h"
#include "base/timestamp.h"

enum { UNTIL_ROWS_MAX = 10 };
static const double UNTIL_SECONDS = 2;

/* ---- explanations ---- */

static void write_explanation(const tdl_answering *a, size_t row, const tdl_row_fault *fault,
                              tdl_jw *out)
{
    const tdl_explanation *e = &a->asked.explanation;
    const tdl_predictor *p = a->asked.predictor;
    size_t at = a->asked.place[row];

    tdl_jw_object(out);
    if (at == SIZE_MAX) {
        tdl_answering_write_fault(fault, out);
    } else {
        if (p->target.classes_n)
            tdl_jw_ktext(
                out, "class",
                p->target.class_name[p->target.task == TDL_TASK_BINARY ? 1 : a->asked.which[at]]);
        tdl_jw_knumber(out, "baseline", e->base[at]);
        tdl_jw_knumber(out, "output", e->score[at]);
        tdl_jw_key(out, "features");
        tdl_asked_write_because(&a->asked, at, p->columns_n, a->scratch, out);
        tdl_predictor_write_adjustment(p, &a->asked.frame, at, a->asked.output + at * p->scores_n,
                                       out);
    }
    tdl_jw_end_object(out);
}

static tdl_status explain_rows(tdl_answering *a, tdl_jw *out, tdl_report *why)
{
    size_t fault = 0;
    tdl_status st;

    if (!tdl_asked_explainable(&a->asked))
        return tdl_answering_too_slow(why);
    if ((st = tdl_asked_explain(&a->asked, a->ask->of_class, why)))
        return st;
    tdl_jw_ktext(out, "method", a->asked.explanation.method);
    tdl_jw_knumber(out, "completeness_error", a->asked.explanation.error);
    tdl_jw_key(out, "rows");
    tdl_jw_array(out);
    for (size_t r = 0; r < a->asked.rows_n; r++)
        write_explanation(a, r, a->asked.place[r] == SIZE_MAX ? &a->asked.fault[fault++] : NULL,
                          out);
    tdl_jw_end_array(out);
    return TDL_OK;
}

/* ---- until another answer ---- */

static tdl_status write_until(const tdl_answering *a, size_t row, const tdl_row_fault *fault,
                              double seconds, tdl_jw *out, tdl_report *why)
{
    const tdl_until_ask *until = &a->ask->until;
    const tdl_counterfactual_limits limits = {.keep = until->keep,
                                              .only_up = until->only_up,
                                              .only_down = until->only_down,
                                              .between = until->between,
                                              .changed_max = until->most,
                                              .seconds = seconds};
    size_t at = a->asked.place[row];
    tdl_counterfactuals found = {0};
    tdl_status st = TDL_OK;

    tdl_jw_object(out);
    if (at == SIZE_MAX) {
        tdl_answering_write_fault(fault, out);
    } else if (!(st = tdl_predictor_counterfactual(a->asked.predictor, &a->asked.frame, at,
                                                   until->answer, &limits, NULL, &found, why))) {
        tdl_answering_write_decided(a, at, out);
        tdl_counterfactuals_write(&found, out);
    }
    tdl_jw_end_object(out);
    tdl_counterfactuals_release(&found);
    return st;
}

/* The time is shared: each row may take its part of what those before it left. */
static tdl_status search_rows(const tdl_answering *a, tdl_jw *out, tdl_report *why)
{
    size_t n = a->asked.rows_n, fault = 0;
    double left = a->ask->until.seconds > 0 ? a->ask->until.seconds : UNTIL_SECONDS;
    tdl_status st = TDL_OK;

    if (n > UNTIL_ROWS_MAX)
        return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "ask in several calls",
                             "%zu rows, with \"until\" %d are allowed", n, UNTIL_ROWS_MAX);
    tdl_jw_ktext(out, "until", a->ask->until.answer);
    tdl_jw_key(out, "rows");
    tdl_jw_array(out);
    for (size_t r = 0; r < n && !st; r++) {
        int64_t began_us = tdl_time_monotonic();

        st = write_until(a, r, a->asked.place[r] == SIZE_MAX ? &a->asked.fault[fault++] : NULL,
                         left / (double)(n - r), out, why);
        left -= (double)(tdl_time_monotonic() - began_us) / 1e6;
        left = left > .01 ? left : .01;
        if (st)
            tdl_report_prefix(why, "row %zu", r);
    }
    tdl_jw_end_array(out);
    return st;
}

/* ---- */

tdl_status tdl_predict_explain_rows(tdl_app *app, const tdl_rows_ask *ask, tdl_jw *out,
                                    tdl_report *why)
{
    int64_t began_us = tdl_time_monotonic();
    tdl_served *served = NULL;
    tdl_answering a;
    tdl_status st = tdl_answering_begin(app, ask, &a, &served, why);

    if (st)
        goto out;
    tdl_jw_object(out);
    tdl_answering_write_head(&a, out);
    if ((st = ask->until.answer ? search_rows(&a, out, why) : explain_rows(&a, out, why)))
        goto out;
    tdl_jw_knumber(out, "ms", (double)(tdl_time_monotonic() - began_us) / 1e3);
    tdl_jw_end_object(out);
    if (out->out->failed)
        st = tdl_answering_no_memory(why);
out:
    tdl_answering_end(&a, served);
    return st;
}

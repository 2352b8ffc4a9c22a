#include "apps/predict/asked.h"

#include <stdlib.h>
#include <string.h>

#include "apps/predict/prediction.h"

void tdl_asked_release(tdl_asked *a)
{
    tdl_frame_release(&a->frame);
    tdl_explanation_release(&a->explanation);
    free(a->place);
    free(a->fault);
    free(a->output);
    free(a->warning);
    free(a->which);
    *a = (tdl_asked){0};
}

/* ---- reading ---- */

/* A frame of the rows without a fault. */
static tdl_status set_faults_aside(tdl_asked *a, tdl_frame *all, tdl_report *why)
{
    uint32_t *row = malloc((a->rows_n + 1) * sizeof *row);
    size_t n = 0;
    tdl_status st;

    if (!row || !(a->place = calloc(a->rows_n + 1, sizeof *a->place))) {
        free(row);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", a->rows_n);
    }
    for (size_t i = 0; i < a->faults_n; i++)
        a->place[a->fault[i].row] = SIZE_MAX;
    for (size_t r = 0; r < a->rows_n; r++)
        if (a->place[r] != SIZE_MAX) {
            a->place[r] = n;
            row[n++] = (uint32_t)r;
        }
    if (a->faults_n) {
        st = tdl_frame_take(all, row, n, &a->frame, why);
    } else {
        a->frame = *all;
        *all = (tdl_frame){0};
        st = TDL_OK;
    }
    free(row);
    return st;
}

tdl_status tdl_asked_read(const tdl_predictor *p, const json_t *rows, tdl_asked *ret,
                          tdl_report *why)
{
    tdl_frame all = {0};
    tdl_status st;

    *ret = (tdl_asked){.predictor = p, .rows_n = json_array_size(rows)};
    st = tdl_frame_of_json(p->schema, rows, &all, &ret->unknown_keys, &ret->fault, &ret->faults_n,
                           why);
    if (!st)
        st = set_faults_aside(ret, &all, why);
    tdl_frame_release(&all);
    return st;
}

/* ---- predicting ---- */

tdl_status tdl_asked_predict(tdl_asked *a, tdl_report *why)
{
    const tdl_predictor *p = a->predictor;

    a->output = calloc(a->frame.rows * tdl_predictor_outputs(p) + 1, sizeof *a->output);
    a->warning = calloc(p->columns_n + 1, sizeof *a->warning);
    if (!a->output || !a->warning)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", a->frame.rows);
    return a->frame.rows ? tdl_predictor_predict(p, &a->frame, NULL, a->output, a->warning, why)
                         : TDL_OK;
}

/* ---- explaining ---- */

bool tdl_asked_explainable(const tdl_asked *a)
{
    for (size_t i = 0; i < a->predictor->members_n; i++)
        if (tdl_learner_explains_slowly(a->predictor->member[i].learner) &&
            a->frame.rows > TDL_ASKED_SLOW_ROWS)
            return false;
    return true;
}

static tdl_status choose_scores(tdl_asked *a, tdl_str of_class, tdl_report *why)
{
    const tdl_predictor *p = a->predictor;
    size_t of = 0;

    if (!(a->which = calloc(a->frame.rows + 1, sizeof *a->which)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", a->frame.rows);
    while (of_class.len && of < p->target.classes_n &&
           !tdl_str_is(of_class, p->target.class_name[of]))
        of++;
    if (of_class.len && of == p->target.classes_n)
        return TDL_FAIL(why, TDL_E_INVALID, "there is no class \"%.*s\"", TDL_FMT(of_class));
    if (p->target.task == TDL_TASK_BINARY)
        return TDL_OK; // one score, the positive class's
    for (size_t r = 0; r < a->frame.rows; r++)
        a->which[r] = of_class.len          ? of
                      : p->target.classes_n ? tdl_predictor_class(p, a->output + r * p->scores_n)
                                            : p->scores_n / 2; // the middle quantile
    return TDL_OK;
}

static tdl_status make_room(tdl_asked *a, tdl_report *why)
{
    tdl_explanation *e = &a->explanation;

    *e = (tdl_explanation){.rows = a->frame.rows, .columns_n = a->predictor->columns_n};
    e->share = calloc(e->rows * e->columns_n + 1, sizeof *e->share);
    e->base = calloc(e->rows + 1, sizeof *e->base);
    e->score = calloc(e->rows + 1, sizeof *e->score);
    return e->share && e->base && e->score
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to explain %zu rows", e->rows);
}

/* Rows row[n] of the frame, all of one score. */
static tdl_status explain_some(tdl_asked *a, size_t which, const uint32_t *row, size_t n,
                               tdl_report *why)
{
    tdl_explanation *e = &a->explanation, some = {0};
    tdl_frame frame = {0};
    tdl_status st = tdl_frame_take(&a->frame, row, n, &frame, why);

    if (!st)
        st = tdl_predictor_explain(a->predictor, &frame, which, NULL, &some, why);
    for (size_t i = 0; i < n && !st; i++) {
        memcpy(e->share + row[i] * e->columns_n, some.share + i * e->columns_n,
               e->columns_n * sizeof *e->share);
        e->base[row[i]] = some.base[i];
        e->score[row[i]] = some.score[i];
    }
    if (!st) {
        e->error = some.error > e->error ? some.error : e->error;
        memcpy(e->method, some.method, sizeof e->method);
    }
    tdl_explanation_release(&some);
    tdl_frame_release(&frame);
    return st;
}

tdl_status tdl_asked_explain(tdl_asked *a, tdl_str of_class, tdl_report *why)
{
    uint32_t *row = malloc((a->frame.rows + 1) * sizeof *row);
    tdl_status st;

    if (!row)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", a->frame.rows);
    if ((st = choose_scores(a, of_class, why)) || (st = make_room(a, why)))
        goto out;
    for (size_t k = 0; k < a->predictor->scores_n && !st; k++) {
        size_t n = 0;

        for (size_t r = 0; r < a->frame.rows; r++)
            if (a->which[r] == k)
                row[n++] = (uint32_t)r;
        if (n)
            st = explain_some(a, k, row, n, why);
    }
    a->explained = !st;
out:
    free(row);
    return st;
}

/* ---- writing ---- */

void tdl_asked_write_because(const tdl_asked *a, size_t row, size_t k, size_t *scratch, tdl_jw *out)
{
    const tdl_explanation *e = &a->explanation;
    const tdl_predictor *p = a->predictor;
    size_t told = 0;

    tdl_explanation_order(e, row, scratch);
    tdl_jw_array(out);
    for (size_t i = 0; i < e->columns_n && told < k; i++) {
        size_t column = scratch[i];

        if (!strcmp(p->column[column], p->target.column))
            continue;
        tdl_jw_object(out);
        tdl_jw_ktext(out, "name", p->column[column]);
        tdl_jw_key(out, "value");
        tdl_prediction_write_cell(&a->frame.column[column], row, out);
        tdl_jw_knumber(out, "attribution", e->share[row * e->columns_n + column]);
        tdl_jw_end_object(out);
        told++;
    }
    tdl_jw_end_array(out);
}

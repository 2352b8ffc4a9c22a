#include "apps/predict/predictor.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "apps/predict/contest.h"

enum { ROWS_AT_ONCE = 1024 };

static void release_member(tdl_member *m)
{
    tdl_prepare_free(m->prepare);
    tdl_learner_free(m->learner);
    tdl_matrix_release(&m->median);
    free(m->column);
}

void tdl_predictor_free(tdl_predictor *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->members_n; i++)
        release_member(&p->member[i]);
    for (size_t i = 0; i < p->columns_n; i++)
        free(p->column[i]);
    free(p->member);
    free(p->column);
    free(p->name);
    json_decref(p->schema);
    json_decref(p->card);
    tdl_predict_target_release(&p->target);
    tdl_calibration_release(&p->calibration);
    tdl_adjustment_release(&p->adjustment);
    free(p->residual);
    free(p);
}

/* ---- sealing ---- */

static size_t find_column(const tdl_predictor *p, const char *name)
{
    size_t i = 0;

    while (i < p->columns_n && (!p->column[i] || strcmp(p->column[i], name) != 0))
        i++;
    return i < p->columns_n ? i : SIZE_MAX;
}

static tdl_status seal_member(const tdl_predictor *p, tdl_member *m, tdl_report *why)
{
    size_t n = tdl_prepare_columns(m->prepare);

    if (!(m->column = malloc((n + 1) * sizeof *m->column)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", n);
    for (size_t i = 0; i < n; i++)
        m->column[i] = find_column(p, tdl_prepare_column_name(m->prepare, i));
    return tdl_prepare_median_row(m->prepare, &m->median, why);
}

static tdl_status name_columns(tdl_predictor *p, tdl_report *why)
{
    const json_t *columns = json_object_get(p->schema, "columns");
    size_t n = json_array_size(columns);

    if (!(p->column = calloc(n + 1, sizeof *p->column)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", n);
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(columns, i), "name"));

        if (!name || !(p->column[p->columns_n++] = strdup(name)))
            return TDL_FAIL(why, TDL_E_CORRUPT, "schema: column %zu has no name", i);
    }
    return TDL_OK;
}

tdl_status tdl_predictor_seal(tdl_predictor *p, tdl_report *why)
{
    tdl_status st = name_columns(p, why);

    for (size_t i = 0; i < p->members_n && !st; i++)
        st = seal_member(p, &p->member[i], why);
    return st;
}

/* ---- predicting ---- */

size_t tdl_predictor_outputs(const tdl_predictor *p)
{
    return p->scores_n;
}

typedef struct work {
    const tdl_predictor *predictor;
    const tdl_frame *frame;
    double *ret;
    tdl_prepare_warning *warning; /* [columns_n] or NULL */
    pthread_mutex_t lock;         /* of `warning` and the next two */
    tdl_status status;
    tdl_report why;
} work;

static void add_warnings(work *w, const tdl_member *m, const tdl_prepare_warning *warning)
{
    for (size_t i = 0; i < tdl_prepare_columns(m->prepare); i++) {
        tdl_prepare_warning *to = m->column[i] == SIZE_MAX ? NULL : &w->warning[m->column[i]];

        if (!to)
            continue;
        to->column = m->column[i];
        to->unseen += warning[i].unseen;
        to->out_of_range += warning[i].out_of_range;
        to->missing += warning[i].missing;
    }
}

/* Rows of one member added to `ret`. Warnings are those of the first member: all see the same. */
static tdl_status add_member(work *w, size_t number, const uint32_t *row, size_t n, double *ret,
                             tdl_report *why)
{
    const tdl_predictor *p = w->predictor;
    const tdl_member *m = &p->member[number];
    bool warns = w->warning && number == 0;
    tdl_prepare_warning *warning =
        warns ? calloc(tdl_prepare_columns(m->prepare) + 1, sizeof *warning) : NULL;
    double *score = malloc((n * p->scores_n + 1) * sizeof *score);
    tdl_matrix x = {0};
    tdl_status st;

    if (!score || (warns && !warning)) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", n);
        goto out;
    }
    if ((st = tdl_prepare_apply(m->prepare, w->frame, row, n, &x, warning, why)) ||
        (st = tdl_learner_score(m->learner, &x, NULL, score, why)))
        goto out;
    for (size_t i = 0; i < n * p->scores_n; i++)
        ret[i] += m->weight * score[i];
    if (warns) {
        pthread_mutex_lock(&w->lock);
        add_warnings(w, m, warning);
        pthread_mutex_unlock(&w->lock);
    }
out:
    tdl_matrix_release(&x);
    free(score);
    free(warning);
    return st;
}

static void score_rows(void *context, size_t begin, size_t end, unsigned part)
{
    work *w = context;
    const tdl_predictor *p = w->predictor;
    uint32_t row[ROWS_AT_ONCE];
    tdl_report why;
    tdl_status st = TDL_OK;

    TDL_UNUSED(part);
    for (size_t at = begin; at < end && !st; at += ROWS_AT_ONCE) {
        size_t n = end - at < ROWS_AT_ONCE ? end - at : ROWS_AT_ONCE;

        for (size_t i = 0; i < n; i++)
            row[i] = (uint32_t)(at + i);
        memset(w->ret + at * p->scores_n, 0, n * p->scores_n * sizeof *w->ret);
        for (size_t j = 0; j < p->members_n && !st; j++)
            st = add_member(w, j, row, n, w->ret + at * p->scores_n, &why);
    }
    if (st) {
        pthread_mutex_lock(&w->lock);
        w->status = st;
        w->why = why;
        pthread_mutex_unlock(&w->lock);
    }
}

tdl_status tdl_predictor_score(const tdl_predictor *p, const tdl_frame *frame, tdl_pool *pool,
                               double *ret, tdl_prepare_warning *ret_warning, tdl_report *why)
{
    work w = {.predictor = p, .frame = frame, .ret = ret, .warning = ret_warning};

    pthread_mutex_init(&w.lock, NULL);
    tdl_pool_run(pool, frame->rows, ROWS_AT_ONCE, score_rows, &w);
    pthread_mutex_destroy(&w.lock);
    if (w.status && why)
        *why = w.why;
    return w.status;
}

void tdl_predictor_calibrate(const tdl_predictor *p, double *score, size_t rows)
{
    if (p->target.classes_n)
        tdl_calibration_apply(&p->calibration, score, rows, score);
    else
        tdl_scores_to_outputs(p->target.task, score, rows, p->scores_n);
}

tdl_status tdl_predictor_predict(const tdl_predictor *p, const tdl_frame *frame, tdl_pool *pool,
                                 double *ret, tdl_prepare_warning *ret_warning, tdl_report *why)
{
    tdl_status st = tdl_predictor_score(p, frame, pool, ret, ret_warning, why);

    if (!st)
        tdl_predictor_calibrate(p, ret, frame->rows);
    return st;
}

size_t tdl_predictor_class(const tdl_predictor *p, const double *output)
{
    size_t best = 0;

    if (p->target.task == TDL_TASK_BINARY)
        return output[0] >= p->threshold;
    for (size_t k = 1; k < p->scores_n; k++)
        best = output[k] > output[best] ? k : best;
    return best;
}

double tdl_predictor_threshold(const tdl_predictor *p, const tdl_frame *frame, size_t row)
{
    const tdl_adjustment_group *group = tdl_adjustment_find(&p->adjustment, frame, row);

    return group ? group->threshold : p->threshold;
}

size_t tdl_predictor_class_of(const tdl_predictor *p, const tdl_frame *frame, size_t row,
                              const double *output)
{
    if (p->target.task == TDL_TASK_BINARY)
        return output[0] >= tdl_predictor_threshold(p, frame, row);
    return tdl_predictor_class(p, output);
}

void tdl_predictor_classes(const tdl_predictor *p, const tdl_frame *frame, const double *output,
                           size_t *ret_class)
{
    for (size_t r = 0; r < frame->rows; r++)
        ret_class[r] = tdl_predictor_class_of(p, frame, r, output + r * p->scores_n);
}

void tdl_predictor_write_adjustment(const tdl_predictor *p, const tdl_frame *frame, size_t row,
                                    const double *output, tdl_jw *out)
{
    const tdl_adjustment_group *group = tdl_adjustment_find(&p->adjustment, frame, row);

    if (!group)
        return;
    tdl_jw_key(out, "adjustment");
    tdl_jw_object(out);
    tdl_jw_ktext(out, "column", p->adjustment.column);
    tdl_jw_ktext(out, "group", group->name);
    tdl_jw_knumber(out, "threshold", group->threshold);
    tdl_jw_knumber(out, "instead_of", p->threshold);
    tdl_jw_kbool(out, "changed", (output[0] >= group->threshold) != (output[0] >= p->threshold));
    tdl_jw_ktext(out, "reason", p->adjustment.reason);
    tdl_jw_end_object(out);
}

double tdl_predictor_half_width(const tdl_predictor *p, double level)
{
    double index = ceil((double)(p->residuals_n + 1) * level);

    if (!(index <= (double)p->residuals_n) || index < 1)
        return INFINITY;
    return p->residual[(size_t)index - 1];
}

size_t tdl_predictor_class_set(const tdl_predictor *p, const double *output, double level,
                               size_t *ret_class)
{
    double two[2] = {1 - output[0], output[0]}, held = 0;
    bool binary = p->target.task == TDL_TASK_BINARY;
    const double *of = binary ? two : output;
    size_t n = 0, classes_n = binary ? 2 : p->target.classes_n;

    for (size_t k = 0; k < classes_n; k++) { // by insertion, most likely first
        size_t at = k;

        for (; at > 0 && of[ret_class[at - 1]] < of[k]; at--)
            ret_class[at] = ret_class[at - 1];
        ret_class[at] = k;
    }
    while (n < classes_n && held < level)
        held += of[ret_class[n++]];
    return n;
}

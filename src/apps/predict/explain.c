#include "apps/predict/explain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/predict/shapley_member.h"
#include "base/sorted.h"
#include "stats/bootstrap.h"

enum { GRID = 20, SAMPLE = 200, SAMPLE_IMAGES = 10 };

void tdl_explanation_release(tdl_explanation *e)
{
    free(e->share);
    free(e->base);
    free(e->score);
    free(e->pixel);
    *e = (tdl_explanation){0};
}

static void name_method(tdl_explanation *e, const char *name)
{
    size_t n = strlen(e->method);

    if (!strstr(e->method, name))
        snprintf(e->method + n, sizeof e->method - n, "%s%s", n ? ", " : "", name);
}

/* ---- one member ---- */

static void add_shares(tdl_explanation *e, const tdl_member *m, const tdl_matrix *x,
                       const tdl_attribution *a)
{
    for (size_t r = 0; r < e->rows; r++) {
        double *share = e->share + r * e->columns_n;

        for (size_t j = 0; j < x->cols; j++) {
            size_t column = m->column[x->feature[j].column];
            if (column != SIZE_MAX)
                share[column] += m->weight * a->x[r * x->cols + j];
        }
        for (size_t j = 0; j < x->categories_n; j++) {
            size_t column = m->column[x->category_feature[j].column];
            if (column != SIZE_MAX)
                share[column] += m->weight * a->category[r * x->categories_n + j];
        }
        e->base[r] += m->weight * a->base[r];
    }
}

static tdl_status attribute(const tdl_member *m, const tdl_matrix *x, size_t which, tdl_pool *pool,
                            tdl_attribution *ret, tdl_report *why)
{
    if (m->learner->ops->attribute)
        return tdl_learner_attribute(m->learner, x, &m->median, which, pool, ret, why);
    return tdl_shapley_member(m, x, which, pool, ret, why);
}

/* The column of the schema that a member's images are of; SIZE_MAX = none. */
static size_t image_column(const tdl_member *m, const tdl_frame *frame)
{
    size_t at;

    for (size_t k = 0; k < tdl_prepare_columns(m->prepare); k++)
        if (tdl_prepare_range_of(m->prepare, k).used &&
            tdl_frame_find(frame, tdl_str_of(tdl_prepare_column_name(m->prepare, k)), &at) &&
            frame->column[at].pixel)
            return m->column[k];
    return SIZE_MAX;
}

/* Shares of pixels, and their sum as that of the column. */
static tdl_status add_pixels(tdl_explanation *e, const tdl_member *m, const tdl_frame *frame,
                             const tdl_matrix *x, const tdl_attribution *a, tdl_report *why)
{
    size_t pixels = x->channels * x->height * x->width, column = image_column(m, frame);

    if (!e->pixel && !(e->pixel = calloc(e->rows * pixels + 1, sizeof *e->pixel)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to explain %zu images", e->rows);
    if (e->channels && (e->channels != x->channels || e->height != x->height ||
                        e->width != x->width)) // nothing that a fit makes
        return TDL_FAIL(why, TDL_E_CORRUPT, "members that read images of different sizes");
    e->channels = x->channels;
    e->height = x->height;
    e->width = x->width;
    for (size_t r = 0; r < e->rows; r++)
        for (size_t i = 0; i < pixels; i++) {
            double share = m->weight * a->pixel[r * pixels + i];

            e->pixel[r * pixels + i] += share;
            if (column != SIZE_MAX)
                e->share[r * e->columns_n + column] += share;
        }
    return TDL_OK;
}

/* A learner that reads neither numbers nor categories, nor tells pixels apart: its whole score is
 * then the base. */
static tdl_status explain_or_not(const tdl_member *m, const tdl_matrix *x, size_t which,
                                 const double *score, tdl_pool *pool, tdl_attribution *ret,
                                 tdl_report *why)
{
    if (x->cols || x->categories_n || ret->pixel)
        return attribute(m, x, which, pool, ret, why);
    for (size_t r = 0; r < x->rows; r++)
        ret->base[r] = score[r * m->learner->scores_n + which];
    return TDL_OK;
}

/* Integrated gradients reach pixels; of other learners of a table with images none does. */
static bool tells_pixels(const tdl_member *m, const tdl_matrix *x)
{
    return x->channels && m->learner->ops->reads_images;
}

static tdl_status explain_member(const tdl_member *m, const tdl_frame *frame, size_t which,
                                 tdl_pool *pool, tdl_explanation *e, tdl_report *why)
{
    tdl_matrix x = {0};
    tdl_attribution a = {0};
    double *score = NULL;
    size_t scores_n = m->learner->scores_n;
    tdl_status st = tdl_prepare_apply(m->prepare, frame, NULL, e->rows, &x, NULL, why);

    if (st)
        goto out;
    a.x = calloc(e->rows * x.cols + 1, sizeof *a.x);
    a.category = calloc(e->rows * x.categories_n + 1, sizeof *a.category);
    a.base = calloc(e->rows + 1, sizeof *a.base);
    if (tells_pixels(m, &x) &&
        !(a.pixel = calloc(e->rows * x.channels * x.height * x.width + 1, sizeof *a.pixel))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to explain %zu images", e->rows);
        goto out;
    }
    score = malloc((e->rows * scores_n + 1) * sizeof *score);
    if (!a.x || !a.category || !a.base || !score) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to explain %zu rows", e->rows);
        goto out;
    }
    if ((st = tdl_learner_score(m->learner, &x, pool, score, why)) ||
        (st = explain_or_not(m, &x, which, score, pool, &a, why)))
        goto out;
    if (a.pixel && (st = add_pixels(e, m, frame, &x, &a, why)))
        goto out;
    add_shares(e, m, &x, &a);
    for (size_t r = 0; r < e->rows; r++)
        e->score[r] += m->weight * score[r * scores_n + which];
    name_method(e, m->learner->ops->attribute ? m->learner->ops->attribute_name : "shapley");
out:
    tdl_matrix_release(&x);
    free(a.x);
    free(a.category);
    free(a.pixel);
    free(a.base);
    free(score);
    return st;
}

tdl_status tdl_predictor_explain(const tdl_predictor *p, const tdl_frame *frame, size_t which,
                                 tdl_pool *pool, tdl_explanation *ret, tdl_report *why)
{
    tdl_explanation e = {.rows = frame->rows, .columns_n = p->columns_n};
    tdl_status st = TDL_OK;

    if (which >= p->scores_n)
        return TDL_FAIL(why, TDL_E_INVALID, "output %zu of %zu", which, p->scores_n);
    e.share = calloc(e.rows * e.columns_n + 1, sizeof *e.share);
    e.base = calloc(e.rows + 1, sizeof *e.base);
    e.score = calloc(e.rows + 1, sizeof *e.score);
    if (!e.share || !e.base || !e.score)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to explain %zu rows", e.rows);
    for (size_t j = 0; j < p->members_n && !st; j++)
        st = explain_member(&p->member[j], frame, which, pool, &e, why);
    if (st) {
        tdl_explanation_release(&e);
        return st;
    }
    for (size_t r = 0; r < e.rows; r++) {
        double sum = e.base[r];

        for (size_t i = 0; i < e.columns_n; i++)
            sum += e.share[r * e.columns_n + i];
        double error = fabs(sum - e.score[r]) / fmax(1, fabs(e.score[r] - e.base[r]));
        e.error = error > e.error ? error : e.error;
    }
    *ret = e;
    return TDL_OK;
}

void tdl_explanation_order(const tdl_explanation *e, size_t r, size_t *ret)
{
    const double *share = e->share + r * e->columns_n;

    for (size_t i = 0; i < e->columns_n; i++) {
        size_t at = i;

        for (; at > 0 && fabs(share[ret[at - 1]]) < fabs(share[i]); at--)
            ret[at] = ret[at - 1];
        ret[at] = i;
    }
}

/* ---- importance ---- */

/* Mean size over scores: of all classes, where there are several. */
static tdl_status add_importance(const tdl_predictor *p, const tdl_frame *sample, size_t which,
                                 tdl_pool *pool, double *ret, tdl_report *why)
{
    tdl_explanation e;
    tdl_status st = tdl_predictor_explain(p, sample, which, pool, &e, why);

    if (st)
        return st;
    for (size_t r = 0; r < e.rows; r++)
        for (size_t i = 0; i < e.columns_n; i++)
            ret[i] += fabs(e.share[r * e.columns_n + i]) / (double)(e.rows * p->scores_n);
    tdl_explanation_release(&e);
    return TDL_OK;
}

/* Images take 32 passes a row and score: few of them have to do. */
static bool reads_images(const tdl_predictor *p)
{
    for (size_t j = 0; j < p->members_n; j++)
        if (p->member[j].learner->ops->reads_images)
            return true;
    return false;
}

tdl_status tdl_predictor_importance(const tdl_predictor *p, const tdl_frame *frame,
                                    const uint32_t *row, size_t rows_n, size_t rows_max,
                                    tdl_pool *pool, double *ret, tdl_report *why)
{
    size_t most = reads_images(p) && rows_max > SAMPLE_IMAGES ? SAMPLE_IMAGES : rows_max;
    size_t n = rows_n < most ? rows_n : most;
    uint32_t *some = malloc((n + 1) * sizeof *some);
    tdl_frame sample = {0};
    tdl_status st;

    if (!some)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++)
        some[i] = row ? row[i * rows_n / n] : (uint32_t)(i * rows_n / n);
    st = tdl_frame_take(frame, some, n, &sample, why);
    memset(ret, 0, p->columns_n * sizeof *ret);
    for (size_t which = 0; which < p->scores_n && !st; which++)
        st = add_importance(p, &sample, which, pool, ret, why);
    tdl_frame_release(&sample);
    free(some);
    return st;
}

/* ---- partial dependence ---- */

typedef struct grid {
    double number[GRID]; /* values of a column, ascending; or numbers of levels */
    size_t n;
} grid;

static tdl_status grid_of_numbers(const tdl_column *column, size_t rows, grid *ret, tdl_report *why)
{
    double *sorted = malloc((rows + 1) * sizeof *sorted);
    size_t n = 0;

    if (!sorted)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu values", rows);
    for (size_t r = 0; r < rows; r++)
        if (tdl_column_has(column, r))
            sorted[n++] = column->number[r];
    tdl_sort_numbers(sorted, n);
    for (size_t i = 0; i < GRID && n; i++) {
        double value = sorted[(n - 1) * i / (GRID - 1)]; // one that occurs: whole where all are
        if (!ret->n || value > ret->number[ret->n - 1])
            ret->number[ret->n++] = value;
    }
    free(sorted);
    return TDL_OK;
}

static tdl_status grid_of_levels(const tdl_column *column, size_t rows, grid *ret, tdl_report *why)
{
    size_t *count = calloc(column->levels_n + 1, sizeof *count);

    if (!count)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu levels", column->levels_n);
    for (size_t r = 0; r < rows; r++)
        if (column->level[r] >= 0)
            count[column->level[r]]++;
    while (ret->n < GRID) {
        size_t most = 0;

        for (size_t i = 1; i < column->levels_n; i++)
            most = count[i] > count[most] ? i : most;
        if (!column->levels_n || !count[most])
            break;
        ret->number[ret->n++] = (double)most;
        count[most] = 0;
    }
    free(count);
    return TDL_OK;
}

static void set_column(tdl_column *column, size_t rows, double value)
{
    for (size_t r = 0; r < rows; r++)
        if (column->level)
            column->level[r] = (int32_t)value;
        else
            column->number[r] = value;
}

static tdl_status write_point(const tdl_predictor *p, tdl_frame *sample, size_t column,
                              double value, size_t which, tdl_pool *pool, double *output,
                              tdl_jw *out, tdl_report *why)
{
    tdl_buf text = {0};
    double sum = 0;
    tdl_status st;

    set_column(&sample->column[column], sample->rows, value);
    if ((st = tdl_predictor_predict(p, sample, pool, output, NULL, why)))
        return st;
    for (size_t r = 0; r < sample->rows; r++)
        sum += output[r] = output[r * p->scores_n + which];
    tdl_sort_numbers(output, sample->rows);
    tdl_column_print(&sample->column[column], 0, &text);
    tdl_jw_object(out);
    if (sample->column[column].level || sample->column[column].type == TDL_COLUMN_DATE ||
        sample->column[column].type == TDL_COLUMN_BOOLEAN)
        tdl_jw_kstr(out, "value", tdl_buf_view(&text));
    else
        tdl_jw_knumber(out, "value", value);
    tdl_jw_knumber(out, "output", sum / (double)sample->rows);
    tdl_jw_knumber(out, "low", tdl_quantile(output, sample->rows, 0.1));
    tdl_jw_knumber(out, "high", tdl_quantile(output, sample->rows, 0.9));
    tdl_jw_end_object(out);
    tdl_buf_release(&text);
    return TDL_OK;
}

tdl_status tdl_predictor_dependence(const tdl_predictor *p, const tdl_frame *frame, size_t column,
                                    size_t which, tdl_pool *pool, tdl_jw *out, tdl_report *why)
{
    size_t n = frame->rows < SAMPLE ? frame->rows : SAMPLE;
    uint32_t row[SAMPLE];
    double *output = malloc((n * p->scores_n + 1) * sizeof *output);
    tdl_frame sample = {0};
    grid values = {0};
    tdl_status st;

    if (!output)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++)
        row[i] = (uint32_t)(i * frame->rows / n);
    const tdl_column *of = &frame->column[column];
    st = of->pixel   ? TDL_FAIL(why, TDL_E_INVALID, "column %s holds images", of->name)
         : of->level ? grid_of_levels(of, frame->rows, &values, why)
                     : grid_of_numbers(of, frame->rows, &values, why);
    if (!st)
        st = tdl_frame_take(frame, row, n, &sample, why);
    tdl_jw_array(out);
    for (size_t i = 0; i < values.n && !st; i++)
        st = write_point(p, &sample, column, values.number[i], which, pool, output, out, why);
    tdl_jw_end_array(out);
    tdl_frame_release(&sample);
    free(output);
    return st;
}

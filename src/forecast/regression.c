#include "forecast/regression.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/least_squares.h"
#include "forecast/regressors.h"
#include "learn/learner.h"

enum { RIDGE, TREES, STACKED, ROWS_LEAST = 30 };

/* The three parts as fitted on some rows. */
typedef struct parts {
    tdl_least_squares ridge;
    tdl_learner *trees, *stacked; /* NULL = there are no trees */
} parts;

struct tdl_regression {
    tdl_regressors see;
    parts part;
    double weight[TDL_REGRESSION_PARTS], rmse[TDL_REGRESSION_PARTS];
    double *residual; /* [residuals_n] */
    size_t residuals_n;
};

/* What is seen of rows. */
typedef struct sight {
    size_t rows, wide, narrow;
    double *x; /* [rows][wide] */
    float *t;  /* [rows][narrow] */
    tdl_feature *feature;
} sight;

const char *tdl_regression_part(size_t part)
{
    static const char *const names[] = {"ridge", "trees", "ridge + trees"};

    return part < TDL_REGRESSION_PARTS ? names[part] : "";
}

static void parts_release(parts *p)
{
    tdl_least_squares_release(&p->ridge);
    tdl_learner_free(p->trees);
    tdl_learner_free(p->stacked);
    *p = (parts){0};
}

void tdl_regression_free(tdl_regression *m)
{
    if (!m)
        return;
    tdl_regressors_release(&m->see);
    parts_release(&m->part);
    free(m->residual);
    free(m);
}

static void sight_release(sight *s)
{
    free(s->x);
    free(s->t);
    free(s->feature);
    *s = (sight){0};
}

static tdl_status look(const tdl_regressors *r, const tdl_frame *frame, const uint32_t *row,
                       size_t rows_n, sight *ret, tdl_report *why)
{
    size_t wide = tdl_regressors_wide(r), narrow = tdl_regressors_short(r), all;
    tdl_status st;

    *ret = (sight){.rows = rows_n, .wide = wide, .narrow = narrow};
    if (__builtin_mul_overflow(rows_n, wide * sizeof(double), &all))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", rows_n);
    ret->x = malloc(all ? all : 1);
    ret->t = malloc((rows_n ? rows_n : 1) * narrow * sizeof *ret->t);
    ret->feature = calloc(narrow, sizeof *ret->feature);
    if (!ret->x || !ret->t || !ret->feature)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows of %zu", rows_n, wide);
    else
        st = tdl_regressors_fill(r, frame, row, rows_n, ret->x, ret->t, why);
    for (size_t k = 0; !st && k < narrow; k++)
        ret->feature[k] =
            (tdl_feature){.name = k < r->covariates_n ? r->covariate[k] : "calendar", .column = k};
    if (st)
        sight_release(ret);
    return st;
}

/* ---- trees ---- */

static tdl_matrix matrix_of(const sight *s, size_t first, size_t n)
{
    return (tdl_matrix){
        .rows = n, .cols = s->narrow, .x = s->t + first * s->narrow, .feature = s->feature};
}

/* *ret stays NULL when the learner is not there, or says that it cannot. */
static tdl_status fit_trees(const tdl_regression_options *o, const sight *s, size_t n,
                            const double *y, tdl_learner **ret, tdl_report *why)
{
    const tdl_learner_ops *ops = tdl_learner_find(TDL_STR("trees"));
    tdl_matrix x = matrix_of(s, 0, n);
    float *target = malloc(n * sizeof *target);
    json_t *setting = json_pack("{s:i,s:i,s:f}", "rounds", 400, "depth", 5, "eta", .05);
    tdl_problem problem = {
        .task = TDL_TASK_REGRESSION, .x = &x, .y = target, .seed = o->seed, .pool = o->pool};
    tdl_status st = TDL_OK;

    *ret = NULL;
    if (!target || !setting) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu targets", n);
        goto out;
    }
    if (!ops || !ops->suits(&problem, n, s->narrow, NULL))
        goto out;
    for (size_t i = 0; i < n; i++)
        target[i] = (float)y[i];
    st = tdl_learner_fit(ops, &problem, setting, ret, NULL, why);
out:
    free(target);
    json_decref(setting);
    return st;
}

/* ---- all parts ---- */

/* ret [TDL_REGRESSION_PARTS][rows - first] */
static tdl_status apply_parts(const parts *p, const sight *s, size_t first, double *ret,
                              tdl_report *why)
{
    size_t n = s->rows - first;
    tdl_matrix x = matrix_of(s, first, n);
    tdl_status st =
        tdl_least_squares_apply(&p->ridge, s->x + first * s->wide, n, ret + RIDGE * n, why);

    if (st || !p->trees) {
        for (size_t i = 0; !st && i < n; i++)
            ret[TREES * n + i] = ret[STACKED * n + i] = ret[i];
        return st;
    }
    if ((st = tdl_learner_score(p->trees, &x, NULL, ret + TREES * n, why)) ||
        (st = tdl_learner_score(p->stacked, &x, NULL, ret + STACKED * n, why)))
        return st;
    for (size_t i = 0; i < n; i++)
        ret[STACKED * n + i] += ret[RIDGE * n + i];
    return TDL_OK;
}

static tdl_status fit_parts(const tdl_regression_options *o, const sight *s, size_t n,
                            const double *y, double lambda, parts *ret, tdl_report *why)
{
    double *left = malloc(n * sizeof *left);
    parts p = {0};
    tdl_status st;

    if (!left) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", n);
        goto out;
    }
    if ((st = tdl_least_squares_fit(s->x, n, s->wide, y, lambda, &p.ridge, why)) ||
        (st = tdl_least_squares_apply(&p.ridge, s->x, n, left, why)))
        goto out;
    for (size_t i = 0; i < n; i++)
        left[i] = y[i] - left[i];
    if ((st = fit_trees(o, s, n, y, &p.trees, why)) ||
        (p.trees && (st = fit_trees(o, s, n, left, &p.stacked, why))))
        goto out;
    *ret = p;
    p = (parts){0};
out:
    parts_release(&p);
    free(left);
    return st;
}

static double squared(const double *f, const double *y, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (f[i] - y[i]) * (f[i] - y[i]);
    return sum / (double)n;
}

/* Weights in tenths of least squared error; f [parts][n]. */
static void blend(const double *f, const double *y, size_t n, bool trees, double *ret)
{
    double best = HUGE_VAL;

    for (int a = 10; a >= 0; a--)
        for (int b = 0; a + b <= 10; b++) {
            double w[] = {a / 10., b / 10., (10 - a - b) / 10.}, sum = 0;

            if (!trees && a < 10)
                continue;
            for (size_t i = 0; i < n; i++) {
                double error = w[0] * f[i] + w[1] * f[n + i] + w[2] * f[2 * n + i] - y[i];
                sum += error * error;
            }
            if (sum < best) {
                best = sum;
                memcpy(ret, w, sizeof w);
            }
        }
}

static tdl_status choose_lambda(const sight *s, size_t n, const double *y, double *ret,
                                tdl_report *why)
{
    static const double lambdas[] = {1, 10, 100, 1000};
    double *f = malloc((s->rows - n) * sizeof *f), best = HUGE_VAL;
    tdl_status st = TDL_OK;

    if (!f)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", s->rows);
    for (size_t k = 0; k < sizeof lambdas / sizeof *lambdas && !st; k++) {
        tdl_least_squares l = {0};

        if ((st = tdl_least_squares_fit(s->x, n, s->wide, y, lambdas[k], &l, why)))
            break;
        if (!(st = tdl_least_squares_apply(&l, s->x + n * s->wide, s->rows - n, f, why)) &&
            squared(f, y + n, s->rows - n) < best) {
            best = squared(f, y + n, s->rows - n);
            *ret = lambdas[k];
        }
        tdl_least_squares_release(&l);
    }
    free(f);
    return st;
}

/* The blend of row i; f [parts][n]. */
static double mixed(const tdl_regression *m, const double *f, size_t n, size_t i)
{
    return m->weight[RIDGE] * f[i] + m->weight[TREES] * f[n + i] +
           m->weight[STACKED] * f[2 * n + i];
}

static tdl_status fit(tdl_regression *m, const tdl_regression_options *o, const sight *s,
                      const double *y, tdl_report *why)
{
    size_t early = s->rows * 4 / 5, late = s->rows - early;
    double *f = malloc(TDL_REGRESSION_PARTS * late * sizeof *f), lambda = 10;
    parts p = {0};
    tdl_status st;

    if (!f)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", late);
    if ((st = choose_lambda(s, early, y, &lambda, why)) ||
        (st = fit_parts(o, s, early, y, lambda, &p, why)) ||
        (st = apply_parts(&p, s, early, f, why)))
        goto out;
    blend(f, y + early, late, p.trees, m->weight);
    m->residuals_n = late;
    if (!(m->residual = malloc(late * sizeof *m->residual))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu residuals", late);
        goto out;
    }
    for (size_t i = 0; i < late; i++)
        m->residual[i] = y[early + i] - mixed(m, f, late, i);
    for (size_t k = 0; k < TDL_REGRESSION_PARTS; k++)
        m->rmse[k] = sqrt(squared(f + k * late, y + early, late));
    st = fit_parts(o, s, s->rows, y, lambda, &m->part, why);
out:
    parts_release(&p);
    free(f);
    return st;
}

/* ---- rows and columns ---- */

typedef struct timed {
    double time;
    uint32_t row;
} timed;

static int by_time(const void *left, const void *right)
{
    const timed *a = left, *b = right;

    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static bool listed(tdl_str list, const char *name)
{
    while (list.len) {
        const char *comma = memchr(list.at, ',', list.len);
        size_t n = comma ? (size_t)(comma - list.at) : list.len;

        if (tdl_str_is(tdl_str_trim((tdl_str){list.at, n}), name))
            return true;
        n += comma ? 1 : 0;
        list = (tdl_str){list.at + n, list.len - n};
    }
    return false;
}

static tdl_status see(const tdl_frame *frame, const tdl_regression_options *o, size_t time,
                      size_t value, tdl_regressors *ret, tdl_report *why)
{
    if (o->holidays.len && !(ret->holidays = tdl_holidays_find(o->holidays)))
        return TDL_FAIL(why, TDL_E_INVALID, "holidays are us or cn, not \"%.*s\"",
                        TDL_FMT(o->holidays));
    ret->time = strdup(frame->column[time].name);
    ret->covariate = calloc(frame->columns_n, sizeof *ret->covariate);
    if (!ret->time || !ret->covariate)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", frame->columns_n);
    for (size_t i = 0; i < frame->columns_n; i++) {
        const tdl_column *c = &frame->column[i];
        bool number = c->number && !c->level && c->type != TDL_COLUMN_DATE;

        if (i == time || i == value || !number ||
            (o->covariates.len && !listed(o->covariates, c->name)))
            continue;
        if (!(ret->covariate[ret->covariates_n] = strdup(c->name)))
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", frame->columns_n);
        ret->covariates_n++;
    }
    return TDL_OK;
}

/* Rows that have a value, in order of time. */
static tdl_status in_order(const tdl_frame *frame, const uint32_t *row, size_t rows_n, size_t time,
                           size_t value, tdl_regressors *r, uint32_t **ret_row, double **ret_y,
                           size_t *ret_n, tdl_report *why)
{
    const double *when = frame->column[time].number, *y = frame->column[value].number;
    timed *order = malloc((rows_n ? rows_n : 1) * sizeof *order);
    size_t n = 0;
    tdl_status st = TDL_OK;

    *ret_row = malloc((rows_n ? rows_n : 1) * sizeof **ret_row);
    *ret_y = malloc((rows_n ? rows_n : 1) * sizeof **ret_y);
    if (!order || !*ret_row || !*ret_y) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", rows_n);
        goto out;
    }
    for (size_t i = 0; i < rows_n; i++) {
        if (!isfinite(y[row[i]]))
            continue;
        if (!isfinite(when[row[i]])) {
            st = TDL_FAIL(why, TDL_E_INVALID, "row %u has no time", row[i] + 1);
            goto out;
        }
        order[n++] = (timed){when[row[i]], row[i]};
    }
    if (n < ROWS_LEAST) {
        st = TDL_FAIL(why, TDL_E_INVALID, "%zu rows have a value: at least %d are needed", n,
                      ROWS_LEAST);
        goto out;
    }
    qsort(order, n, sizeof *order, by_time);
    for (size_t i = 0; i < n; i++) {
        (*ret_row)[i] = order[i].row;
        (*ret_y)[i] = y[order[i].row];
        r->hours |= fmod(order[i].time - order[0].time, TDL_DAY_SECONDS) != 0;
    }
    r->first = order[0].time;
    *ret_n = n;
out:
    free(order);
    return st;
}

static tdl_status column_of(const tdl_frame *frame, tdl_str name, const char *what, size_t *ret,
                            tdl_report *why)
{
    if (!tdl_frame_find(frame, name, ret))
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no column \"%.*s\" for the %s",
                        TDL_FMT(name), what);
    if (!frame->column[*ret].number)
        return TDL_FAIL(why, TDL_E_INVALID, "column %s is %s: not for the %s",
                        frame->column[*ret].name, tdl_column_type_name(frame->column[*ret].type),
                        what);
    return TDL_OK;
}

tdl_status tdl_regression_fit(const tdl_frame *frame, const uint32_t *row, size_t rows_n,
                              const tdl_regression_options *options, tdl_regression **ret,
                              tdl_report *why)
{
    tdl_regression *m = calloc(1, sizeof *m);
    uint32_t *ordered = NULL;
    double *y = NULL;
    sight s = {0};
    size_t time, value, n = 0;
    tdl_status st;

    if (!m)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a regression");
    if ((st = column_of(frame, options->time, "time", &time, why)) ||
        (st = column_of(frame, options->value, "value", &value, why)) ||
        (st = see(frame, options, time, value, &m->see, why)) ||
        (st = in_order(frame, row, rows_n, time, value, &m->see, &ordered, &y, &n, why)) ||
        (st = look(&m->see, frame, ordered, n, &s, why)) || (st = fit(m, options, &s, y, why)))
        goto out;
    *ret = m;
    m = NULL;
out:
    sight_release(&s);
    free(ordered);
    free(y);
    tdl_regression_free(m);
    return st;
}

tdl_status tdl_regression_predict(const tdl_regression *m, const tdl_frame *frame,
                                  const uint32_t *row, size_t rows_n, double *ret, tdl_report *why)
{
    double *f = malloc(TDL_REGRESSION_PARTS * (rows_n ? rows_n : 1) * sizeof *f);
    sight s = {0};
    tdl_status st;

    if (!f)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", rows_n);
    if ((st = look(&m->see, frame, row, rows_n, &s, why)) ||
        (st = apply_parts(&m->part, &s, 0, f, why)))
        goto out;
    for (size_t i = 0; i < rows_n; i++)
        ret[i] = mixed(m, f, rows_n, i);
out:
    sight_release(&s);
    free(f);
    return st;
}

double tdl_regression_weight(const tdl_regression *m, size_t part, double *ret_rmse)
{
    if (ret_rmse)
        *ret_rmse = m->rmse[part];
    return m->weight[part];
}

const double *tdl_regression_residuals(const tdl_regression *m, size_t *ret_n)
{
    *ret_n = m->residuals_n;
    return m->residual;
}

/* The k nearest training rows by Euclidean distance of standardised features, by looking at all of
 * them. A missing number counts as 0, the training mean. Ties go to the earlier row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/kinds.h"
#include "learn/nearest.h"
#include "learn/stored.h"
#include "learn/summary.h"

enum { ROWS_MOST = 20000, K_MOST = 1000, LANES = 8 };

static bool suits(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why)
{
    TDL_UNUSED(problem);
    TDL_UNUSED(columns);
    if (rows <= ROWS_MOST)
        return true;
    tdl_report_set(why, TDL_E_INVALID, "",
                   "nearest keeps and searches every row: %zu are more than %d", rows, ROWS_MOST);
    return false;
}

static json_t *settings(const tdl_problem *problem)
{
    TDL_UNUSED(problem);
    return json_pack("[{s:i},{s:i},{s:i}]", "k", 15, "k", 50, "k", 5);
}

static void free_nearest(tdl_learner *learner)
{
    tdl_nearest *m = (tdl_nearest *)learner;

    if (!m)
        return;
    free(m->x);
    free(m->y);
    free(m->weight);
    free(m->quantile);
    free(m->prior);
    free(m);
}

static size_t prior_n_of(tdl_task task, size_t classes_n)
{
    return task == TDL_TASK_BINARY || task == TDL_TASK_CLASSES || task == TDL_TASK_ORDINAL
               ? classes_n
               : 1;
}

static void fill_prior(tdl_nearest *m, const tdl_problem *p)
{
    double total = 0;

    for (size_t i = 0; i < m->rows; i++) {
        total += (double)m->weight[i];
        if (p->classes_n)
            m->prior[(size_t)m->y[i]] += (double)m->weight[i];
        else
            m->prior[0] += (double)m->weight[i] * (double)m->y[i];
    }
    for (size_t c = 0; c < m->prior_n; c++)
        m->prior[c] = total > 0 ? m->prior[c] / total : 1 / (double)m->prior_n;
}

static tdl_status fit(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why)
{
    const tdl_matrix *x = problem->x;
    tdl_nearest *m = NULL;
    size_t n;
    double k;
    tdl_status st = tdl_setting_check(setting, "k", why);

    TDL_UNUSED(ret_note);
    if (st)
        return st;
    if (!tdl_setting_number(setting, "k", 15, 1, K_MOST, &k, why))
        return TDL_E_INVALID;
    if (__builtin_mul_overflow(x->rows, x->cols + 1, &n) || !(m = calloc(1, sizeof *m)))
        goto no_memory;
    m->rows = x->rows;
    m->k = (size_t)k < x->rows ? (size_t)k : x->rows;
    m->classes_n = problem->classes_n;
    m->prior_n = prior_n_of(problem->task, problem->classes_n);
    m->x = malloc(n * sizeof *m->x);
    m->y = malloc(m->rows * sizeof *m->y);
    m->weight = malloc(m->rows * sizeof *m->weight);
    m->quantile = calloc(problem->quantiles_n + 1, sizeof *m->quantile);
    m->prior = calloc(m->prior_n, sizeof *m->prior);
    if (!m->x || !m->y || !m->weight || !m->quantile || !m->prior)
        goto no_memory;
    for (size_t i = 0; i < x->rows * x->cols; i++) // what is missing is at the training mean
        m->x[i] = isfinite(x->x[i]) ? x->x[i] : 0;
    for (size_t i = 0; i < m->rows; i++) {
        m->y[i] = problem->y[i];
        m->weight[i] = problem->weight ? problem->weight[i] : 1;
    }
    memcpy(m->quantile, problem->quantile, problem->quantiles_n * sizeof *m->quantile);
    fill_prior(m, problem);
    *ret = &m->learner;
    return TDL_OK;
no_memory:
    if (m)
        free_nearest(&m->learner);
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to keep %zu rows", x->rows);
}

/* ---- search ---- */

static float distance_of(const float *a, const float *b, size_t n)
{
    float sum[LANES] = {0};
    size_t j = 0;

    for (; j + LANES <= n; j += LANES)
        for (size_t c = 0; c < LANES; c++)
            sum[c] += (a[j + c] - b[j + c]) * (a[j + c] - b[j + c]);
    for (; j < n; j++)
        sum[0] += (a[j] - b[j]) * (a[j] - b[j]);
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

typedef struct search {
    const tdl_nearest *m;
    const tdl_matrix *x;
    tdl_problem found; /* what tdl_summary is asked of */
    char *room;        /* [threads][room_size] */
    size_t room_size;
    double *ret;
} search;

static int by_row(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

tdl_problem tdl_nearest_found(const tdl_nearest *m)
{
    tdl_problem found = {
        .task = m->learner.task, .classes_n = m->classes_n, .y = m->y, .weight = m->weight};

    if (found.task == TDL_TASK_QUANTILE) {
        found.quantiles_n = m->learner.scores_n;
        memcpy(found.quantile, m->quantile, m->learner.scores_n * sizeof *m->quantile);
    }
    return found;
}

void tdl_nearest_summary(const tdl_nearest *m, const tdl_problem *found, const tdl_neighbour *heap,
                         uint32_t *row, double *scratch, double *ret)
{
    for (size_t h = 0; h < m->k; h++)
        row[h] = heap[h].row;
    qsort(row, m->k, sizeof *row, by_row);
    tdl_summary(found, row, m->k, m->prior, scratch, ret);
}

static void search_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const search *s = context;
    const tdl_nearest *m = s->m;
    size_t cols = s->x->cols, k = m->k;
    double *scratch = (double *)(void *)(s->room + part * s->room_size); /* [2 k] */
    tdl_neighbour *heap = (tdl_neighbour *)(void *)(scratch + 2 * k);    /* [k] */
    uint32_t *row = (uint32_t *)(void *)(heap + k);                      /* [k] */
    float *query = (float *)(void *)(row + k);                           /* [cols] */

    for (size_t i = begin; i < end; i++) {
        for (size_t j = 0; j < cols; j++) {
            float value = s->x->x[i * cols + j];

            query[j] = isfinite(value) ? value : 0;
        }
        for (size_t r = 0; r < m->rows; r++)
            tdl_neighbours_offer(
                heap, k, r,
                (tdl_neighbour){(double)distance_of(query, m->x + r * cols, cols), (uint32_t)r});
        tdl_nearest_summary(m, &s->found, heap, row, scratch, s->ret + i * m->learner.scores_n);
    }
}

static tdl_status score(const tdl_learner *learner, const tdl_matrix *x, tdl_pool *pool,
                        double *ret, tdl_report *why)
{
    const tdl_nearest *m = (const tdl_nearest *)learner;
    size_t room = m->k * (2 * sizeof(double) + sizeof(tdl_neighbour) + sizeof(uint32_t)) +
                  x->cols * sizeof(float);
    search s = {.m = m,
                .x = x,
                .found = tdl_nearest_found(m),
                .room_size = (room + 63) / 64 * 64,
                .ret = ret};

    if (!(s.room = malloc(s.room_size * tdl_pool_threads(pool))))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to search %zu neighbours", m->k);
    tdl_pool_run(pool, x->rows, 1, search_rows, &s);
    free(s.room);
    return TDL_OK;
}

/* ---- file ---- */

static tdl_status save(const tdl_learner *learner, const char *prefix, tdl_st_writer *writer,
                       json_t **ret_about, tdl_report *why)
{
    const tdl_nearest *m = (const tdl_nearest *)learner;
    size_t quantiles_n = learner->task == TDL_TASK_QUANTILE ? learner->scores_n : 0;

    tdl_store_floats(writer, prefix, "x", m->rows * learner->cols, m->x);
    tdl_store_floats(writer, prefix, "y", m->rows, m->y);
    tdl_store_floats(writer, prefix, "weight", m->rows, m->weight);
    tdl_store_doubles(writer, prefix, "quantile", quantiles_n, m->quantile);
    tdl_store_doubles(writer, prefix, "prior", m->prior_n, m->prior);
    if (!(*ret_about = json_pack("{s:I}", "k", (json_int_t)m->k)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to save nearest");
    return TDL_OK;
}

static tdl_status check_loaded(const tdl_nearest *m, tdl_task task, tdl_report *why)
{
    for (size_t i = 0; i < m->rows; i++) {
        bool is_class = m->y[i] >= 0 && m->y[i] < (float)m->classes_n && m->y[i] == rintf(m->y[i]);

        if ((m->classes_n && !is_class) || m->weight[i] < 0 ||
            (task == TDL_TASK_COUNT && m->y[i] < 0))
            return TDL_FAIL(why, TDL_E_CORRUPT, "nearest: row %zu has a target of %g, weight %g", i,
                            (double)m->y[i], (double)m->weight[i]);
    }
    for (size_t c = 0; c < m->prior_n; c++)
        if (m->classes_n && !(m->prior[c] >= 0 && m->prior[c] <= 1))
            return TDL_FAIL(why, TDL_E_CORRUPT, "nearest: a share of %g", m->prior[c]);
    return TDL_OK;
}

static tdl_status load(const json_t *about, const tdl_st_file *file, const char *prefix,
                       const tdl_matrix *x, tdl_learner **ret, tdl_report *why)
{
    size_t scores_n, n, quantiles_n;
    int64_t k = 0;
    tdl_task task;
    tdl_nearest *m = NULL;
    tdl_status st = tdl_stored_shape(about, &task, &scores_n, why);

    if (st)
        return st;
    if (!(m = calloc(1, sizeof *m)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to load nearest");
    m->rows = tdl_stored_n(file, prefix, "y");
    if (!tdl_json_get_int(about, "k", &k) || k < 1 || k > K_MOST || m->rows > ROWS_MOST ||
        (size_t)k > m->rows || __builtin_mul_overflow(m->rows, x->cols, &n) ||
        (task == TDL_TASK_QUANTILE && scores_n > TDL_QUANTILES_MAX)) {
        st = TDL_FAIL(why, TDL_E_CORRUPT, "nearest: %lld neighbours of %zu rows", (long long)k,
                      m->rows);
        goto out;
    }
    m->k = (size_t)k;
    m->classes_n = task == TDL_TASK_BINARY                                ? 2
                   : task == TDL_TASK_CLASSES || task == TDL_TASK_ORDINAL ? scores_n
                                                                          : 0;
    m->prior_n = prior_n_of(task, m->classes_n);
    quantiles_n = task == TDL_TASK_QUANTILE ? scores_n : 0;
    if ((st = tdl_stored_floats(file, prefix, "x", n, &m->x, why)) ||
        (st = tdl_stored_floats(file, prefix, "y", m->rows, &m->y, why)) ||
        (st = tdl_stored_floats(file, prefix, "weight", m->rows, &m->weight, why)) ||
        (st = tdl_stored_doubles(file, prefix, "quantile", quantiles_n, &m->quantile, why)) ||
        (st = tdl_stored_doubles(file, prefix, "prior", m->prior_n, &m->prior, why)) ||
        (st = check_loaded(m, task, why)))
        goto out;
    *ret = &m->learner;
    m = NULL;
out:
    if (m)
        free_nearest(&m->learner);
    return st;
}

const tdl_learner_ops tdl_learner_nearest = {
    .name = "nearest",
    .prepare = {.impute = TDL_IMPUTE_MEDIAN,
                .normalise = TDL_NORMALISE_STANDARD,
                .normalise_encoded = true,
                .encode = TDL_ENCODE_ONE_HOT,
                .one_hot_max = 32,
                .beyond = TDL_ENCODE_TARGET,
                .dates = true},
    .simple = true,
    .rank = 2,
    .suits = suits,
    .settings = settings,
    .fit = fit,
    .free = free_nearest,
    .score = score,
    .attribute = tdl_nearest_attribute,
    .attribute_name = "shapley",
    .attribute_slow = true,
    .save = save,
    .load = load,
};

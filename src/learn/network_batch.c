/* Batches of a network in training: rows, images as they are seen, lists as wholes. */
#include <stdlib.h>
#include <string.h>

#include "learn/network_member.h"

typedef struct view { /* of an image, by chance */
    bool mirrored;
    ptrdiff_t down, right;
} view;

static view draw_view(const tdl_network_member *m, uint64_t step, uint32_t row)
{
    const double *of = m->f->network->setting.of;
    uint64_t shift = (uint64_t)of[TDL_NETWORK_SHIFT];
    tdl_rng rng = tdl_rng_make(m->seed ^ step, row);
    view v = {.mirrored = of[TDL_NETWORK_MIRROR] != 0 && tdl_rng_below(&rng, 2) != 0};

    if (!shift)
        return v;
    v.down = (ptrdiff_t)tdl_rng_below(&rng, 2 * shift + 1) - (ptrdiff_t)shift;
    v.right = (ptrdiff_t)tdl_rng_below(&rng, 2 * shift + 1) - (ptrdiff_t)shift;
    return v;
}

/* What a moved image leaves free is black. */
static void read_view(const tdl_network_member *m, size_t row, const view *v, float *ret)
{
    const tdl_matrix *x = m->f->problem->x;
    const float *line = m->f->pixel_line;
    ptrdiff_t height = (ptrdiff_t)x->height, width = (ptrdiff_t)x->width;
    const uint8_t *plane = x->pixel + row * m->pixels_n;

    for (size_t c = 0; c < x->channels; c++, plane += height * width)
        for (ptrdiff_t i = v->down; i < height + v->down; i++)
            for (ptrdiff_t j = 0; j < width; j++) {
                ptrdiff_t at = (v->mirrored ? width - 1 - j : j) + v->right;
                bool inside = i >= 0 && i < height && at >= 0 && at < width;

                *ret++ = (float)(inside ? plane[i * width + at] : 0) * line[0] + line[1];
            }
}

static void put_row(tdl_network_member *m, size_t at, size_t row)
{
    const tdl_problem *p = m->f->problem;
    const tdl_network_shape *shape = &m->f->network->shape;

    float *x = m->x + at * (m->pixels_n + shape->cols);
    if (m->pixels_n)
        read_view(m, row, &(view){0}, x);
    if (shape->cols)
        memcpy(x + m->pixels_n, p->x->x + row * shape->cols, shape->cols * sizeof *x);
    if (shape->categories_n)
        memcpy(m->category + at * shape->categories_n, p->x->category + row * shape->categories_n,
               shape->categories_n * sizeof *m->category);
    m->target[at] = (int32_t)p->y[row];
    m->value[at] = (float)(((double)p->y[row] - m->f->mean) / m->f->deviation);
    m->weight[at] = (float)tdl_network_row_weight(p, row);
    m->example[at] = row;
}

bool tdl_network_has_classes(tdl_task task)
{
    return task == TDL_TASK_CLASSES || task == TDL_TASK_ORDINAL;
}

/* Rows of list `list` that are learnt from. */
static size_t list_rows(const tdl_network_fitting *f, uint32_t list)
{
    size_t n = f->list_first[list + 1] - f->list_first[list];

    return n < TDL_NETWORK_LIST_MAX ? n : TDL_NETWORK_LIST_MAX;
}

static size_t put_lists(tdl_network_member *m, const uint32_t *which, size_t n)
{
    const tdl_network_fitting *f = m->f;
    size_t rows = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t list = m->unit[which[i]];

        for (size_t k = 0; k < list_rows(f, list); k++, rows++) {
            put_row(m, rows, f->row[f->list_first[list] + k]);
            m->target[rows] = (int32_t)list;
        }
    }
    return rows;
}

tdl_nn_batch tdl_network_batch(tdl_network_member *m, const uint32_t *which, size_t n)
{
    const tdl_problem *p = m->f->problem;
    bool lists = m->f->lists_n > 0, classes = tdl_network_has_classes(p->task);
    size_t rows = lists ? put_lists(m, which, n) : n;

    for (size_t i = 0; i < n && !lists; i++)
        put_row(m, i, m->unit[which[i]]);
    return (tdl_nn_batch){.rows = rows,
                          .x = m->x,
                          .category = m->category,
                          .target = classes || lists ? m->target : NULL,
                          .value = classes ? NULL : m->value,
                          .target_weight = p->weight ? m->weight : NULL,
                          .example = m->example};
}

void tdl_network_draw_views(tdl_network_member *m, uint64_t step, const uint32_t *which, size_t n)
{
    const double *of = m->f->network->setting.of;

    if (!m->pixels_n || (of[TDL_NETWORK_SHIFT] == 0 && of[TDL_NETWORK_MIRROR] == 0))
        return;
    for (size_t i = 0; i < n; i++) {
        view v = draw_view(m, step, m->unit[which[i]]);

        read_view(m, m->unit[which[i]], &v, m->x + i * tdl_network_inputs(&m->f->network->shape));
    }
}

/* ---- units ---- */

double tdl_network_row_weight(const tdl_problem *p, size_t row)
{
    return p->weight ? (double)p->weight[row] : 1;
}

double tdl_network_unit_weight(const tdl_network_member *m, uint32_t unit)
{
    const tdl_network_fitting *f = m->f;
    size_t row = f->lists_n ? f->row[f->list_first[unit]] : unit;

    return tdl_network_row_weight(f->problem, row);
}

tdl_status tdl_network_find_lists(tdl_network_fitting *f, tdl_report *why)
{
    const tdl_problem *p = f->problem;

    if (p->task != TDL_TASK_RANKING)
        return TDL_OK;
    f->list_first = malloc((f->rows_n + 1) * sizeof *f->list_first);
    if (!f->list_first)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the lists of %zu rows", f->rows_n);
    for (size_t i = 0; i < f->rows_n; i++)
        if (i == 0 || (p->group && p->group[f->row[i]] != p->group[f->row[i - 1]]))
            f->list_first[f->lists_n++] = (uint32_t)i;
    f->list_first[f->lists_n] = (uint32_t)f->rows_n;
    return TDL_OK;
}

static int longer_first(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x < y) - (x > y);
}

/* So many lists that a batch has about `batch` rows, and the rows of the longest so many. */
static tdl_status size_lists(tdl_network_member *m, size_t batch, tdl_report *why)
{
    const tdl_network_fitting *f = m->f;
    uint32_t *rows = malloc((f->lists_n + 1) * sizeof *rows);
    size_t mean = f->rows_n / f->lists_n;

    if (!rows)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu lists", f->lists_n);
    for (size_t k = 0; k < f->lists_n; k++)
        rows[k] = (uint32_t)list_rows(f, (uint32_t)k);
    qsort(rows, f->lists_n, sizeof *rows, longer_first);
    m->batch_units = batch / (mean ? mean : 1);
    if (!m->batch_units)
        m->batch_units = 1;
    m->batch_rows = 0;
    for (size_t k = 0; k < m->batch_units && k < f->lists_n; k++)
        m->batch_rows += rows[k];
    free(rows);
    return TDL_OK;
}

/* ---- life cycle ---- */

void tdl_network_member_release(tdl_network_member *m)
{
    free(m->unit);
    free(m->x);
    free(m->category);
    free(m->value);
    free(m->weight);
    free(m->target);
    free(m->example);
}

static tdl_status take_memory(tdl_network_member *m, tdl_report *why)
{
    const tdl_network_shape *shape = &m->f->network->shape;
    size_t cols = m->pixels_n + shape->cols;

    m->unit = malloc((m->units_n + 1) * sizeof *m->unit);
    m->x = calloc(m->batch_rows * cols + 1, sizeof *m->x);
    m->category = calloc(m->batch_rows * shape->categories_n + 1, sizeof *m->category);
    m->value = calloc(m->batch_rows, sizeof *m->value);
    m->weight = calloc(m->batch_rows, sizeof *m->weight);
    m->target = calloc(m->batch_rows, sizeof *m->target);
    m->example = calloc(m->batch_rows, sizeof *m->example);
    if (!m->unit || !m->x || !m->category || !m->value || !m->weight || !m->target || !m->example)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for batches of %zu rows", m->batch_rows);
    return TDL_OK;
}

/* Which units are held out is drawn for each member: an ensemble has then seen all of them. */
tdl_status tdl_network_member_init(tdl_network_member *m, const tdl_network_fitting *f,
                                   size_t which, tdl_report *why)
{
    const double *of = f->network->setting.of;
    const tdl_network_shape *shape = &f->network->shape;
    size_t units = f->lists_n ? f->lists_n : f->rows_n, held = 0;
    tdl_status st;

    if (of[TDL_NETWORK_PATIENCE] > 0)
        held = (size_t)(of[TDL_NETWORK_VALIDATION] * (double)units);
    *m = (tdl_network_member){.f = f,
                              .tower = &f->network->tower[which],
                              .seed = f->problem->seed + 0x9E3779B97F4A7C15U * (uint64_t)which,
                              .units_n = units,
                              .train_n = units - held,
                              .batch_units = TDL_NETWORK_EVALUATION_ROWS,
                              .pixels_n = shape->channels * shape->height * shape->width};
    m->batch_rows = (size_t)of[TDL_NETWORK_BATCH];
    if (m->batch_rows < TDL_NETWORK_EVALUATION_ROWS)
        m->batch_rows = TDL_NETWORK_EVALUATION_ROWS;
    if (f->lists_n && (st = size_lists(m, (size_t)of[TDL_NETWORK_BATCH], why)))
        return st;
    if ((st = take_memory(m, why)))
        return st;
    tdl_epoch_order(m->seed, UINT32_MAX, m->unit, units);
    for (size_t i = 0; i < units && !f->lists_n; i++)
        m->unit[i] = f->row[m->unit[i]];
    return TDL_OK;
}

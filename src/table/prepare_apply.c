/* A fitted pipeline over rows of a frame. */
#include <stdlib.h>
#include <string.h>

#include "table/prepare_parts.h"

static tdl_status check_image(const tdl_prepare *p, const tdl_column *column, tdl_report *why)
{
    if (!column || !column->pixel)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "column %s: there are no images, and the model was "
                        "trained on them",
                        p->source[p->image].name);
    if (column->channels != p->channels || column->height != p->height || column->width != p->width)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "column %s: images of %zu x %zu x %zu, and the model takes %zu x %zu x %zu",
                        column->name, column->channels, column->height, column->width, p->channels,
                        p->height, p->width);
    return TDL_OK;
}

tdl_status tdl_prepare_matrix(const tdl_prepare *p, size_t rows, tdl_matrix *ret, tdl_report *why)
{
    tdl_matrix m = {.rows = rows,
                    .cols = p->cols,
                    .feature = p->feature,
                    .categories_n = p->categories_n,
                    .levels_n = p->levels_n,
                    .category_feature = p->category_feature,
                    .channels = p->channels,
                    .height = p->height,
                    .width = p->width};
    size_t pixels = m.channels * m.height * m.width, bytes;

    if (__builtin_mul_overflow(rows, (m.cols + 1) * sizeof *m.x, &bytes) ||
        __builtin_mul_overflow(rows, (m.categories_n + 1) * sizeof *m.category, &bytes) ||
        __builtin_mul_overflow(rows, pixels, &bytes))
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu rows of %zu features", rows, m.cols);
    m.x = malloc(rows * m.cols * sizeof *m.x + 1);
    if (m.categories_n)
        m.category = malloc(rows * m.categories_n * sizeof *m.category + 1);
    if (pixels)
        m.pixel = malloc(rows * pixels + 1);
    if (!m.x || (m.categories_n && !m.category) || (pixels && !m.pixel)) {
        tdl_matrix_release(&m);
        return TDL_FAIL_HINT(why, TDL_E_NO_MEMORY, "encode columns of many levels otherwise",
                             "no memory for %zu rows of %zu features", rows, p->cols);
    }
    *ret = m;
    return TDL_OK;
}

/* Whatever a caller sends, a learner sees numbers whose squares are finite. */
static float bounded(double x)
{
    static const double LIMIT = 1e18;

    return (float)(x > LIMIT ? LIMIT : x < -LIMIT ? -LIMIT : x); // NaN stays
}

static void write_row(const tdl_prepare *p, const tdl_cells *cells, const double *full,
                      tdl_matrix *ret, size_t i)
{
    float *x = ret->x + i * p->cols;

    for (size_t j = 0; j < p->cols; j++)
        x[j] = bounded((full[p->keep[j]] - p->shift[j]) * p->factor[j]);
    for (size_t c = 0; c < p->categories_n; c++) {
        const tdl_part *part = &p->part[p->category_part[c]];
        int32_t level = cells->level[part->source];

        ret->category[i * p->categories_n + c] = level >= 0 ? level + 1 : 0;
    }
}

tdl_status tdl_prepare_rows(const tdl_prepare *p, tdl_view *view, const uint32_t *row,
                            double *const *target, tdl_prepare_warning *warning, tdl_matrix *ret,
                            tdl_report *why)
{
    const tdl_column *image = p->has_image ? tdl_view_column(tdl_view_at(view, p->image)) : NULL;
    size_t pixels = p->channels * p->height * p->width;
    double *full = malloc((p->full_n + 1) * sizeof *full);
    double **shifted = calloc(p->parts_n + 1, sizeof *shifted);
    tdl_cells cells = {0};
    tdl_status st = TDL_OK;

    if (!full || !shifted) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row of %zu features", p->full_n);
        goto out;
    }
    if ((st = tdl_cells_init(p, &cells, why)) ||
        (p->has_image && (st = check_image(p, image, why))))
        goto out;
    for (size_t i = 0; i < ret->rows; i++) {
        size_t at = row ? row[i] : i;

        for (size_t k = 0; target && k < p->parts_n; k++)
            shifted[k] = target[k] ? target[k] + i * p->part[k].width : NULL;
        tdl_cells_read(p, view, at, &cells, warning);
        tdl_parts_row(p, view, at, &cells, target ? shifted : NULL, full);
        write_row(p, &cells, full, ret, i);
        if (pixels && image)
            memcpy(ret->pixel + i * pixels, image->pixel + at * pixels, pixels);
    }
out:
    tdl_cells_release(&cells);
    free(shifted);
    free(full);
    return st;
}

tdl_status tdl_prepare_apply(const tdl_prepare *prepare, const tdl_frame *frame,
                             const uint32_t *row, size_t rows_n, tdl_matrix *ret,
                             tdl_prepare_warning *ret_warning, tdl_report *why)
{
    size_t rows = row ? rows_n : frame->rows;
    tdl_view *view = NULL;
    tdl_matrix matrix = {0};
    tdl_status st;

    for (size_t i = 0; row && i < rows_n; i++)
        if (row[i] >= frame->rows)
            return TDL_FAIL(why, TDL_E_INVALID, "row %u of a table of %zu", row[i], frame->rows);
    for (size_t i = 0; ret_warning && i < prepare->sources_n; i++)
        ret_warning[i].column = i;
    if ((st = tdl_views_open(prepare->source, prepare->sources_n, frame, &view, why)) ||
        (st = tdl_prepare_matrix(prepare, rows, &matrix, why)) ||
        (st = tdl_prepare_rows(prepare, view, row, NULL, ret_warning, &matrix, why)))
        goto out;
    *ret = matrix;
    matrix = (tdl_matrix){0};
out:
    tdl_matrix_release(&matrix);
    tdl_views_close(view, prepare->sources_n);
    return st;
}

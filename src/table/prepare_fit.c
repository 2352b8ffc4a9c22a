/* Fitting: sources, then parts, then one look at all features that training rows make of them,
 * which says what is constant and how encodings are scaled. */
#include "table/prepare_fit.h"

#include <math.h>
#include <stdlib.h>

static tdl_status check_options(const tdl_prepare_options *o, tdl_report *why)
{
    if (!(o->winsor >= 0 && o->winsor < 0.5))
        return TDL_FAIL(why, TDL_E_INVALID, "winsor must be in [0, 0.5), not %g", o->winsor);
    if (!isfinite(o->impute_value))
        return TDL_FAIL(why, TDL_E_INVALID, "the value to impute must be finite");
    if (o->hash_bits > 20)
        return TDL_FAIL(why, TDL_E_INVALID, "hash bits must be at most 20, not %u", o->hash_bits);
    if (o->text_buckets > 1 << 20)
        return TDL_FAIL(why, TDL_E_INVALID, "text buckets must be at most 2^20, not %zu",
                        o->text_buckets);
    if (o->bins > 1 << 12)
        return TDL_FAIL(why, TDL_E_INVALID, "bins must be at most 4,096, not %zu", o->bins);
    if (!(o->correlated >= 0 && o->correlated <= 1))
        return TDL_FAIL(why, TDL_E_INVALID, "a correlation must be in [0, 1], not %g",
                        o->correlated);
    if (!(o->smoothing >= 0) || !isfinite(o->smoothing))
        return TDL_FAIL(why, TDL_E_INVALID, "smoothing must be 0 or more, not %g", o->smoothing);
    return TDL_OK;
}

static tdl_status check_rows(const tdl_frame *frame, const uint32_t *row, size_t rows,
                             tdl_report *why)
{
    if (rows == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "no rows to learn from");
    if (frame->columns_n > TDL_PREPARE_COLUMNS_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu columns: at most %d can be learnt from",
                        frame->columns_n, TDL_PREPARE_COLUMNS_MAX);
    for (size_t i = 0; i < rows; i++)
        if (row[i] >= frame->rows)
            return TDL_FAIL(why, TDL_E_INVALID, "row %u of a table of %zu", row[i], frame->rows);
    return TDL_OK;
}

/* ---- what features look like ---- */

typedef struct look {
    double least, most;
    double mean, squares; /* Welford */
    double n;             /* values */
    bool gap;             /* is one NaN? */
} look;

static void look_at(look *l, double x)
{
    double d = x - l->mean;

    if (isnan(x)) {
        l->gap = true;
        return;
    }
    l->least = l->n > 0 ? fmin(l->least, x) : x;
    l->most = l->n > 0 ? fmax(l->most, x) : x;
    l->n++;
    l->mean += d / l->n;
    l->squares += d * (x - l->mean);
}

static tdl_status look_at_all(tdl_fitting *f, look *looks, double *full, double **shifted,
                              tdl_report *why)
{
    tdl_prepare *p = f->p;
    tdl_cells cells = {0};
    tdl_status st;

    if ((st = tdl_cells_init(p, &cells, why)))
        return st;
    for (size_t i = 0; i < f->rows; i++) {
        for (size_t k = 0; k < p->parts_n; k++)
            shifted[k] = f->encoded[k] ? f->encoded[k] + i * p->part[k].width : NULL;
        tdl_cells_read(p, f->view, f->row[i], &cells, NULL);
        tdl_parts_row(p, f->view, f->row[i], &cells, shifted, full);
        for (size_t j = 0; j < p->full_n; j++)
            look_at(&looks[j], full[j]);
    }
    tdl_cells_release(&cells);
    return TDL_OK;
}

/* Bins lie in [0, 1] and texts have length 1 already; numbers have a scale of their own. */
static bool is_encoded(const tdl_prepare *p, const tdl_part *part)
{
    if (part->kind == TDL_PART_NUMBER)
        return p->source[part->source].type == TDL_COLUMN_BOOLEAN;
    return part->kind != TDL_PART_TEXT;
}

static void keep_features(tdl_fitting *f, const look *looks)
{
    tdl_prepare *p = f->p;
    bool scale = f->options->normalise_encoded && f->options->normalise != TDL_NORMALISE_NONE;

    for (size_t k = 0; k < p->parts_n; k++)
        for (size_t j = p->part[k].begin; j < p->part[k].begin + p->part[k].width; j++) {
            const look *l = &looks[j];
            double sd = l->n > 0 ? sqrt(l->squares / l->n) : 0;

            if (l->n == 0 || (!l->gap && l->least == l->most)) {
                p->dropped++;
                continue;
            }
            p->keep[p->cols] = j;
            p->shift[p->cols] = 0;
            p->factor[p->cols] = 1;
            if (scale && is_encoded(p, &p->part[k]) && sd > 0) {
                p->shift[p->cols] = l->mean;
                p->factor[p->cols] = 1 / sd;
            }
            p->cols++;
        }
}

static tdl_status choose_features(tdl_fitting *f, tdl_report *why)
{
    tdl_prepare *p = f->p;
    look *looks = calloc(p->full_n + 1, sizeof *looks);
    double *full = calloc(p->full_n + 1, sizeof *full);
    double **shifted = calloc(p->parts_n + 1, sizeof *shifted);
    tdl_status st;

    p->keep = calloc(p->full_n + 1, sizeof *p->keep);
    p->shift = calloc(p->full_n + 1, sizeof *p->shift);
    p->factor = calloc(p->full_n + 1, sizeof *p->factor);
    if (!looks || !full || !shifted || !p->keep || !p->shift || !p->factor) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu features", p->full_n);
        goto out;
    }
    if ((st = look_at_all(f, looks, full, shifted, why)))
        goto out;
    keep_features(f, looks);
    if (p->cols == 0 && p->categories_n == 0 && !p->has_image)
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "ids and texts are features only when asked for",
                           "no column is left to learn from: all are constant, left out, ids, or "
                           "without a value in the training rows");
out:
    free(looks);
    free(full);
    free(shifted);
    return st;
}

/* ---- all of it ---- */

static tdl_status fit(tdl_fitting *f, tdl_matrix *ret_train, tdl_report *why)
{
    tdl_prepare *p = f->p;
    bool select;
    tdl_status st;

    f->value = calloc(f->rows, sizeof *f->value);
    f->cell = calloc(f->frame->columns_n + 1, sizeof *f->cell);
    if (!f->value || !f->cell)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", f->rows);
    if ((st = tdl_fit_sources(f, why)) ||
        (st = tdl_views_open(p->source, p->sources_n, f->frame, &f->view, why)) ||
        (st = tdl_fit_parts(f, why)) || (st = tdl_prepare_lay_out(p, why)) ||
        (st = choose_features(f, why)))
        return st;
    select = (f->options->select_max && f->options->select_max < p->cols) ||
             (f->options->correlated > 0 && p->cols > 1);
    if (select && (!f->target || !f->target->y))
        return TDL_FAIL(why, TDL_E_INVALID, "selecting features needs a target");
    // a matrix has names from the start: they are made twice, for there are few
    if ((st = tdl_prepare_name_features(p, why)) ||
        (select && ((st = tdl_fit_selection(f, why)) || (st = tdl_prepare_name_features(p, why)))))
        return st;
    if (!ret_train)
        return TDL_OK;
    if ((st = tdl_prepare_matrix(p, f->rows, ret_train, why)))
        return st;
    if ((st = tdl_prepare_rows(p, f->view, f->row, f->encoded, NULL, ret_train, why)))
        tdl_matrix_release(ret_train);
    return st;
}

tdl_status tdl_prepare_fit(const tdl_frame *frame, const bool *left_out, const uint32_t *row,
                           size_t rows_n, const tdl_target *target,
                           const tdl_prepare_options *options, uint64_t seed, tdl_prepare **ret,
                           tdl_matrix *ret_train, tdl_report *why)
{
    tdl_fitting f = {.frame = frame,
                     .left_out = left_out,
                     .row = row,
                     .rows = rows_n,
                     .target = target,
                     .options = options,
                     .seed = seed};
    tdl_matrix train = {0};
    tdl_status st;

    if ((st = check_options(options, why)) || (st = check_rows(frame, row, rows_n, why)))
        return st;
    f.p = calloc(1, sizeof *f.p);
    if (!f.p)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a pipeline");
    if ((st = fit(&f, ret_train ? &train : NULL, why)))
        goto out;
    if (ret_train)
        *ret_train = train;
    *ret = f.p;
    f.p = NULL;
out:
    tdl_views_close(f.view, frame->columns_n);
    for (size_t k = 0; k < f.parts_cap && f.encoded; k++)
        free(f.encoded[k]);
    free(f.encoded);
    free(f.value);
    free(f.cell);
    free(f.filled);
    free(f.fill_at);
    free(f.fold);
    tdl_prepare_free(f.p);
    return st;
}

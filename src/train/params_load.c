#include "train/params_load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/pattern.h"
#include "train/safetensors_format.h"

/* ---- patterns ---- */

/* `to` with its stars replaced; false when it does not fit into ret. */
static bool expand(const char *to, const tdl_capture star[TDL_PATTERN_STARS_MAX],
                   char ret[TDL_PARAM_NAME_MAX])
{
    size_t n = 0, stars = 0;

    for (; *to; to++) {
        tdl_capture piece = {to, 1};
        if (*to == '*')
            piece = stars < TDL_PATTERN_STARS_MAX ? star[stars++] : (tdl_capture){to, 0};
        if (n + piece.len >= TDL_PARAM_NAME_MAX)
            return false;
        if (piece.len)
            memcpy(ret + n, piece.at, piece.len);
        n += piece.len;
    }
    ret[n] = '\0';
    return true;
}

/* The name in the model of a tensor of the file; empty when it can be none. */
static void rename_tensor(const tdl_load_rules *rules, const char *name,
                          char ret[TDL_PARAM_NAME_MAX])
{
    tdl_capture star[TDL_PATTERN_STARS_MAX] = {{0}};

    ret[0] = '\0';
    for (size_t i = 0; i < rules->rename_n; i++) {
        if (!tdl_pattern_fits(rules->rename[i].from, name, star))
            continue;
        if (!expand(rules->rename[i].to, star, ret))
            ret[0] = '\0';
        return;
    }
    if (!expand(name, star, ret))
        ret[0] = '\0';
}

static bool is_transposed(const tdl_load_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->transpose_n; i++)
        if (tdl_pattern_fits(rules->transpose[i], name, NULL))
            return true;
    return false;
}

static size_t set_frozen(tdl_params *params, const char *pattern, bool frozen)
{
    size_t n = 0;

    for (int k = 0; k < params->slices_n; k++)
        if (tdl_pattern_fits(pattern, params->slice[k].name, NULL)) {
            params->slice[k].frozen = frozen;
            n++;
        }
    return n;
}

size_t tdl_params_freeze_matching(tdl_params *params, const char *pattern)
{
    return set_frozen(params, pattern, true);
}

size_t tdl_params_thaw_matching(tdl_params *params, const char *pattern)
{
    return set_frozen(params, pattern, false);
}

/* ---- pairing tensors with slices ---- */

typedef struct pairing {
    const tdl_st_view **tensor; /* [slices_n] for each slice, or NULL */
    tdl_load_counts counts;
    tdl_buf *detail; /* may be NULL */
    char first[200]; /* of the lines, for the report */
} pairing;

/* What a tensor of the file must be for that slice. */
static void shape_in_file(const tdl_load_rules *rules, const tdl_slice *slice, size_t *ret_rows,
                          size_t *ret_cols)
{
    bool turned = is_transposed(rules, slice->name);

    *ret_rows = turned ? slice->cols : slice->rows;
    *ret_cols = turned ? slice->rows : slice->cols;
}

/* Can the axes be cut into two groups, of that many rows and columns? */
static bool is_fit(const tdl_load_rules *rules, const tdl_slice *slice, const tdl_st_view *view)
{
    size_t rows, cols, before = 1;

    shape_in_file(rules, slice, &rows, &cols);
    for (size_t cut = 0; cut <= view->rank; cut++) {
        size_t behind = 1;
        for (size_t i = cut; i < view->rank; i++)
            behind *= view->shape[i];
        if (before == rows && behind == cols)
            return tdl_st_is_real(view->dtype);
        if (cut < view->rank)
            before *= view->shape[cut];
    }
    return false;
}

static void note(pairing *p, tdl_buf *line)
{
    if (!line->failed && line->len && !p->first[0])
        snprintf(p->first, sizeof p->first, "%s", line->at);
    if (!line->failed && p->detail) {
        tdl_buf_str(p->detail, tdl_buf_view(line));
        tdl_buf_char(p->detail, '\n');
    }
    tdl_buf_clear(line);
}

static int find_slice(const tdl_params *params, const char *name)
{
    for (int k = 0; k < params->slices_n; k++)
        if (!strcmp(params->slice[k].name, name))
            return k;
    return -1;
}

static void note_misfit(pairing *p, const tdl_load_rules *rules, const tdl_slice *slice,
                        const tdl_st_view *view, tdl_buf *line)
{
    size_t rows, cols;

    shape_in_file(rules, slice, &rows, &cols);
    tdl_buf_printf(line, "tensor \"%.*s\" is %s", TDL_FMT(view->name), tdl_dtype_name(view->dtype));
    for (size_t i = 0; i < view->rank; i++)
        tdl_buf_printf(line, "[%zu]", view->shape[i]);
    tdl_buf_printf(line, ", expected [%zu][%zu] for %s", rows, cols, slice->name);
    note(p, line);
}

static tdl_status pair(pairing *p, const tdl_params *params, const tdl_load_rules *rules,
                       const tdl_st_view *view, tdl_buf *line, tdl_report *why)
{
    char name[TDL_PARAM_NAME_MAX];

    rename_tensor(rules, view->name.at, name);
    int k = find_slice(params, name);
    if (k < 0) {
        p->counts.unused++;
        tdl_buf_printf(line, "tensor \"%.*s\" is not used", TDL_FMT(view->name));
        note(p, line);
        return TDL_OK;
    }
    if (p->tensor[k])
        return TDL_FAIL(why, TDL_E_CORRUPT, "tensors \"%.*s\" and \"%.*s\" are both for %s",
                        TDL_FMT(p->tensor[k]->name), TDL_FMT(view->name), name);
    p->tensor[k] = view;
    return TDL_OK;
}

static tdl_status pair_all(pairing *p, const tdl_st_file *file, const tdl_params *params,
                           const tdl_load_rules *rules, tdl_report *why)
{
    tdl_buf line = {.limit = 2048};
    tdl_status st = TDL_OK;

    for (size_t i = 0; !st && i < tdl_st_count(file); i++)
        st = pair(p, params, rules, tdl_st_at(file, i), &line, why);
    for (int k = 0; !st && k < params->slices_n; k++) {
        const tdl_slice *slice = &params->slice[k];
        if (!p->tensor[k]) {
            p->counts.missing++;
            tdl_buf_printf(&line, "%s [%zu][%zu] is not in the file", slice->name, slice->rows,
                           slice->cols);
            note(p, &line);
        } else if (is_fit(rules, slice, p->tensor[k])) {
            p->counts.matched++;
        } else {
            p->counts.misfits++;
            note_misfit(p, rules, slice, p->tensor[k], &line);
            p->tensor[k] = NULL;
        }
    }
    tdl_buf_release(&line);
    return st;
}

/* ---- values ---- */

enum { CHUNK = 1024 };

static tdl_status check_finite(const tdl_st_view *view, tdl_report *why)
{
    float x[CHUNK];

    for (size_t at = 0; at < view->n; at += CHUNK) {
        size_t n = view->n - at < CHUNK ? view->n - at : CHUNK;
        tdl_st_read_f32(view, at, n, x);
        for (size_t i = 0; i < n; i++)
            if (!isfinite(x[i]))
                return TDL_FAIL(why, TDL_E_CORRUPT,
                                "tensor \"%.*s\": value %zu is %g, expected a finite number",
                                TDL_FMT(view->name), at + i, (double)x[i]);
    }
    return TDL_OK;
}

/* value[rows][cols] from the file's [rows][cols], or its [cols][rows] when turned. */
static void read_values(const tdl_st_view *view, const tdl_slice *slice, bool turned,
                        tdl_real *value)
{
    float x[CHUNK];

    for (size_t at = 0; at < view->n; at += CHUNK) {
        size_t n = view->n - at < CHUNK ? view->n - at : CHUNK;
        tdl_st_read_f32(view, at, n, x);
        for (size_t i = 0; i < n; i++) {
            size_t from = at + i;
            size_t to = turned ? from % slice->rows * slice->cols + from / slice->rows : from;
            value[to] = (tdl_real)x[i];
        }
    }
}

static tdl_status load_pairs(const pairing *p, tdl_params *params, const tdl_load_rules *rules,
                             tdl_report *why)
{
    tdl_status st;

    for (int k = 0; k < params->slices_n; k++)
        if (p->tensor[k] && (st = check_finite(p->tensor[k], why)))
            return st;
    for (int k = 0; k < params->slices_n; k++)
        if (p->tensor[k])
            read_values(p->tensor[k], &params->slice[k],
                        is_transposed(rules, params->slice[k].name), tdl_params_value(params, k));
    return TDL_OK;
}

tdl_status tdl_params_load(const tdl_st_file *file, tdl_params *params, const tdl_load_rules *rules,
                           tdl_load_counts *ret, tdl_buf *detail, tdl_report *why)
{
    const tdl_load_rules none = {0};
    const tdl_load_rules *r = rules ? rules : &none;
    pairing p = {.tensor = calloc((size_t)params->slices_n + 1, sizeof(tdl_st_view *)),
                 .detail = detail};
    tdl_status st;

    if (!p.tensor)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to match %d slices", params->slices_n);
    if ((st = pair_all(&p, file, params, r, why)))
        goto out;
    if (r->strict && p.first[0]) {
        st = TDL_FAIL(why, TDL_E_CORRUPT, "%s (%zu missing, %zu unused, %zu misfits)", p.first,
                      p.counts.missing, p.counts.unused, p.counts.misfits);
        goto out;
    }
    if ((st = load_pairs(&p, params, r, why)))
        goto out;
    if (ret)
        *ret = p.counts;
out:
    free(p.tensor);
    return st;
}

/* ---- saving ---- */

tdl_status tdl_params_save(const tdl_params *params, const char *pattern, const char *path,
                           tdl_report *why)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    bool any = false;
    tdl_status st;

    for (int k = 0; k < params->slices_n; k++) {
        const tdl_slice *slice = &params->slice[k];
        const size_t shape[] = {slice->rows, slice->cols};

        if (!tdl_pattern_fits(pattern, slice->name, NULL))
            continue;
        tdl_st_add(writer, slice->name, TDL_F32, 2, shape, tdl_params_value(params, k));
        any = true;
    }
    st = any ? tdl_st_write(writer, path, why)
             : TDL_FAIL(why, TDL_E_INVALID, "no slice fits the pattern '%s'", pattern);
    tdl_st_writer_free(writer);
    return st;
}

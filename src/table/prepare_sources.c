/* What a pipeline knows of the columns it was fitted on. */
#include <math.h>
#include <stdlib.h>

#include "base/sorted.h"
#include "table/prepare_fit.h"

static tdl_status no_memory(const tdl_column *c, tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "column %s: no memory", c->name);
}

/* ---- numbers ---- */

static void describe_numbers(tdl_fitting *f, const tdl_column *c, tdl_source *s)
{
    size_t n = 0;

    for (size_t i = 0; i < f->rows; i++) {
        double x = c->number[f->row[i]];

        if (isfinite(x))
            f->value[n++] = x + 0.0; // never -0, which JSON does not keep
    }
    tdl_sort_numbers(f->value, n);
    s->missing = n < f->rows;
    s->used = n > 0;
    s->least = n ? f->value[0] : 0;
    s->most = n ? f->value[n - 1] : -1;
    s->middle = n ? tdl_quantile(f->value, n, 0.5) : NAN;
    if (n && s->type == TDL_COLUMN_BOOLEAN)
        s->middle = s->middle > 0.5;
}

/* ---- levels ---- */

/* Keep the levels for which count[] is at least `least`. */
static tdl_status keep_levels(const tdl_column *c, const size_t *count, size_t least,
                              tdl_known *ret, tdl_report *why)
{
    size_t n = 0, bytes = 0, at = 0;

    for (size_t l = 0; l < c->levels_n; l++)
        if (count[l] >= least) {
            n++;
            bytes += c->levels[l].len;
        }
    ret->text = calloc(n + 1, sizeof *ret->text);
    ret->bytes = malloc(bytes + 1);
    if (!ret->text || !ret->bytes)
        return no_memory(c, why);
    for (size_t l = 0; l < c->levels_n; l++)
        if (count[l] >= least) {
            if (c->levels[l].len)
                memcpy(ret->bytes + at, c->levels[l].at, c->levels[l].len);
            ret->text[ret->n++] = (tdl_str){ret->bytes + at, c->levels[l].len};
            at += c->levels[l].len;
        }
    return TDL_OK;
}

static tdl_status describe_levels(tdl_fitting *f, const tdl_column *c, tdl_source *s,
                                  tdl_report *why)
{
    size_t least = f->options->level_min ? f->options->level_min : 1, missing = 0, most = 0;
    size_t *count = calloc(c->levels_n + 1, sizeof *count);
    tdl_status st = TDL_OK;

    if (!count)
        return no_memory(c, why);
    for (size_t i = 0; i < f->rows; i++) {
        int32_t l = c->level[f->row[i]];

        if (l >= 0)
            count[l]++;
        else
            missing++;
    }
    s->missing = missing > 0;
    if (s->type == TDL_COLUMN_TEXT) {
        s->used = missing < f->rows;
        goto out;
    }
    st = keep_levels(c, count, least, &s->known, why);
    s->used = s->known.n > 0;
    for (size_t l = 0, k = 0; l < c->levels_n; l++) {
        if (count[l] > most) {
            most = count[l];
            s->mode = k;
        }
        k += count[l] >= least;
    }
out:
    free(count);
    return st;
}

/* Both truths as the file spells them, false first. */
static tdl_status keep_spelling(const tdl_column *c, tdl_known *ret, tdl_report *why)
{
    const size_t always[] = {1, 1};
    tdl_str usual[] = {TDL_STR("false"), TDL_STR("true")};
    tdl_column spelt = {
        .name = c->name, .levels = c->levels_n == 2 ? c->levels : usual, .levels_n = 2};

    return keep_levels(&spelt, always, 1, ret, why);
}

/* ---- all ---- */

static bool is_wanted(const tdl_fitting *f, size_t i, tdl_column_type type)
{
    if (f->left_out && f->left_out[i])
        return false;
    if (type == TDL_COLUMN_ID)
        return f->options->keep_ids;
    if (type == TDL_COLUMN_TEXT)
        return f->options->text_buckets > 0;
    return true;
}

static tdl_status note_image(tdl_prepare *p, size_t i, const tdl_column *c, tdl_report *why)
{
    if (p->has_image)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "leave one of them out",
                             "columns %s and %s both hold images: only one can be learnt from",
                             p->source[p->image].name, c->name);
    p->has_image = true;
    p->image = i;
    p->channels = c->channels;
    p->height = c->height;
    p->width = c->width;
    return TDL_OK;
}

tdl_status tdl_fit_sources(tdl_fitting *f, tdl_report *why)
{
    tdl_prepare *p = f->p;
    tdl_status st = TDL_OK;

    p->source = calloc(f->frame->columns_n + 1, sizeof *p->source);
    if (!p->source)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", f->frame->columns_n);
    for (size_t i = 0; i < f->frame->columns_n && !st; i++) {
        const tdl_column *c = &f->frame->column[i];
        tdl_source *s = &p->source[p->sources_n++];

        *s = (tdl_source){.type = c->type, .name = strdup(c->name), .most = -1, .middle = NAN};
        if (!s->name)
            return no_memory(c, why);
        if (!is_wanted(f, i, c->type))
            continue;
        s->used = true;
        if (c->pixel) {
            st = note_image(p, i, c, why);
        } else if (c->level) {
            st = describe_levels(f, c, s, why);
        } else {
            describe_numbers(f, c, s);
            if (c->type == TDL_COLUMN_BOOLEAN)
                st = keep_spelling(c, &s->known, why);
        }
    }
    return st;
}

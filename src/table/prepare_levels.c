/* What encodings of levels and of text learn from training rows. */
#include <math.h>
#include <stdlib.h>

#include "table/encode.h"
#include "table/prepare_fit.h"
#include "table/split.h"
#include "table/words.h"

enum { FOLDS = 5, HASH_BITS_MAX = 20, BUCKETS_MAX = 1 << 20 };

static tdl_status no_memory(const tdl_source *s, tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "column %s: no memory for its encoding", s->name);
}

/* ---- target ---- */

/* Stratified folds; plain ones where a class is too small for them. Fewer than two rows: NULL. */
static tdl_status make_folds(tdl_fitting *f, size_t k, tdl_report *why)
{
    int32_t *class_of = calloc(f->rows, sizeof *class_of);
    uint64_t *key = calloc(f->rows, sizeof *key);
    tdl_status st = TDL_E_INVALID;

    f->fold = calloc(f->rows, sizeof *f->fold);
    if (!class_of || !key || !f->fold) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for folds of %zu rows", f->rows);
        goto out;
    }
    for (size_t i = 0; i < f->rows; i++) {
        float y = f->target->y[f->row[i]];

        key[i] = f->row[i];
        class_of[i] = f->target->classes_n && !isnan(y) ? (int32_t)y : -1;
    }
    if (f->target->classes_n)
        st = tdl_split_folds(f->rows, class_of, key, f->seed, k, f->fold, NULL);
    if (st == TDL_E_INVALID)
        st = tdl_split_folds(f->rows, NULL, key, f->seed, k, f->fold, why);
out:
    free(class_of);
    free(key);
    return st;
}

typedef struct lesson {
    int32_t *level; /* [rows] */
    double *y;      /* [rows] */
    double *weight; /* [rows] */
    double *out;    /* [rows] */
} lesson;

static void read_lesson(tdl_fitting *f, size_t source, lesson *l)
{
    int32_t missing = (int32_t)f->p->source[source].known.n;

    for (size_t i = 0; i < f->rows; i++) {
        int32_t level = tdl_view_level(tdl_view_at(f->view, source), f->row[i]);

        l->level[i] = level == TDL_LEVEL_MISSING ? missing : level;
        l->weight[i] = f->target->weight ? (double)f->target->weight[f->row[i]] : 1;
    }
}

/* Output k of the target: is it class k + 1, or the value itself? */
static void read_target(const tdl_fitting *f, size_t k, double *y)
{
    for (size_t i = 0; i < f->rows; i++) {
        float value = f->target->y[f->row[i]];

        if (!f->target->classes_n || isnan(value))
            y[i] = (double)value;
        else
            y[i] = value == (float)(k + 1);
    }
}

static tdl_status learn_targets(tdl_fitting *f, size_t at, const lesson *l, tdl_report *why)
{
    tdl_part *part = &f->p->part[at];
    size_t levels = f->p->source[part->source].known.n + 1;
    size_t k_folds = f->rows < FOLDS ? f->rows : FOLDS;
    double smoothing = f->options->smoothing > 0 ? f->options->smoothing : 10;
    tdl_encode_rows rows = {f->rows, l->level, levels, l->y, l->weight, smoothing};
    tdl_status st = TDL_OK;

    if (k_folds >= 2 && !f->fold && (st = make_folds(f, k_folds, why)))
        return st;
    for (size_t k = 0; k < part->width && !st; k++) {
        read_target(f, k, l->y);
        st = tdl_encode_target(&rows, part->value + k * levels, &part->prior[k], why);
        if (st || !f->fold)
            continue;
        st = tdl_encode_target_out_of_fold(&rows, f->fold, k_folds, l->out, why);
        for (size_t i = 0; i < f->rows; i++)
            f->encoded[at][i * part->width + k] = l->out[i];
    }
    return st;
}

static tdl_status fit_target(tdl_fitting *f, size_t at, tdl_report *why)
{
    tdl_part *part = &f->p->part[at];
    const tdl_source *s = &f->p->source[part->source];
    lesson l = {0};
    size_t cells;
    tdl_status st;

    if (!f->target || !f->target->y)
        return TDL_FAIL(why, TDL_E_INVALID, "column %s: encoding by the target needs a target",
                        s->name);
    part->width = f->target->classes_n > 2 ? f->target->classes_n - 1 : 1;
    part->missing_level = s->missing;
    if (__builtin_mul_overflow(part->width, s->known.n + 1, &part->value_n) ||
        __builtin_mul_overflow(f->rows, part->width, &cells))
        return no_memory(s, why);
    part->value = calloc(part->value_n, sizeof *part->value);
    part->prior = calloc(part->width, sizeof *part->prior);
    f->encoded[at] = f->rows >= 2 ? calloc(cells, sizeof *f->encoded[at]) : NULL;
    l.level = calloc(f->rows, sizeof *l.level);
    l.y = calloc(f->rows, sizeof *l.y);
    l.weight = calloc(f->rows, sizeof *l.weight);
    l.out = calloc(f->rows, sizeof *l.out);
    if (!part->value || !part->prior || (f->rows >= 2 && !f->encoded[at]) || !l.level || !l.y ||
        !l.weight || !l.out) {
        st = no_memory(s, why);
        goto out;
    }
    read_lesson(f, part->source, &l);
    st = learn_targets(f, at, &l, why);
out:
    free(l.level);
    free(l.y);
    free(l.weight);
    free(l.out);
    return st;
}

/* ---- counts and text ---- */

static tdl_status fit_count(tdl_fitting *f, tdl_part *part, tdl_report *why)
{
    const tdl_source *s = &f->p->source[part->source];

    part->missing_level = s->missing;
    part->value_n = s->known.n + 1;
    part->value = calloc(part->value_n, sizeof *part->value);
    if (!part->value)
        return no_memory(s, why);
    for (size_t i = 0; i < f->rows; i++) {
        int32_t level = tdl_view_level(tdl_view_at(f->view, part->source), f->row[i]);

        if (level != TDL_LEVEL_UNSEEN)
            part->value[level >= 0 ? (size_t)level : s->known.n]++;
    }
    return TDL_OK;
}

/* log((1 + rows) / (1 + rows that have it)) + 1, as scikit-learn's smooth idf. */
static tdl_status fit_text(tdl_fitting *f, tdl_part *part, tdl_report *why)
{
    const tdl_source *s = &f->p->source[part->source];
    size_t buckets = f->options->text_buckets;
    double *count = calloc(buckets, sizeof *count);

    part->value = calloc(buckets, sizeof *part->value);
    if (!count || !part->value) {
        free(count);
        return no_memory(s, why);
    }
    part->width = part->value_n = buckets;
    for (size_t i = 0; i < f->rows; i++) {
        memset(count, 0, buckets * sizeof *count);
        tdl_words_count(tdl_view_text(tdl_view_at(f->view, part->source), f->row[i]), buckets,
                        count);
        for (size_t b = 0; b < buckets; b++)
            part->value[b] += count[b] > 0;
    }
    for (size_t b = 0; b < buckets; b++)
        part->value[b] = log((1 + (double)f->rows) / (1 + part->value[b])) + 1;
    free(count);
    return TDL_OK;
}

tdl_status tdl_fit_encoding(tdl_fitting *f, size_t at, tdl_report *why)
{
    tdl_part *part = &f->p->part[at];
    const tdl_source *s = &f->p->source[part->source];

    switch (part->kind) {
    case TDL_PART_ONE_HOT:
        part->missing_level = s->missing && !f->options->no_missing_level;
        part->width = s->known.n + part->missing_level;
        return TDL_OK;
    case TDL_PART_TARGET:
        return fit_target(f, at, why);
    case TDL_PART_COUNT:
        return fit_count(f, part, why);
    case TDL_PART_HASH:
        part->width = (size_t)1 << (f->options->hash_bits ? f->options->hash_bits : 8);
        return TDL_OK;
    case TDL_PART_TEXT:
        return fit_text(f, part, why);
    case TDL_PART_EMBED:
        part->width = 0;
        return TDL_OK;
    default:
        return TDL_OK;
    }
}

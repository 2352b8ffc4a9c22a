#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/crossed_model.h"

tdl_crossed_model *tdl_crossed_new(const tdl_matrix *x)
{
    tdl_crossed_model *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->w = calloc(x->cols + 1, sizeof *m->w);
    m->levels_n = calloc(x->categories_n + 1, sizeof *m->levels_n);
    if (!m->w || !m->levels_n) {
        tdl_crossed_free(&m->learner);
        return NULL;
    }
    if (x->categories_n)
        memcpy(m->levels_n, x->levels_n, x->categories_n * sizeof *m->levels_n);
    m->learner.cols = x->cols;
    m->learner.categories_n = x->categories_n;
    return m;
}

void tdl_crossed_term_release(tdl_crossed_term *term)
{
    free(term->key);
    free(term->effect);
    *term = (tdl_crossed_term){0};
}

void tdl_crossed_free(tdl_learner *model)
{
    tdl_crossed_model *m = (tdl_crossed_model *)model;

    if (!m)
        return;
    for (size_t t = 0; t < m->terms_n; t++)
        tdl_crossed_term_release(&m->term[t]);
    free(m->w);
    free(m->levels_n);
    free(m);
}

bool tdl_crossed_fits(const size_t *levels_n, const tdl_crossed_term *term)
{
    size_t most = 1;

    for (size_t k = 0; k < term->members_n; k++)
        if (__builtin_mul_overflow(most, levels_n[term->member[k]], &most) || most > INT64_MAX / 2)
            return false;
    return true;
}

int64_t tdl_crossed_key(const size_t *levels_n, const tdl_crossed_term *term,
                        const int32_t *category)
{
    int64_t key = 0;

    for (size_t k = 0; k < term->members_n; k++) {
        int32_t level = category[term->member[k]];

        if (level < 1 || (size_t)level >= levels_n[term->member[k]])
            return -1;
        key = key * (int64_t)levels_n[term->member[k]] + level;
    }
    return key;
}

int32_t tdl_crossed_group(const tdl_crossed_term *term, int64_t key)
{
    size_t low = 0, high = term->groups_n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (term->key[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < term->groups_n && term->key[low] == key ? (int32_t)low : -1;
}

#include "learn/players.h"

static uint64_t column_of(const tdl_matrix *x, size_t feature)
{
    if (feature < x->cols)
        return x->feature ? x->feature[feature].column : feature;
    return x->category_feature ? x->category_feature[feature - x->cols].column : feature;
}

size_t tdl_players_number(const tdl_matrix *x, size_t *ret_player, size_t *ret_first)
{
    size_t n = 0, features_n = x->cols + x->categories_n;

    for (size_t j = 0; j < features_n; j++) {
        size_t k = 0;

        while (k < n && column_of(x, j) != column_of(x, ret_first[k]))
            k++;
        if (k == n)
            ret_first[n++] = j;
        ret_player[j] = k;
    }
    return n;
}

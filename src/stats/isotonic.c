#include "stats/isotonic.h"

#include <stdint.h>
#include <stdlib.h>

#include "stats/classify.h"
#include "stats/weight.h"

typedef struct block {
    double weight, x, y; /* means */
} block;

static void pool(block *a, const block *b)
{
    double weight = a->weight + b->weight;

    a->x += (b->x - a->x) * (b->weight / weight);
    a->y += (b->y - a->y) * (b->weight / weight);
    a->weight = weight;
}

tdl_status tdl_isotonic_fit(const double *x, const double *y, const double *weight, size_t n,
                            double **ret_x, double **ret_y, size_t *ret_n, tdl_report *why)
{
    block *blocks = calloc(n + 1, sizeof *blocks);
    uint32_t *order = calloc(n + 1, sizeof *order);
    double *knot_x = NULL, *knot_y = NULL;
    size_t blocks_n = 0;
    tdl_status st;

    if (!blocks || !order) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to pool %zu rows", n);
        goto out;
    }
    if ((st = tdl_order_rows(x, 1, n, order, why)))
        goto out;
    for (size_t i = 0; i < n;) {
        block own = {0, x[order[i]], 0}; /* all rows of one x */
        size_t first = i;

        for (; i < n && x[order[i]] == x[order[first]]; i++) {
            double of_row = tdl_weight_of(weight, order[i]);

            if (of_row > 0)
                pool(&own, &(block){of_row, own.x, y[order[i]]});
        }
        if (!(own.weight > 0))
            continue;
        blocks[blocks_n++] = own;
        while (blocks_n > 1 && blocks[blocks_n - 1].y <= blocks[blocks_n - 2].y) {
            pool(blocks + blocks_n - 2, blocks + blocks_n - 1);
            blocks_n--;
        }
    }
    knot_x = calloc(blocks_n + 1, sizeof *knot_x);
    knot_y = calloc(blocks_n + 1, sizeof *knot_y);
    if (!knot_x || !knot_y) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu blocks", blocks_n);
        goto out;
    }
    for (size_t b = 0; b < blocks_n; b++) {
        knot_x[b] = blocks[b].x;
        knot_y[b] = blocks[b].y;
    }
    *ret_x = knot_x;
    *ret_y = knot_y;
    *ret_n = blocks_n;
    knot_x = knot_y = NULL;
out:
    free(blocks);
    free(order);
    free(knot_x);
    free(knot_y);
    return st;
}

double tdl_isotonic_at(const double *knot_x, const double *knot_y, size_t knots_n, double x)
{
    size_t low = 0, high = knots_n - 1;

    if (x <= knot_x[0])
        return knot_y[0];
    if (x >= knot_x[high])
        return knot_y[high];
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        *(knot_x[middle] <= x ? &low : &high) = middle;
    }
    return knot_y[low] +
           (knot_y[high] - knot_y[low]) * ((x - knot_x[low]) / (knot_x[high] - knot_x[low]));
}

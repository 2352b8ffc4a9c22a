#include <math.h>
#include <stdlib.h>

#include "learn/tree_prune.h"

void tdl_tree_links(tdl_tree_grown *g)
{
    double below[TDL_TREE_NODES];
    size_t leaves[TDL_TREE_NODES];
    bool leaf[TDL_TREE_NODES] = {true};
    double cost = 0, root = fmax(g->impurity[0], 1e-300);

    for (size_t at = 0; at < g->nodes_n; at++) {
        leaf[at] = g->feature[at] < 0;
        g->link[at] = leaf[at] ? 0 : INFINITY;
    }
    while (!leaf[0]) {
        double weakest = INFINITY;
        size_t which = 0;

        for (size_t at = g->nodes_n; at-- > 0;) {
            size_t l = (size_t)g->left[at], r = (size_t)g->right[at];
            double own;

            below[at] = leaf[at] ? g->impurity[at] : below[l] + below[r];
            leaves[at] = leaf[at] ? 1 : leaves[l] + leaves[r];
            own = leaf[at] ? INFINITY
                           : (g->impurity[at] - below[at]) / (double)(leaves[at] - 1) / root;
            if (own <= weakest && !leaf[at]) {
                weakest = own;
                which = at;
            }
        }
        cost = fmax(cost, weakest);
        leaf[which] = true;
        g->link[which] = cost;
    }
}

static int falling(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x < y) - (x > y);
}

size_t tdl_tree_costs(const tdl_tree_grown *g, double cost[TDL_TREE_COSTS])
{
    double link[TDL_TREE_NODES];
    size_t links_n = 0, n = 0;

    for (size_t at = 0; at < g->nodes_n; at++)
        if (g->feature[at] >= 0)
            link[links_n++] = g->link[at];
    qsort(link, links_n, sizeof *link, falling);
    cost[n++] = links_n ? 2 * link[0] : 0;
    for (size_t k = 0; k + 1 < links_n; k++)
        if (link[k] > link[k + 1])
            cost[n++] = sqrt(fmax(link[k], 1e-12) * fmax(link[k + 1], 1e-12));
    if (links_n)
        cost[n++] = link[links_n - 1] / 2;
    return n;
}

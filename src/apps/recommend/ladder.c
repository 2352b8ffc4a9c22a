#include "apps/recommend/ladder.h"

const tdl_rung_ops *const tdl_ladder[TDL_RUNGS_N] = {
    &tdl_rung_popularity, &tdl_rung_item_knn, &tdl_rung_markov,  &tdl_rung_directed,
    &tdl_rung_ease,       &tdl_rung_ials,     &tdl_rung_network, &tdl_rung_behaviour,
};

size_t tdl_ladder_find(tdl_str name)
{
    size_t i = 0;

    while (i < TDL_RUNGS_N && !tdl_str_is(name, tdl_ladder[i]->name))
        i++;
    return i;
}

double tdl_rung_cost(const tdl_rung_ops *rung)
{
    return rung == &tdl_rung_network || rung == &tdl_rung_behaviour ? 50
           : rung == &tdl_rung_ease || rung == &tdl_rung_ials       ? 25
                                                                    : 1;
}

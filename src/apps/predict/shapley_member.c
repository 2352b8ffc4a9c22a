#include "apps/predict/shapley_member.h"
tdl_status tdl_shapley_member(const tdl_member *member, const tdl_matrix *x, size_t which,
                              tdl_pool *pool, tdl_attribution *ret, tdl_report *why)
{
    TDL_UNUSED(x); TDL_UNUSED(which); TDL_UNUSED(pool); TDL_UNUSED(ret);
    return TDL_FAIL(why, TDL_E_INVALID, "%s has no attributions", member->learner->ops->name);
}

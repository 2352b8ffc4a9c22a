#include "apps/recommend/logged.h"

#include <string.h>

#include "apps/recommend/what_if.h"
#include "base/timestamp.h"

static const int64_t LOOK_BACK_US = INT64_C(90) * 86400 * 1000000;

static void estimate_all(const tdl_what_if *what_if, tdl_recommend_task task, tdl_logged *ret)
{
    for (size_t c = 0; c < tdl_contenders_n; c++)
        ret->known[task][c] = !tdl_what_if_estimate(what_if, tdl_str_of(tdl_contenders[c].name),
                                                    &ret->estimate[task][c], NULL);
}

tdl_status tdl_logged_read(tdl_store *store, const tdl_recommend_task *task, tdl_logged *ret,
                           tdl_report *why)
{
    int64_t from_us = tdl_time_now() - LOOK_BACK_US;
    tdl_status st = TDL_OK;

    memset(ret, 0, sizeof *ret);
    for (int t = 0; !st && t < TDL_RECOMMEND_TASKS_N; t++) {
        tdl_what_if *what_if = tdl_what_if_new(TDL_WHAT_IF_SLOTS_MAX);
        if (!what_if)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for logged answers");
        for (tdl_surface_kind kind = 0; !st && kind < TDL_SURFACE_KINDS_N; kind++)
            if ((int)task[kind] == t)
                st = tdl_what_if_read(what_if, store, tdl_str_of(tdl_surface_kind_name(kind)),
                                      from_us, why);
        if (!st)
            estimate_all(what_if, (tdl_recommend_task)t, ret);
        tdl_what_if_free(what_if);
    }
    return st;
}

static tdl_status add_answer(void *context, const tdl_logged_answer *a, tdl_report *why)
{
    return tdl_blend_log_add(context, a->effects, a->chance, a->rewarded, a->unit,
                             a->decision->time_us, why);
}

tdl_status tdl_logged_weigh(tdl_store *store, const tdl_recommend_task *task,
                            tdl_recommend_task which, uint64_t seed, tdl_lineup *lineup,
                            tdl_blend_learnt *ret, tdl_report *why)
{
    tdl_mix *mix = &lineup->task[which];
    int64_t from_us = tdl_time_now() - LOOK_BACK_US;
    tdl_str name[TDL_RUNG_BLEND_MAX];
    tdl_status st = TDL_OK;

    if (mix->n < 2)
        return TDL_OK;
    for (size_t i = 0; i < mix->n; i++)
        name[i] = tdl_str_of(lineup->part[mix->part[i]].contender->name);
    tdl_blend_log *log = tdl_blend_log_new(name, mix->n);
    tdl_names *users = tdl_names_new();
    if (!log || !users)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for logged answers");
    for (tdl_surface_kind kind = 0; !st && kind < TDL_SURFACE_KINDS_N; kind++)
        if (task[kind] == which)
            st = tdl_logged_each(store, tdl_str_of(tdl_surface_kind_name(kind)), from_us, users,
                                 add_answer, log, why);
    if (!st)
        st = tdl_blend_log_learn(log, mix->weight, seed, ret, why);
    for (size_t i = 0; !st && i < mix->n; i++)
        mix->weight[i] = ret->weight[i];
    tdl_blend_log_free(log);
    tdl_names_free(users);
    return st;
}

const tdl_off_policy *tdl_logged_of(void *context, tdl_recommend_task task, const char *name)
{
    const tdl_logged *logged = context;

    for (size_t c = 0; c < tdl_contenders_n; c++)
        if (!strcmp(tdl_contenders[c].name, name))
            return logged->known[task][c] ? &logged->estimate[task][c] : NULL;
    return NULL;
}

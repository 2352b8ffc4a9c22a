/* Rungs that a surface's policy names, in place of who the line-up has for its task. */
#include <string.h>

#include "apps/recommend/surface_answer.h"

/* ---- what the model has ---- */

/* Part of the line-up by this name; one of the task's own mix first, then one that learnt from the
 * same rows. NULL: none */
static const tdl_part *find_part(const tdl_lineup *l, tdl_recommend_task task, tdl_str name,
                                 double *ret_weight)
{
    const tdl_mix *mix = task < TDL_RECOMMEND_TASKS_N ? &l->task[task] : NULL;
    const tdl_part *found = NULL;

    *ret_weight = 0;
    for (size_t i = 0; mix && i < mix->n; i++)
        if (tdl_str_is(name, l->part[mix->part[i]].contender->name)) {
            *ret_weight = mix->weight[i];
            return &l->part[mix->part[i]];
        }
    for (size_t i = 0; i < l->parts_n; i++) {
        const tdl_part *part = &l->part[i];
        bool fits = part->baskets == (task == TDL_RECOMMEND_CART);
        if (tdl_str_is(name, part->contender->name) && (fits || !found))
            found = part;
    }
    return found;
}

/* Index into tdl_ladder, or TDL_RUNGS_N. */
static size_t find_rung(const tdl_snapshot *snapshot, tdl_str name)
{
    size_t rung = tdl_ladder_find(name);

    return rung < TDL_RUNGS_N && snapshot->model[rung] ? rung : TDL_RUNGS_N;
}

static bool has(const tdl_snapshot *snapshot, bool similar, tdl_str name)
{
    size_t rung = find_rung(snapshot, name);
    double weight;

    if (similar)
        return rung < TDL_RUNGS_N && tdl_ladder[rung]->similar;
    return rung < TDL_RUNGS_N || find_part(&snapshot->lineup, TDL_RECOMMEND_TASKS_N, name, &weight);
}

/* ---- asked ---- */

size_t tdl_surface_similar_rung(tdl_surface_answer *a)
{
    const tdl_snapshot *snapshot = a->base.serving->snapshot;

    for (size_t i = 0; i < a->policy->rungs_n; i++)
        if (has(snapshot, true, a->policy->rung[i]))
            return find_rung(snapshot, a->policy->rung[i]);
    if (a->base.asked_item >= 0 && a->policy->rungs_n)
        a->base.fallback = "no_rung";
    return snapshot->similar;
}

/* A rung of the ladder, as a part. NULL: no memory */
static const tdl_part *part_of_rung(tdl_surface_answer *a, size_t rung)
{
    tdl_part *part = tdl_arena_zalloc(a->base.arena, 1, sizeof *part);
    tdl_contender *contender = tdl_arena_zalloc(a->base.arena, 1, sizeof *contender);

    if (!part || !contender)
        return NULL;
    *contender = (tdl_contender){.name = tdl_ladder[rung]->name, .rung = tdl_ladder[rung]};
    *part = (tdl_part){.contender = contender, .model = a->base.serving->snapshot->model[rung]};
    return part;
}

/* The weights that were learnt hold among those that learnt them. */
static void level(tdl_surface_answer *a)
{
    bool all = true;

    for (size_t i = 0; i < a->asked_n; i++)
        all = all && a->asked[i].weight > 0;
    for (size_t i = 0; !all && i < a->asked_n; i++)
        a->asked[i].weight = 1;
}

tdl_status tdl_surface_take_named(tdl_surface_answer *a, tdl_recommend_task task, tdl_report *why)
{
    const tdl_snapshot *snapshot = a->base.serving->snapshot;

    a->asked_n = 0;
    a->asked = tdl_arena_zalloc(a->base.arena, a->policy->rungs_n, sizeof *a->asked);
    if (!a->asked)
        return tdl_answer_no_memory(why);
    for (size_t i = 0; i < a->policy->rungs_n; i++) {
        tdl_asked_part *one = &a->asked[a->asked_n];
        size_t rung = find_rung(snapshot, a->policy->rung[i]);
        one->part = find_part(&snapshot->lineup, task, a->policy->rung[i], &one->weight);
        if (!one->part && rung == TDL_RUNGS_N)
            continue; // it is not in this model
        if (!one->part && !(one->part = part_of_rung(a, rung)))
            return tdl_answer_no_memory(why);
        a->asked_n++;
    }
    level(a);
    return TDL_OK;
}

/* ---- saved ---- */

static void list_names(const tdl_snapshot *snapshot, bool similar, tdl_buf *ret)
{
    const size_t contenders_n = similar ? 0 : tdl_contenders_n;

    for (size_t i = 0; i < TDL_RUNGS_N + contenders_n; i++) {
        bool of_ladder = i < TDL_RUNGS_N;
        tdl_str name =
            tdl_str_of(of_ladder ? tdl_ladder[i]->name : tdl_contenders[i - TDL_RUNGS_N].name);
        bool told = !of_ladder && tdl_ladder_find(name) < TDL_RUNGS_N && has(snapshot, false, name);
        if (!told && has(snapshot, similar, name))
            tdl_buf_printf(ret, "%s%.*s", ret->len ? ", " : "", TDL_FMT(name));
    }
}

tdl_status tdl_rungs_check(tdl_app *app, tdl_surface_kind kind, const tdl_policy *policy,
                           tdl_report *why)
{
    bool similar = kind == TDL_SURFACE_SIMILAR;
    tdl_serving *serving = tdl_serving_take(app);
    tdl_status st = TDL_OK;

    for (size_t i = 0; serving && !st && i < policy->rungs_n; i++) {
        tdl_buf names = {0};
        if (has(serving->snapshot, similar, policy->rung[i]))
            continue;
        list_names(serving->snapshot, similar, &names);
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "\"auto\" leaves it to what was measured",
                           "rungs[%zu]: the model that serves has no \"%.*s\"%s; it has %.*s", i,
                           TDL_FMT(policy->rung[i]), similar ? " that knows what is similar" : "",
                           TDL_FMT(tdl_buf_view(&names)));
        tdl_buf_release(&names);
    }
    tdl_serving_drop(serving);
    return st;
}

#include "apps/recommend/weighing_fit.h"

#include "apps/recommend/decay.h"
#include "apps/recommend/rung_trial.h"

enum { PURCHASES_LEAST = 1000, PURCHASE_DAYS = 30, PEOPLE_LEAST = 50 };

/* Events from `from_us` on that are of one of these kinds. */
static size_t count_kinds(const tdl_feedback *f, uint32_t kinds, int64_t from_us)
{
    const tdl_interactions *all = tdl_feedback_all(f);
    size_t n = 0;

    for (size_t i = 0; kinds && i < all->offsets[all->users_n]; i++)
        n += all->time_us[i] >= from_us && tdl_feedback_kinds_of(f, i) & kinds;
    return n;
}

tdl_str tdl_target_of(const tdl_feedback *f, tdl_str wanted)
{
    const tdl_str purchase = TDL_STR("purchase"), click = TDL_STR("click"), view = TDL_STR("view");
    int64_t first_us, last_us;

    if (tdl_feedback_kind_bit(f, wanted))
        return wanted;
    tdl_feedback_span(f, &first_us, &last_us);
    int64_t from_us = last_us > INT64_MIN + PURCHASE_DAYS * TDL_DAY_US
                          ? last_us - PURCHASE_DAYS * TDL_DAY_US
                          : last_us;
    if (count_kinds(f, tdl_feedback_kind_bit(f, purchase), from_us) >= PURCHASES_LEAST)
        return purchase;
    size_t clicks = count_kinds(f, tdl_feedback_kind_bit(f, click), INT64_MIN),
           views = count_kinds(f, tdl_feedback_kind_bit(f, view), INT64_MIN);
    return clicks || views ? (clicks > views ? click : view) : (tdl_str){0};
}

static tdl_status measure(const tdl_holdout *split, tdl_pool *pool, double *ret, tdl_report *why)
{
    static const tdl_rung_ops *const rungs[] = {&tdl_rung_decayed, &tdl_rung_directed};
    enum { RUNGS = sizeof rungs / sizeof *rungs };
    tdl_status st = TDL_OK;

    *ret = 0;
    for (size_t r = 0; !st && r < RUNGS; r++) {
        tdl_fit_options fit = {.pool = pool};
        tdl_rung_trial trial = {0};
        if ((st = tdl_rung_trial_run(split, rungs[r], &fit, &trial, NULL, why)))
            break;
        *ret += tdl_rung_trial_ndcg10(split, &trial) / RUNGS;
        tdl_rung_trial_release(&trial);
    }
    return st;
}

tdl_status tdl_weighing_choose(tdl_feedback *f, tdl_str target, tdl_cut window, tdl_pool *pool,
                               tdl_weighing_choice *ret, tdl_report *why)
{
    const tdl_interactions *all = tdl_feedback_all(f);
    uint32_t kinds = tdl_feedback_kind_bit(f, target);
    bool enough = count_kinds(f, kinds, INT64_MIN) < all->offsets[all->users_n];
    tdl_status st = TDL_OK;

    *ret = (tdl_weighing_choice){0};
    window.kinds = kinds;
    for (size_t w = 0; kinds && enough && !st && w < TDL_WEIGHINGS_N; w++) {
        tdl_holdout split;
        tdl_cut_facts facts;
        if ((st = tdl_feedback_weigh(f, kinds, tdl_weighing_of((tdl_weighing)w, true),
                                     tdl_weighing_of((tdl_weighing)w, false), why)) ||
            (st = tdl_cut_split(f, TDL_RECOMMEND_DISCOVERY, window, &split, &facts, why)))
            break;
        if ((enough = split.questions_n >= PEOPLE_LEAST)) {
            ret->questions_n = split.questions_n;
            st = measure(&split, pool, &ret->ndcg10[w], why);
        }
        if (!st && ret->ndcg10[w] > ret->ndcg10[ret->chosen])
            ret->chosen = (tdl_weighing)w;
        tdl_holdout_release(&split);
    }
    return st ? st
              : tdl_feedback_weigh(f, kinds, tdl_weighing_of(ret->chosen, true),
                                   tdl_weighing_of(ret->chosen, false), why);
}

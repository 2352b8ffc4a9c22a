#include <stdio.h>

#include "apps/recommend/contest_parts.h"

/* Choosing again, as a contest whose tuning window is the newest. */
typedef struct renewing {
    tdl_rung_contest *contest;
    tdl_rung_contest late;         /* its entries are the parts alone */
    size_t of[TDL_CONTENDERS_MAX]; /* [late.entries_n] their entries of the contest */
} renewing;

static tdl_status choose_again(renewing *n, tdl_contest_run *r, size_t at, tdl_report *why)
{
    tdl_rung_contest *c = n->contest;
    const tdl_contender *contender = c->entry[at].contender;
    bool tuned = tdl_rung_contest_tuned(c, r->options, contender);

    if (c->entry[at].refused[0] || tdl_rung_contest_tuned(&n->late, r->options, contender) != tuned)
        return TDL_OK;
    n->of[n->late.entries_n] = at;
    return tdl_contest_choose(r, contender, 1, 0, why);
}

static void take_settings(renewing *n)
{
    for (size_t i = 0; i < n->late.entries_n; i++) {
        const tdl_rung_entry *from = &n->late.entry[i];
        tdl_rung_entry *to = &n->contest->entry[n->of[i]];
        if (from->refused[0])
            continue;
        to->chosen = from->chosen;
        snprintf(to->setting, sizeof to->setting, "%s", from->setting);
    }
}

/* Of a part that was not chosen again the weight is 0. */
static void take_weights(const renewing *n, const tdl_contest_run *r, tdl_rung_entry *blend)
{
    for (size_t p = 0; p < blend->parts_n; p++) {
        blend->weight[p] = 0;
        for (size_t i = 0; i < r->blend.n; i++)
            if (n->of[r->part[i]] == blend->part[p])
                blend->weight[p] = r->blend.weight[i];
    }
    tdl_contest_say_weights(n->contest, blend);
}

tdl_status tdl_contest_renew(tdl_rung_contest *c, const tdl_rung_contest_options *options,
                             tdl_report *why)
{
    tdl_rung_entry *serves = &c->entry[c->serves];
    renewing n = {.contest = c, .late = {.task = c->task}};
    tdl_contest_run r = {.contest = &n.late, .options = options};
    tdl_status st = TDL_OK;

    if (!c->cuts_n || c->heat[c->cuts_n - 1].split.questions_n < TDL_GATE_PEOPLE_MIN)
        return TDL_OK;
    n.late.tuning = c->heat[c->cuts_n - 1]; // borrowed
    if (serves->contender)
        st = choose_again(&n, &r, c->serves, why);
    for (size_t p = 0; !st && !serves->contender && p < serves->parts_n; p++)
        st = choose_again(&n, &r, serves->part[p], why);
    if (!st && !serves->contender)
        st = tdl_contest_fit_blend(&r, why);
    if (!st) {
        take_settings(&n);
        if (r.blend.n)
            take_weights(&n, &r, serves);
    }
    tdl_contest_release_choices(&r);
    return st;
}

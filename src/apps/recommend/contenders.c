#include "apps/recommend/contenders.h"

#include <stdio.h>

#include "apps/recommend/behaviour.h"
#include "apps/recommend/decayed.h"
#include "apps/recommend/directed.h"

const char *const tdl_recommend_task_name[TDL_RECOMMEND_TASKS_N] = {"next", "discovery", "cart",
                                                                    "strangers"};

static const tdl_decayed_params all_time[] = {{0}};
static const tdl_decayed_params of_late[] = {{1.0 / 24}, {1}, {7}, {14}, {30}, {90}, {365}};
static const tdl_own_params own[] = {{0, 14}, {365, 14}, {90, 14}, {30, 14}};

/* The defaults, what shops want (groups without an inner order, popular items damped), and steps
 * from both. */
static const tdl_directed_params directed[] = {
    {10, .8, .3, 0, 5, 0, 10, .7, .65, 0, 0, 0},  {10, .8, .3, 0, 5, 0, 10, .7, .65, 0, 0, .5},
    {10, .8, .3, 0, 5, 0, 3, .5, .65, 0, 0, 0},   {10, .8, 0, 0, 5, 0, 10, .7, .5, 0, 0, 0},
    {5, .6, .3, 0, 5, 0, 10, .7, .65, 0, 0, 0},   {5, .6, .3, 0, 5, 0, 3, .5, .65, 0, 0, 0},
    {10, .8, .3, .5, 5, 0, 10, .7, .65, 0, 0, 0}, {10, .8, .3, 0, 20, 0, 10, .7, .65, 0, .3, 0},
    {3, .7, .3, 1, 60, 0, 3, .7, .65, 0, .75, 0}, {3, .7, .3, 1, 60, 0, 3, .7, 1, 60, .75, 0},
    {3, .7, .3, 1, 60, 0, 10, .8, 1, 60, .75, 0}, {3, .7, .3, 1, 20, 0, 3, .7, 1, 0, .5, 0},
    {1, 1, .3, 1, 1, 0, 10, .9, .3, 0, .3, 0},    {1, 1, .3, 1, 5, 0, 10, .9, .3, 0, 0, 0},
    {1, 1, .3, 1, 60, 0, 1, 1, 1, 180, .75, 0},   {1, 1, .3, 1, 20, 0, 1, 1, 1, 0, .5, 0},
};

/* Slower and longer than what a server takes in the background: nobody waits for an answer. */
static const tdl_behaviour_params behaviour[] = {
    {.tokens_max = 6500000, .rate = 1e-3, .patience = 6}};

#define SETTINGS(table)                                                                            \
    .settings = (table), .settings_size = sizeof *(table),                                         \
    .settings_n = sizeof(table) / sizeof *(table)

enum {
    NEXT = 1 << TDL_RECOMMEND_NEXT,
    DISCOVERY = 1 << TDL_RECOMMEND_DISCOVERY,
    CART = 1 << TDL_RECOMMEND_CART,
    STRANGERS = 1 << TDL_RECOMMEND_STRANGERS
};

/* Popularity of all time stands behind that of late: both are counts, and who is new to a shop is
 * shown what is wanted now unless the other is proven better. */
/* clang-format off: one a line */
const tdl_contender tdl_contenders[] = {
    {.name = "recent-popularity",
     .rung = &tdl_rung_decayed,
     .tasks = NEXT | DISCOVERY | CART | STRANGERS,
     .in_blend = true,
     SETTINGS(of_late)},
    {.name = "popularity",
     .rung = &tdl_rung_decayed,
     .tasks = NEXT | DISCOVERY | CART | STRANGERS,
     SETTINGS(all_time)},
    {.name = "own-history",
     .rung = &tdl_rung_own,
     .tasks = NEXT,
     .in_blend = true,
     .own = true,
     SETTINGS(own)},
    {.name = "directed",
     .rung = &tdl_rung_directed,
     .tasks = NEXT | DISCOVERY | CART,
     .in_blend = true,
     SETTINGS(directed)},
    {.name = "ease",
     .rung = &tdl_rung_ease,
     .tasks = NEXT | DISCOVERY | CART,
     .in_blend = true,
     .numbered_n = 20,
     .items_max = 6000},
    {.name = "ials",
     .rung = &tdl_rung_ials,
     .tasks = NEXT | DISCOVERY | CART,
     .in_blend = true,
     .numbered_n = 16,
     .columns = 4,
     .usual_column = 2,
     .items_max = 100000},
    {.name = "content",
     .rung = &tdl_rung_content,
     .tasks = NEXT | DISCOVERY | CART,
     .numbered_n = TDL_CONTENT_KAPPAS,
     .items_max = 100000,
     .by_content = true},
    {.name = "behaviour",
     .rung = &tdl_rung_behaviour,
     .tasks = NEXT | DISCOVERY,
     .in_blend = true,
     .patient = true,
     SETTINGS(behaviour)},
};
/* clang-format on */
const size_t tdl_contenders_n = sizeof tdl_contenders / sizeof tdl_contenders[0];

static void say_half_life(char ret[TDL_SETTING_TEXT], double days)
{
    if (days > 0)
        snprintf(ret, TDL_SETTING_TEXT, days < 1 ? "half-life %.3g d" : "half-life %g d", days);
    else
        snprintf(ret, TDL_SETTING_TEXT, "all time");
}

static void say_directed(char ret[TDL_SETTING_TEXT], const tdl_directed_params *p)
{
    char age[32] = "";

    if (p->half_life_days > 0)
        snprintf(age, sizeof age, ", half-life %g d", p->half_life_days);
    snprintf(ret, TDL_SETTING_TEXT,
             "p %g, W %zu, g %g, sym %g, same %g, c %g, damp %g, L %zu, gi %g, q %g%s",
             p->size_power, p->window, p->step_decay, p->backward, p->same_group, p->shrinkage,
             p->damping, p->recent, p->recency, p->query_power, age);
}

void tdl_contender_setting(const tdl_contender *c, size_t at, char ret[TDL_SETTING_TEXT])
{
    ret[0] = '\0';
    if (c->rung == &tdl_rung_content)
        snprintf(ret, TDL_SETTING_TEXT, "kappa %g", tdl_content_kappa[at]);
    else if (c->numbered_n)
        snprintf(ret, TDL_SETTING_TEXT, "setting %zu of %u", at + 1, c->numbered_n);
    else if (c->settings == of_late || c->settings == all_time)
        say_half_life(ret, ((const tdl_decayed_params *)c->settings)[at].half_life_days);
    else if (c->settings == own)
        say_half_life(ret, ((const tdl_own_params *)c->settings)[at].half_life_days);
    else if (c->settings == directed)
        say_directed(ret, &((const tdl_directed_params *)c->settings)[at]);
}

/* Who takes part in offline evaluation, simplest first, and the settings each may choose from.
 *
 * A contender's setting is chosen on an earlier window, once for each task; tests decide nothing.
 * Adding a rung is one line in contenders.c.
 */
#ifndef TDL_APPS_RECOMMEND_CONTENDERS_H
#define TDL_APPS_RECOMMEND_CONTENDERS_H

#include "apps/recommend/rung.h"

/* What is asked. */
typedef enum tdl_recommend_task {
    TDL_RECOMMEND_NEXT,      /* the next group, whatever is in it */
    TDL_RECOMMEND_DISCOVERY, /* the items of it that the person did not have */
    TDL_RECOMMEND_CART,      /* one hidden item of a group, from the others */
    TDL_RECOMMEND_STRANGERS, /* the first group of people nobody knew */
    TDL_RECOMMEND_TASKS_N
} tdl_recommend_task;

extern const char *const
    tdl_recommend_task_name[TDL_RECOMMEND_TASKS_N]; /* "next", "discovery", "cart", "strangers" */

typedef struct tdl_contender {
    const char *name;
    const tdl_rung_ops *rung;
    unsigned tasks; /* bit 1 << tdl_recommend_task: takes part in */
    bool in_blend;  /* one of what the blend is made of */
    bool own;       /* scores what the person had before: scaled by its largest, not its tenth */
    /* Settings to choose from: [settings_n] of settings_size bytes at `settings`, given to the rung
     * as tdl_fit_options.params; NULL = the rung's defaults alone. */
    const void *settings;
    size_t settings_size, settings_n;
    /* or numbers 1 .. numbered_n, given as tdl_fit_options.setting, if the rung counts them */
    unsigned numbered_n;
    /* of those, settings that differ in one way stand beside each other, so many: the other way is
     * chosen first, at usual_column. 0: each is tried. */
    unsigned columns, usual_column;
    bool patient;     /* its settings take longer than a server has; there its defaults stand in */
    size_t items_max; /* of more items its default serves: a fit takes long; 0 = any */
    bool by_content;  /* takes part where items say anything of themselves */
} tdl_contender;

extern const tdl_contender tdl_contenders[];
extern const size_t tdl_contenders_n;
enum { TDL_CONTENDERS_MAX = 12, TDL_SETTING_TEXT = 240, TDL_RUNG_BLEND_MAX = 8 };

/* Of "content" (content_rung.c): the events by which an item's content weighs half. */
enum { TDL_CONTENT_KAPPAS = 6 };
extern const double tdl_content_kappa[TDL_CONTENT_KAPPAS];

/* Setting `at` of a contender, for people: "p 1, W 3, half-life 60 d". Empty when it has none. */
void tdl_contender_setting(const tdl_contender *contender, size_t at, char ret[TDL_SETTING_TEXT]);

#endif

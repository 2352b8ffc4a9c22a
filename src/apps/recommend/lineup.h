/* A line-up: who serves each task. A part is one contender with the settings chosen for it, fitted
 * on everything; a mix is a part, or several with the weights of a blend (rung_blend.h).
 *
 * Life cycle   zeroed -> tdl_lineup_fit (lineup_fit.h) or tdl_lineup_load -> tdl_lineup_release
 * Threads      immutable once made
 *
 * In a snapshot a line-up is the metadata "lineup", a JSON object, and the tensors of each part,
 * with "part0/", "part1/", ... in front of the names that its rung gives them:
 *
 *     {"parts": [{"model": "directed", "setting": "p 1, W 3", "baskets": false}],
 *      "target": "purchase", "weights": "target 3",      left out where all count alike
 *      "tasks": {"discovery": {"parts": [0, 2], "weights": [1, 0.4]}}}
 */
#ifndef TDL_APPS_RECOMMEND_LINEUP_H
#define TDL_APPS_RECOMMEND_LINEUP_H

#include "apps/recommend/contenders.h"
#include "apps/recommend/directed.h"
#include "apps/recommend/scan.h"
#include "apps/recommend/weighing.h"

enum { TDL_PARTS_MAX = 32 };

typedef struct tdl_part {
    const tdl_contender *contender;
    void *model;                    /* owned */
    tdl_scan *scan;                 /* of its vectors; NULL: each item is scored */
    bool baskets;                   /* learnt from baskets, not from people */
    char setting[TDL_SETTING_TEXT]; /* for people; empty = it has none */
} tdl_part;

typedef struct tdl_mix {
    size_t n;                          /* 0: not measured */
    size_t part[TDL_RUNG_BLEND_MAX];   /* [n] indexes into the line-up's parts, each once */
    double weight[TDL_RUNG_BLEND_MAX]; /* [n] above 0 */
} tdl_mix;

typedef struct tdl_lineup {
    tdl_part part[TDL_PARTS_MAX]; /* [parts_n] */
    size_t parts_n;
    tdl_weighing
        weighing; /* how its parts counted events by their kind, for targets of this kind */
    char target[TDL_TARGET_MAX + 1];
    tdl_mix task[TDL_RECOMMEND_TASKS_N];
} tdl_lineup;

/* Of a part of directed counts: its settings, as live counts keep them. Each basket was a row of
 * its own: nothing is counted from one to the next. */
tdl_directed_params tdl_part_directed(const tdl_part *part);

void tdl_lineup_release(tdl_lineup *lineup); /* accepts a zeroed one */
size_t tdl_lineup_bytes(const tdl_lineup *lineup);

/* Let parts whose scores are inner products be scanned, where there are items_min items: below, a
 * score of each is as quick. TDL_E_NO_MEMORY; a part that no scan takes is scored as before. */
enum { TDL_SCAN_ITEMS_MIN = 20000 };
tdl_status tdl_lineup_index(tdl_lineup *lineup, size_t items_n, size_t items_min, tdl_report *why);

/* What save lends to the writer lives in the models. Nothing is written of an empty line-up. */
void tdl_lineup_save(const tdl_lineup *lineup, tdl_st_writer *writer);
/* ret: zeroed; stays so where the file has none, as older ones do. Sets the file's prefix, and back
 * to none. TDL_E_CORRUPT (which part, what) | TDL_E_NO_MEMORY: what was read is to be released. */
tdl_status tdl_lineup_load(tdl_st_file *file, size_t items_n, tdl_lineup *ret, tdl_report *why);

#endif

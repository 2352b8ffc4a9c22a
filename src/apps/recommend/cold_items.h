/* Cold items: how well are those found that nobody had yet, by what they say of themselves?
 *
 * Items are parted into ten by crc32 of their id. In each of ten rounds one part is cold: its
 * events are in no history and nothing is learnt from them. iALS++ is fitted on what people did
 * before their last group, content codes are mapped into its space (content_map.h), and each person
 * is asked about his last group: each target by itself, among all items that he did not have, warm
 * and cold in one list. So each target is cold once and warm in the other rounds.
 *
 *     warm item    log((s + e) / (s_10 + e)) of its score by iALS++, among warm items
 *     cold item    the same of its score by content, among all items, plus `boost`
 *
 * By content is one of: the mapped vector's product with the person's, the cosine with the person's
 * taste (content.h), or both log-odds summed. Which, and the boost, are chosen on every other
 * person: the best warm hit rate among those that give cold items at least half of it, by one
 * standard error or more (Breiman et al., 1984: a choice at the edge of what was measured falls
 * short of it elsewhere every second time). The others are reported. It has to be a choice: an item
 * nobody had takes the place of one that is known to sell, and the curve tells at what price.
 *
 * Leaves the future of others in, as leave-last-out does: for comparing warm with cold.
 */
#ifndef TDL_APPS_RECOMMEND_COLD_ITEMS_H
#define TDL_APPS_RECOMMEND_COLD_ITEMS_H

#include "apps/recommend/content_code.h"
#include "apps/recommend/rung_contest.h"
#include "base/json.h"
#include "stats/bootstrap.h"

typedef enum tdl_cold_way {
    TDL_COLD_MAP,
    TDL_COLD_TASTE,
    TDL_COLD_BOTH,
    TDL_COLD_WAYS_N
} tdl_cold_way;
extern const char *const tdl_cold_way_name[TDL_COLD_WAYS_N]; /* "map", "taste", "map + taste" */

enum { TDL_COLD_BOOSTS = 13, TDL_COLD_ROUNDS = 10, TDL_COLD_PEOPLE_MAX = 2000 };
extern const double tdl_cold_boost[TDL_COLD_BOOSTS]; /* rising; the first is "never" */

/* Hit rates at 10, of people. */
typedef struct tdl_cold_point {
    double warm, cold, slots; /* slots: share of the first ten that cold items take */
} tdl_cold_point;

typedef struct tdl_cold_items {
    size_t items_n, described_n, people_n, tuned_n;         /* people reported; tuned on */
    size_t targets_n;                                       /* of both */
    double explained, lambda;                               /* of the map, mean over the rounds */
    tdl_cold_point curve[TDL_COLD_WAYS_N][TDL_COLD_BOOSTS]; /* of the people reported */
    tdl_cold_way way;                                       /* chosen */
    size_t boost;                                           /* index */
    bool reached; /* half of the warm rate, surely, on those tuned on */
    tdl_interval warm, cold;
} tdl_cold_items;

/*   code     [items of the log]
 *   returns  TDL_OK | TDL_E_INVALID (too few items say anything; nobody has two groups) |
 *            TDL_E_NO_MEMORY | TDL_E_STOPPED */
tdl_status tdl_cold_items_run(const tdl_feedback *feedback, const tdl_content_code *code,
                              const tdl_rung_contest_options *options, tdl_cold_items *ret,
                              tdl_report *why);

/* One object: the task "cold-items". */
void tdl_cold_items_write(tdl_jw *w, const tdl_cold_items *cold);

#endif

/* The report of cold items: see cold_items.h. */
#include "apps/recommend/cold_items.h"
#include "apps/recommend/write_figure.h"

static void write_point(tdl_jw *w, const tdl_cold_point *p, size_t boost)
{
    tdl_jw_object(w);
    if (boost)
        tdl_jw_knumber(w, "boost", tdl_cold_boost[boost]);
    else
        tdl_jw_ktext(w, "boost", "never");
    tdl_jw_knumber(w, "warm_hr10", tdl_rounded(p->warm));
    tdl_jw_knumber(w, "cold_hr10", tdl_rounded(p->cold));
    tdl_jw_knumber(w, "cold_slots", tdl_rounded(p->slots));
    tdl_jw_end_object(w);
}

static void write_curve(tdl_jw *w, const tdl_cold_items *c, size_t way)
{
    tdl_jw_object(w);
    tdl_jw_ktext(w, "way", tdl_cold_way_name[way]);
    tdl_jw_key(w, "points");
    tdl_jw_array(w);
    for (size_t at = 0; at < TDL_COLD_BOOSTS; at++)
        write_point(w, &c->curve[way][at], at);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

void tdl_cold_items_write(tdl_jw *w, const tdl_cold_items *c)
{
    double warm = c->warm.mean;

    tdl_jw_object(w);
    tdl_jw_ktext(w, "task", "cold-items");
    tdl_jw_ktext(w, "ranking", "each target among all items, warm and cold in one list");
    tdl_jw_kint(w, "items", (int64_t)c->items_n);
    tdl_jw_kint(w, "described", (int64_t)c->described_n);
    tdl_jw_kint(w, "people", (int64_t)c->people_n);
    tdl_jw_kint(w, "people_tuned_on", (int64_t)c->tuned_n);
    tdl_jw_kint(w, "targets", (int64_t)c->targets_n);
    tdl_jw_knumber(w, "cold_share", 1.0 / TDL_COLD_ROUNDS);
    tdl_jw_knumber(w, "map_explained", tdl_rounded(c->explained));
    tdl_jw_knumber(w, "map_lambda", tdl_rounded(c->lambda));
    tdl_jw_ktext(w, "way", tdl_cold_way_name[c->way]);
    tdl_jw_knumber(w, "boost", tdl_cold_boost[c->boost]);
    tdl_write_interval(w, "warm_hr10", &c->warm);
    tdl_write_interval(w, "cold_hr10", &c->cold);
    tdl_jw_knumber(w, "cold_of_warm", warm > 0 ? tdl_rounded(c->cold.mean / warm) : 0);
    tdl_jw_knumber(w, "cold_slots", tdl_rounded(c->curve[c->way][c->boost].slots));
    tdl_jw_knumber(w, "warm_hr10_without_cold", tdl_rounded(c->curve[c->way][0].warm));
    tdl_jw_knumber(w, "cold_hr10_without_content", 0);
    tdl_jw_key(w, "curves");
    tdl_jw_array(w);
    for (size_t k = 0; k < TDL_COLD_WAYS_N; k++)
        write_curve(w, c, k);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

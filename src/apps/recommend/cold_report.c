/* The report of cold items: see cold_items.h. */
#include <math.h>

#include "apps/recommend/cold_items.h"

static double rounded(double value)
{
    return round(value * 1e6) / 1e6;
}

static void write_interval(tdl_jw *w, const char *name, const char *low, const char *high,
                           const tdl_interval *i)
{
    tdl_jw_knumber(w, name, rounded(i->mean));
    tdl_jw_knumber(w, low, rounded(i->low));
    tdl_jw_knumber(w, high, rounded(i->high));
}

static void write_point(tdl_jw *w, const tdl_cold_point *p, size_t boost)
{
    tdl_jw_object(w);
    if (boost)
        tdl_jw_knumber(w, "boost", tdl_cold_boost[boost]);
    else
        tdl_jw_ktext(w, "boost", "never");
    tdl_jw_knumber(w, "warm_hr10", rounded(p->warm));
    tdl_jw_knumber(w, "cold_hr10", rounded(p->cold));
    tdl_jw_knumber(w, "cold_slots", rounded(p->slots));
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
    tdl_jw_knumber(w, "map_explained", rounded(c->explained));
    tdl_jw_knumber(w, "map_lambda", rounded(c->lambda));
    tdl_jw_ktext(w, "way", tdl_cold_way_name[c->way]);
    tdl_jw_knumber(w, "boost", tdl_cold_boost[c->boost]);
    write_interval(w, "warm_hr10", "warm_hr10_low", "warm_hr10_high", &c->warm);
    write_interval(w, "cold_hr10", "cold_hr10_low", "cold_hr10_high", &c->cold);
    tdl_jw_knumber(w, "cold_of_warm", warm > 0 ? rounded(c->cold.mean / warm) : 0);
    tdl_jw_knumber(w, "cold_slots", rounded(c->curve[c->way][c->boost].slots));
    tdl_jw_knumber(w, "warm_hr10_without_cold", rounded(c->curve[c->way][0].warm));
    tdl_jw_knumber(w, "cold_hr10_without_content", 0);
    tdl_jw_key(w, "curves");
    tdl_jw_array(w);
    for (size_t k = 0; k < TDL_COLD_WAYS_N; k++)
        write_curve(w, c, k);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

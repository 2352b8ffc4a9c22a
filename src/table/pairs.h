/* Columns that belong together, told by their names alone: places on a map, and counts that mean
 * more per unit. Deliberately few rules; case does not matter. */
#ifndef TDL_TABLE_PAIRS_H
#define TDL_TABLE_PAIRS_H

#include "base/str.h"

/* Are they the two coordinates of one place? latitude or lat with longitude, long, lon or lng; x
 * with y; also behind a shared beginning: pickup_lat, pickup_lon. In that order. */
bool tdl_pairs_coordinates(tdl_str first, tdl_str second);

/* What others are counted per: households, users, visits, sessions, customers, orders. */
bool tdl_pairs_unit(tdl_str name);
/* A count or sum: total_..., num_..., n_..., ..._total, ..._count, population. */
bool tdl_pairs_count(tdl_str name);

#endif

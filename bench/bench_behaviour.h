/* The behaviour model's rows of `treadle bench recommend`. */
#ifndef TDL_BENCH_BEHAVIOUR_H
#define TDL_BENCH_BEHAVIOUR_H

#include "bars.h"

tdl_status tdl_bench_behaviour(bool quiet, tdl_bars *bars, tdl_report *why);

#endif

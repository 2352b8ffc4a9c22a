/* Bars: what a benchmark claims, beside what it is compared with. Printed, never stored. */
#ifndef TDL_BENCH_BARS_H
#define TDL_BENCH_BARS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/report.h"

typedef enum tdl_bar_kind {
    TDL_BAR_AT_LEAST,
    TDL_BAR_AT_MOST,
    TDL_BAR_NONE /* only shown */
} tdl_bar_kind;

typedef struct tdl_bar {
    char name[96];
    double value;
    const char *unit; /* "ratio", "bytes", "us", "1/s" */
    tdl_bar_kind kind;
    double bound;     /* of `value`; TDL_BAR_NONE: unused */
    const char *peer; /* what `value` is measured against */
    double peer_value;
} tdl_bar;

enum { TDL_BARS_MAX = 128 };
typedef struct tdl_bars {
    tdl_bar bar[TDL_BARS_MAX];
    size_t n;
} tdl_bars;

/* Add one; `format` names it. More than TDL_BARS_MAX are dropped. */
void tdl_bars_add(tdl_bars *bars, tdl_bar bar, const char *format, ...) TDL_PRINTF(3, 4);
/* One that must not be above `bound`. */
void tdl_bars_at_most(tdl_bars *bars, const char *name, double value, const char *unit,
                      double bound, const char *peer, double peer_value);
bool tdl_bar_ok(const tdl_bar *bar);

/* Each benchmark fills in its bars; `quiet` suppresses progress. */
tdl_status tdl_bench_answers(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_behaviour(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_audit(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_compress(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_counts(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_engine(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_fashion(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_flags(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_flags_http(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_gemm(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_ingest(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_insight(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_predict(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_publish(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_fits(bool quiet, tdl_bars *bars, tdl_report *why); /* EASE and iALS++ */
tdl_status tdl_bench_recommend(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_retail(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_scan(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_transformer(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_serve(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_series(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_tables(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_transfer(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_trees(bool quiet, tdl_bars *bars, tdl_report *why);
tdl_status tdl_bench_vit(bool quiet, tdl_bars *bars, tdl_report *why);

/* The middle of three measurements. */
double tdl_median3(const double value[3]);

#endif

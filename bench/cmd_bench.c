/* treadle bench [NAME]: measure, compare in the same run, say which stated bars are met. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bars.h"
#include "base/json.h"
#include "cli/commands.h"

/* clang-format off */
static const struct {
    const char *name;
    tdl_status (*run)(bool quiet, tdl_bars *bars, tdl_report *why);
    bool by_name_only; /* a part of another, or minutes long */
} benches[] = {
    {"answers", tdl_bench_answers, true},
    {"audit", tdl_bench_audit, false},
    {"behaviour", tdl_bench_behaviour, true},
    {"compress", tdl_bench_compress, false},
    {"counts", tdl_bench_counts, true},
    {"engine", tdl_bench_engine, false},
    {"fashion", tdl_bench_fashion, true},
    {"fits", tdl_bench_fits, true},
    {"flags", tdl_bench_flags, false},
    {"gemm", tdl_bench_gemm, true},
    {"ingest", tdl_bench_ingest, false},
    {"insight", tdl_bench_insight, false},
    {"predict", tdl_bench_predict, true},
    {"publish", tdl_bench_publish, true},
    {"recommend", tdl_bench_recommend, true},
    {"retail", tdl_bench_retail, true},
    {"scan", tdl_bench_scan, true},
    {"serve", tdl_bench_serve, false},
    {"series", tdl_bench_series, true},
    {"tables", tdl_bench_tables, true},
    {"transfer", tdl_bench_transfer, false},
    {"transformer", tdl_bench_transformer, true},
    {"trees", tdl_bench_trees, false},
    {"vit", tdl_bench_vit, true},
};
/* clang-format on */
enum { BENCHES_N = sizeof benches / sizeof benches[0] };

void tdl_bars_add(tdl_bars *bars, tdl_bar bar, const char *format, ...)
{
    va_list arguments;

    if (bars->n == TDL_BARS_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(bar.name, sizeof bar.name, format, arguments);
    va_end(arguments);
    bars->bar[bars->n++] = bar;
}

void tdl_bars_at_most(tdl_bars *bars, const char *name, double value, const char *unit,
                      double bound, const char *peer, double peer_value)
{
    tdl_bars_add(bars,
                 (tdl_bar){.value = value,
                           .unit = unit,
                           .kind = TDL_BAR_AT_MOST,
                           .bound = bound,
                           .peer = peer,
                           .peer_value = peer_value},
                 "%s", name);
}

bool tdl_bar_ok(const tdl_bar *bar)
{
    switch (bar->kind) {
    case TDL_BAR_AT_LEAST:
        return bar->value >= bar->bound;
    case TDL_BAR_AT_MOST:
        return bar->value <= bar->bound;
    case TDL_BAR_NONE:
        break;
    }
    return true;
}

double tdl_median3(const double v[3])
{
    double low = v[0] < v[1] ? v[0] : v[1], high = v[0] < v[1] ? v[1] : v[0];

    return v[2] < low ? low : v[2] > high ? high : v[2];
}

static void print_json(const tdl_bars *bars)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    tdl_jw_key(&w, "bars");
    tdl_jw_array(&w);
    for (size_t i = 0; i < bars->n; i++) {
        const tdl_bar *bar = &bars->bar[i];
        tdl_jw_object(&w);
        tdl_jw_ktext(&w, "name", bar->name);
        tdl_jw_knumber(&w, "value", bar->value);
        tdl_jw_ktext(&w, "unit", bar->unit);
        if (bar->kind != TDL_BAR_NONE)
            tdl_jw_knumber(&w, bar->kind == TDL_BAR_AT_LEAST ? "at_least" : "at_most", bar->bound);
        tdl_jw_ktext(&w, "peer", bar->peer);
        tdl_jw_knumber(&w, "peer_value", bar->peer_value);
        tdl_jw_kbool(&w, "ok", tdl_bar_ok(bar));
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    printf("%.*s\n", (int)out.len, out.at);
    tdl_buf_release(&out);
}

static void print_text(const tdl_bars *bars)
{
    for (size_t i = 0; i < bars->n; i++) {
        const tdl_bar *bar = &bars->bar[i];
        char bound[48] = "";
        if (bar->kind != TDL_BAR_NONE)
            snprintf(bound, sizeof bound, "%s %.4g: %s",
                     bar->kind == TDL_BAR_AT_LEAST ? ">=" : "<=", bar->bound,
                     tdl_bar_ok(bar) ? tdl_tr("met", "达到") : tdl_tr("NOT MET", "未达到"));
        printf("%-46s %10.4g %-6s %-20s | %s %.4g\n", bar->name, bar->value, bar->unit, bound,
               bar->peer, bar->peer_value);
    }
}

static tdl_status run_bench(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    const char *only = arguments[0]; /* NULL: all */
    static tdl_bars bars;
    bool any = false, all_ok = true;

    for (size_t i = 0; i < BENCHES_N; i++) {
        if (only ? strcmp(only, benches[i].name) != 0 : benches[i].by_name_only)
            continue;
        any = true;
        tdl_status st = benches[i].run(common->quiet, &bars, why);
        if (st)
            return st;
    }
    if (!any)
        return TDL_FAIL_HINT(why, TDL_E_USAGE,
                             "there are compress, engine (its parts: gemm, transformer, publish, "
                             "fashion), "
                             "ingest, insight, serve, transfer, trees and vit (minutes)",
                             "there is no benchmark \"%s\"", only);
    if (common->json)
        print_json(&bars);
    else
        print_text(&bars);
    for (size_t i = 0; i < bars.n; i++)
        all_ok &= tdl_bar_ok(&bars.bar[i]);
    return all_ok ? TDL_OK : TDL_E_BAR;
}

const tdl_command tdl_command_bench = {
    .name = "bench",
    .arguments = "[NAME]",
    .optional_n = 1,
    .values_size = sizeof(tdl_common),
    .summary = {"measure beside peers and limits in one run", "在同一次运行中与同类或极限比较"},
    .examples = "  treadle bench\n"
                "  treadle bench ingest --json\n",
    .run = run_bench,
};

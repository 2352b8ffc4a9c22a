/* Lines of metrics: bounds hold, and it does not matter where the bytes are cut. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "train/runs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bounds(const tdl_curves *curves, size_t size)
{
    tdl_metric_point point[TDL_SERIES_POINTS_MAX];

    if (curves->next > size || curves->series_n > TDL_SERIES_MAX ||
        curves->line.len > TDL_METRICS_LINE_MAX)
        abort();
    for (size_t i = 0; i < curves->series_n; i++) {
        const tdl_series *s = curves->series[i];
        size_t n = tdl_series_points(s, point);
        if (n > TDL_SERIES_POINTS_MAX || n > s->count ||
            (s->count && (point[n - 1].step != s->last.step || s->min.value > s->max.value)))
            abort();
    }
}

static void check_equal(const tdl_curves *a, const tdl_curves *b)
{
    if (a->next != b->next || a->skipped != b->skipped || a->series_n != b->series_n)
        abort();
    for (size_t i = 0; i < a->series_n; i++)
        if (strcmp(a->series[i]->tag, b->series[i]->tag) != 0 ||
            a->series[i]->count != b->series[i]->count)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    size_t cut = size ? data[0] % size : 0;
    tdl_curves whole = {0}, parts = {0};

    tdl_curves_feed(&whole, (tdl_str){text, size});
    tdl_curves_feed(&parts, (tdl_str){text, cut});
    tdl_curves_feed(&parts, (tdl_str){text + cut, size - cut});
    check_bounds(&whole, size);
    check_equal(&whole, &parts);
    tdl_curves_release(&whole);
    tdl_curves_release(&parts);
    return 0;
}

/* The line-up of a snapshot: any bytes are refused with a report, or give parts that answer with no
 * score that is not a number, and mixes of parts that are there. The first byte says how many items
 * there are. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "apps/recommend/lineup.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { SCRATCH_BYTES = 16 << 20 };

static void ask(const tdl_part *part, size_t items_n)
{
    const int32_t item[] = {0, 1, 0};
    const int64_t time_us[] = {0, 0, 5000000};
    const tdl_history history = {item, time_us, items_n > 1 ? 3 : 0};
    float *scores = calloc(items_n + 1, sizeof *scores);
    tdl_arena *scratch = tdl_arena_new(SCRATCH_BYTES);

    if (scores && scratch && !part->contender->rung->score(part->model, &history, scratch, scores))
        for (size_t i = 0; i < items_n; i++)
            if (isnan(scores[i]))
                abort();
    tdl_arena_free(scratch);
    free(scores);
}

static void check(const tdl_lineup *lineup, size_t items_n)
{
    for (size_t i = 0; i < lineup->parts_n; i++)
        ask(&lineup->part[i], items_n);
    for (size_t t = 0; t < TDL_RECOMMEND_TASKS_N; t++)
        for (size_t i = 0; i < lineup->task[t].n; i++)
            if (lineup->task[t].part[i] >= lineup->parts_n || !(lineup->task[t].weight[i] > 0))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    tdl_st_file *file = NULL;
    tdl_lineup lineup = {0};
    tdl_report why = {0};

    if (n < 1 || tdl_st_parse((tdl_str){(const char *)bytes + 1, n - 1}, &file, NULL))
        return 0;
    if (!tdl_lineup_load(file, bytes[0], &lineup, &why))
        check(&lineup, bytes[0]);
    else if (!why.message[0])
        abort();
    tdl_lineup_release(&lineup);
    tdl_st_free(file);
    return 0;
}

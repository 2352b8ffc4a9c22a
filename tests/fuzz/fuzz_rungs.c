/* Rungs of the recommender from a file of outside: any bytes are accepted or refused by each of the
 * ladder, and what is accepted scores, explains and finds the likes of any history. The number of
 * items is that of the file's metadata, as a snapshot's ids would say. */
#include <stdint.h>
#include <stdlib.h>

#include "apps/recommend/ladder.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { ITEMS_MAX = 64, HISTORY = 6, REASONS = 4, SCRATCH_BYTES = 32 << 20 };

/* AddressSanitizer sees a step outside. */
static void use(const tdl_rung_ops *rung, const void *model, size_t items_n, tdl_arena *scratch)
{
    int32_t item[HISTORY], asked[ITEMS_MAX];
    int64_t time_us[HISTORY];
    float scores[ITEMS_MAX];
    tdl_reason reasons[ITEMS_MAX * REASONS];
    size_t reasons_n[ITEMS_MAX];

    for (size_t i = 0; i < HISTORY; i++) {
        item[i] = (int32_t)(i * 5 % items_n);
        time_us[i] = (int64_t)(i / 2) * 1000000;
    }
    for (size_t i = 0; i < items_n; i++)
        asked[i] = (int32_t)i;
    for (size_t known = 0; known <= HISTORY; known += 3) {
        tdl_history history = {item, time_us, known};
        tdl_arena_reset(scratch);
        if (rung->score(model, &history, scratch, scores))
            continue; // no memory
        rung->explain(model, &history, asked, items_n, scratch, reasons, REASONS, reasons_n);
        for (size_t i = 0; i < items_n; i++)
            if (reasons_n[i] > REASONS)
                abort();
    }
    if (rung->similar)
        (void)rung->similar(model, (int32_t)items_n - 1, scores);
    (void)rung->bytes(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    tdl_st_file *file = NULL;
    tdl_arena *scratch = tdl_arena_new(SCRATCH_BYTES);
    int64_t items_n = 0;

    if (!scratch || tdl_st_parse((tdl_str){(const char *)bytes, n}, &file, NULL))
        goto out;
    if (!tdl_str_int(tdl_st_meta_get(file, "items"), &items_n) || items_n < 1 ||
        items_n > ITEMS_MAX)
        items_n = 8;
    for (size_t r = 0; r < TDL_RUNGS_N; r++) {
        tdl_report why = {0};
        void *model = NULL;
        tdl_status st = tdl_ladder[r]->load(file, (size_t)items_n, &model, &why);
        if (!st)
            use(tdl_ladder[r], model, (size_t)items_n, scratch);
        else if (st != why.status || !why.message[0])
            abort();
        tdl_ladder[r]->free(model);
    }
out:
    tdl_st_free(file);
    tdl_arena_free(scratch);
    return 0;
}

/* A snapshot: one training run, immutable, in one safetensors file.
 *
 * The file holds the rungs' tensors and the item ids; metadata says which rung serves where no task
 * was measured, and the line-up who serves those that were (lineup.h). Rungs that do not serve are
 * kept, unless they are large, so that a team may look at what another one would have answered;
 * those that are kept are loaded.
 *
 *   tensors   "items/bytes" U8, "items/offsets" I64 [items_n + 1]: the ids, one after the other;
 *             "<rung>/..." as each rung saves itself; "part0/<rung>/..." those of the line-up;
 *             "ials/map": contents into its space, if items say enough
 *   metadata  format, version, promoted, seed, report (the JSON of the model's row), lineup: older
 *             files have none
 */
#ifndef TDL_APPS_RECOMMEND_SNAPSHOT_H
#define TDL_APPS_RECOMMEND_SNAPSHOT_H

#include "apps/recommend/content_map.h"
#include "apps/recommend/ladder.h"
#include "apps/recommend/lineup.h"
#include "apps/recommend/names.h"

typedef struct tdl_snapshot {
    tdl_str version;
    size_t promoted, similar;     /* rungs, indexes into tdl_ladder */
    void *model[TDL_RUNGS_N];     /* NULL where not kept */
    tdl_lineup lineup;            /* empty when no task was measured */
    tdl_content_map *content_map; /* into the space of "ials"; NULL = none */
    size_t items_n;
    tdl_str *item_id; /* [items_n] */
    char *text;       /* what version and item_id point into */
} tdl_snapshot;

void tdl_snapshot_free(tdl_snapshot *snapshot); /* accepts NULL */

typedef struct tdl_snapshot_source {
    tdl_str version;
    size_t promoted;              /* index into tdl_ladder */
    void *const *model;           /* [TDL_RUNGS_N], NULL = not kept; those that serve are fitted */
    const tdl_lineup *lineup;     /* NULL = none */
    tdl_content_map *content_map; /* NULL = none */
    const tdl_names *items;       /* */
    uint64_t seed;                /* */
    tdl_str report;               /* JSON */
} tdl_snapshot_source;

tdl_status tdl_snapshot_write(const char *path, const tdl_snapshot_source *source, tdl_report *why);

/* What it takes in memory, ids aside. */
size_t tdl_snapshot_bytes(const tdl_snapshot *snapshot);

/* Read what serving needs.
 *   hash     BLAKE2b-256 of the file in hexadecimal, as its row has it; NULL = unchecked
 *   returns  TDL_OK | TDL_E_CORRUPT (what is wrong) | TDL_E_IO, TDL_E_NOT_FOUND | TDL_E_NO_MEMORY
 */
tdl_status tdl_snapshot_read(const char *path, tdl_str version, const char *hash,
                             tdl_snapshot **ret, tdl_report *why);

#endif

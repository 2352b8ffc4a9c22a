/* The readers under tdl_frame_read, one for each kind of source. Internal to this folder.
 *
 * Each reads all of `source` into a frame; options and counts are never NULL. On failure the report
 * names the source, and nothing is left behind.
 */
#ifndef TDL_TABLE_READ_PARTS_H
#define TDL_TABLE_READ_PARTS_H

#include "table/read.h"

typedef tdl_status tdl_read_fn(const char *source, const tdl_read_options *options, tdl_frame *ret,
                               tdl_read_counts *counts, tdl_report *why);

tdl_read_fn tdl_read_csv, tdl_read_jsonl, tdl_read_npy, tdl_read_image_folder, tdl_read_image_idx,
    tdl_read_sqlite, tdl_read_postgres;

/* Tell the caller how far it is, every few thousand rows. TDL_E_STOPPED: it wants no more. */
enum { TDL_READ_PROGRESS_ROWS = 4096 };
tdl_status tdl_read_tell(const tdl_read_options *options, uint64_t bytes, uint64_t total,
                         tdl_report *why);

#endif

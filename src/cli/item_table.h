/* A table of items beside a log: what each says of itself, for offline evaluation. CSV, TSV or
 * RecBole's .item, gzip or zstd around any; the log itself will do when its rows describe items.
 *
 * The item's column is known by the names that logs use. Of the others, those that logs use too
 * (user, time, rating, quantity, ...) say nothing; "title" or "name" is the title, "text" or
 * "description" the text, "image" a path below the table's folder, "price" or "unitprice" the
 * price. What is left are attributes, numbers where the cell is one. The first row of an item
 * counts.
 */
#ifndef TDL_CLI_ITEM_TABLE_H
#define TDL_CLI_ITEM_TABLE_H

#include "apps/recommend/content_code.h"
#include "apps/recommend/feedback.h"

/* ret [items of the feedback], to be freed; ret_described: how many of them the table describes.
 *   returns  what the reader of the table says | TDL_E_INVALID (no column of items) |
 *            TDL_E_NO_MEMORY */
tdl_status tdl_item_table_read(const char *path, const tdl_feedback *feedback,
                               tdl_content_code **ret, size_t *ret_described, tdl_report *why);

#endif

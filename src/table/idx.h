/* IDX: arrays of bytes as the MNIST family of image sets ships them, plain or compressed by gzip.
 *
 *     0 0 8 rank, then `rank` big-endian u32 sizes, then the bytes, and nothing after them
 *
 * Memory    grows with the bytes that come, never with the sizes a header claims
 * Refused   other element types, a rank of 0 or above TDL_IDX_RANK_MAX, an array past `limit`
 *           bytes, too few or too many bytes, a damaged gzip stream
 */
#ifndef TDL_TABLE_IDX_H
#define TDL_TABLE_IDX_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

enum { TDL_IDX_RANK_MAX = 4 };

typedef struct tdl_idx {
    size_t rank, size[TDL_IDX_RANK_MAX];
    size_t n;      /* bytes: the product of the sizes */
    uint8_t *data; /* [n] */
} tdl_idx;

/* TDL_OK | TDL_E_NOT_FOUND | TDL_E_IO | TDL_E_CORRUPT | TDL_E_TOO_LARGE | TDL_E_NO_MEMORY. On
 * failure nothing needs releasing. */
tdl_status tdl_idx_read(const char *path, size_t limit, tdl_idx *ret, tdl_report *why);
/* The same from an open file, called `name` in messages. Closing `fd` stays the caller's. */
tdl_status tdl_idx_read_fd(int fd, const char *name, size_t limit, tdl_idx *ret, tdl_report *why);
void tdl_idx_release(tdl_idx *idx); /* accepts a zeroed struct */

#endif

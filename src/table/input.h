/* Input: the bytes of a file or pipe, unpacked as they are read.
 *
 * gzip (also of several members) and zstd are told by their first bytes, whatever the name says.
 * Memory is bounded: a zstd frame whose window is above 128 MiB is refused.
 *
 * Life cycle   tdl_input_open | tdl_input_open_fd (-> tdl_input_convert) -> tdl_input_read ... ->
 *              tdl_input_close
 * Threads      one thread per input
 */
#ifndef TDL_TABLE_INPUT_H
#define TDL_TABLE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

typedef struct tdl_input tdl_input;

/* TDL_E_NOT_FOUND | TDL_E_IO | TDL_E_NO_MEMORY, with the path in the report. */
tdl_status tdl_input_open(const char *path, tdl_input **ret, tdl_report *why);
/* The same of an open file or pipe, which stays the caller's. */
tdl_status tdl_input_open_fd(int fd, tdl_input **ret, tdl_report *why);
void tdl_input_close(tdl_input *input); /* accepts NULL */

/* Before the first read: the bytes are text in `encoding`, a name that iconv knows such as
 * "gb18030"; reading gives UTF-8. TDL_E_USAGE: there is no such encoding. */
tdl_status tdl_input_convert(tdl_input *input, const char *encoding, tdl_report *why);
/* Did reading end at bytes that are none of that encoding's? */
bool tdl_input_misencoded(const tdl_input *input);

/* Up to `n` > 0 bytes; *ret_n = 0 only at the end. TDL_E_IO: a failed read. TDL_E_INVALID: the
 * packed data are damaged, or end in the middle; text is not in its encoding. */
tdl_status tdl_input_read(tdl_input *input, char *ret, size_t n, size_t *ret_n, tdl_report *why);

/* For progress: bytes taken from the file so far, and in all; 0 when unknown, as for a pipe. */
uint64_t tdl_input_taken(const tdl_input *input);
uint64_t tdl_input_total(const tdl_input *input);

/* Does the name end in `suffix`, whatever its case and but for .gz or .zst behind it? */
bool tdl_input_has_suffix(const char *path, const char *suffix);

#endif

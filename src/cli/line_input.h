/* A file, packed or not (table/input.h), line by line.
 *
 * Life cycle   tdl_line_input_open -> tdl_line_input_next ... -> tdl_line_input_close
 * Memory       one line, at most TDL_LINE_BYTES_MAX
 */
#ifndef TDL_CLI_LINE_INPUT_H
#define TDL_CLI_LINE_INPUT_H

#include "base/str.h"

enum { TDL_LINE_BYTES_MAX = 16 << 20 };

typedef struct tdl_line_input tdl_line_input;

tdl_status tdl_line_input_open(const char *path, tdl_line_input **ret, tdl_report *why);
void tdl_line_input_close(tdl_line_input *input); /* accepts NULL */

/* The next line without its end, borrowed until the next call; *ret_more = false at the end of the
 * file. TDL_E_TOO_LARGE: a line over the limit. */
tdl_status tdl_line_input_next(tdl_line_input *input, tdl_str *ret, bool *ret_more,
                               tdl_report *why);

size_t tdl_line_input_line(const tdl_line_input *input); /* of the last one, from 1 */

/* For progress: bytes of the file read so far, and in all; 0 when unknown. */
uint64_t tdl_line_input_taken(const tdl_line_input *input);
uint64_t tdl_line_input_total(const tdl_line_input *input);

#endif

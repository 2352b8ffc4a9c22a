/* How far an import came, kept beside its file so that it can go on after it was stopped.
 *
 * The state names the file by size and first bytes, and where its rows went; a state of another
 * file, or of another target, is ignored. Rows are recognised by the store anyway, so a state that
 * is behind costs time and nothing else.
 */
#ifndef TDL_CLI_IMPORT_STATE_H
#define TDL_CLI_IMPORT_STATE_H

#include "cli/import.h"

/* Rows that an earlier run has handed on; 0 = begin at the beginning. */
size_t tdl_import_state_rows(const tdl_import_options *options);
/* So many rows are handed on now. What cannot be written is not kept. */
void tdl_import_state_keep(const tdl_import_options *options, size_t rows);
void tdl_import_state_drop(const tdl_import_options *options);

#endif

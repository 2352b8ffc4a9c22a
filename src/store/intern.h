/* Interned names: text -> row number of a table of names, as far as the writer remembers it.
 *
 * Life cycle   zeroed -> find / add ... -> commit or undo ... -> release
 * Ownership    names are copied
 * Threads      the writer's only
 * Failure      forgetting is always safe: a name not found here is looked up in its table
 *
 * A user who is barred (store.h) has his row's number negated: who may be stored is known without
 * another look.
 *
 * A name whose row was made by the transaction under way is `fresh`. Undoing forgets it, because
 * its row is gone. After a commit that leaves more than TDL_INTERN_MAX names, all are forgotten:
 * a name of 16 bytes costs about 120, so one table's names at most some 12 MB.
 */
#ifndef TDL_STORE_INTERN_H
#define TDL_STORE_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "treadle/str.h"

enum { TDL_INTERN_MAX = 100000 };

typedef struct tdl_intern_name tdl_intern_name;

typedef struct tdl_intern {
    tdl_intern_name *names; /* a map */
    tdl_intern_name *fresh; /* those of them that are fresh, newest first */
    size_t fresh_n;         /* fresh rows, remembered or not */
    int64_t committed_n;    /* fresh rows that were committed, ever */
} tdl_intern;

bool tdl_intern_find(const tdl_intern *intern, tdl_str text, int64_t *ret);
/* `text` is not there yet. Without memory the name is not remembered. */
void tdl_intern_add(tdl_intern *intern, tdl_str text, int64_t id, bool fresh);
void tdl_intern_commit(tdl_intern *intern);
/* Forget all fresh names but the oldest `keep_n`. */
void tdl_intern_undo(tdl_intern *intern, size_t keep_n);
void tdl_intern_release(tdl_intern *intern);

#endif

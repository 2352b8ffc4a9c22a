/* Results of a search, kept on disk as they come, so that a fit which was killed goes on where it
 * was: one file that only grows, locked while a fit writes it.
 *
 * Life cycle   open (reads what is there) -> find / add -> close; remove when the fit is done
 * Key          of everything that a result depends on: rows, target, folds, preparation, seed,
 *              version of the program. A file of another key, or none of ours, is begun anew
 * Damage       each record has its checksum; reading ends at the first that is torn or wrong, and
 *              what lies behind is written over
 * Threads      any number may find and add
 * Failure      keeping is a convenience: a full disk ends it and fails nothing
 *
 *     file     "TDLSRCH1", key [32], records
 *     record   uint32 bytes, uint32 masked CRC-32C of them; then uint32 id_n, note_n, uint64
 *              scores_n, features, double metric, seconds; id, note (JSON), double scores
 * [scores_n] Numbers are in the machine's own order: the file serves the machine it is on.
 */
#ifndef TDL_PREDICT_SEARCH_LOG_H
#define TDL_PREDICT_SEARCH_LOG_H

#include "base/json.h"

enum { TDL_SEARCH_KEY_BYTES = 32, TDL_SEARCH_ID_MAX = 1024 };

typedef struct tdl_search_log tdl_search_log;

/* What one model with one setting made of one fold. */
typedef struct tdl_search_result {
    double metric;       /* NaN = undefined there */
    double seconds;      /* that it took */
    uint64_t features;   /* of its matrix */
    json_t *note;        /* NULL = none */
    const double *score; /* [scores_n] */
    size_t scores_n;
} tdl_search_result;

/*   ret      NULL when another process has it open: nothing is then kept
 *   returns  TDL_OK | TDL_E_IO (cannot be made) | TDL_E_NO_MEMORY */
tdl_status tdl_search_log_open(const char *path, const unsigned char key[TDL_SEARCH_KEY_BYTES],
                               tdl_search_log **ret, tdl_report *why);
void tdl_search_log_close(tdl_search_log *log);  /* accepts NULL */
void tdl_search_log_remove(tdl_search_log *log); /* and its file; accepts NULL */

/* A copy of the result of that id with `scores_n` finite scores: ret->note and ret_score [scores_n]
 * are the caller's. False: there is none, or it has another shape. Accepts a NULL log. */
bool tdl_search_log_find(tdl_search_log *log, const char *id, size_t scores_n,
                         tdl_search_result *ret, double *ret_score);
/* Accepts a NULL log. */
void tdl_search_log_add(tdl_search_log *log, const char *id, const tdl_search_result *result);

/* Results found so far. */
size_t tdl_search_log_found(const tdl_search_log *log);

#endif

/* Anonymity of a table: how many rows share each combination of what others could know of a person,
 * its quasi-identifiers (k-anonymity; Samarati and Sweeney, 1998), and how many different values of
 * each sensitive column they have (distinct l-diversity; Machanavajjhala et al., 2006).
 *
 * Life cycle   tdl_anonymity_read -> _outcome, _passes ... -> _free
 * Memory       about 100 bytes for each combination, and for each value that a combination has, up
 *              to l of each column; at most 4 million of either, then TDL_E_TOO_LARGE
 */
#ifndef TDL_TABLE_ANONYMITY_H
#define TDL_TABLE_ANONYMITY_H

#include "base/str.h"

typedef struct tdl_anonymity tdl_anonymity;

typedef struct tdl_anonymity_options {
    const char *path;
    char delimiter;        /* 0 = ',' */
    const char *quasi;     /* "age,town": at least one column */
    const char *sensitive; /* likewise; "" = none */
    uint64_t k, l;         /* fewest rows, fewest different values; >= 1 */
} tdl_anonymity_options;

enum { TDL_ANONYMITY_SIZES = 5 };

typedef struct tdl_anonymity_outcome {
    uint64_t rows, groups;
    uint64_t smallest; /* rows of the smallest group; 0 in an empty table */
    uint64_t rows_below_k, groups_below_k;
    uint64_t fewest_values; /* of a sensitive column in a group, counted up to l */
    uint64_t rows_below_l, groups_below_l;
    uint64_t rows_failing;                   /* of either */
    uint64_t size[TDL_ANONYMITY_SIZES];      /* [sizes_n] the smallest there are */
    uint64_t groups_of[TDL_ANONYMITY_SIZES]; /* [sizes_n] that have it */
    size_t sizes_n;
} tdl_anonymity_outcome;

/* Read the whole table. Values are compared byte by byte.
 *   returns  TDL_OK | TDL_E_INVALID (no such column, not a table) | TDL_E_USAGE | TDL_E_NOT_FOUND |
 *            TDL_E_IO | TDL_E_TOO_LARGE | TDL_E_NO_MEMORY */
tdl_status tdl_anonymity_read(const tdl_anonymity_options *options, tdl_anonymity **ret,
                              tdl_report *why);
void tdl_anonymity_free(tdl_anonymity *anonymity); /* accepts NULL */

tdl_status tdl_anonymity_outcome_of(const tdl_anonymity *anonymity, tdl_anonymity_outcome *ret,
                                    tdl_report *why);
/* May a row of the same table be given away? fields: as the reader of the table gives them. */
bool tdl_anonymity_passes(const tdl_anonymity *anonymity, const tdl_str *fields);

#endif

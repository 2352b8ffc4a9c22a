/* Retention, between the files of the store. The contract is in store.h. */
#ifndef TDL_STORE_RETENTION_H
#define TDL_STORE_RETENTION_H

#include "store/backend.h"

#define TDL_DAY_US INT64_C(86400000000)

/* The rules as the writer follows them; zeroed at first. */
typedef struct tdl_retention_limits {
    char *text;               /* what rule[].kind points into */
    tdl_retention_rule *rule; /* [n] */
    size_t n;
    int64_t read_us; /* when; monotonic */
} tdl_retention_limits;

/* Read them anew, unless that was less than a second ago. On the writer thread, in a transaction.
 */
tdl_status tdl_retention_read_limits(const tdl_store_ops *ops, tdl_backend *backend,
                                     tdl_retention_limits *limits, tdl_report *why);
void tdl_retention_release_limits(tdl_retention_limits *limits);
/* Days that rows of a kind are kept; 0 = for ever. */
int64_t tdl_retention_days(const tdl_retention_rule *rules, size_t rules_n, tdl_str kind);
bool tdl_retention_keeps(const tdl_retention_limits *limits, const tdl_event *event,
                         int64_t now_us);

#endif

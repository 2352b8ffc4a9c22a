/* Members of a definition of GrowthBook, checked. null is as good as absent, and leaves what is
 * given back alone. A report names the member. Between growthbook_compile*.c.
 */
#ifndef TDL_FLAGS_GROWTHBOOK_MEMBERS_H
#define TDL_FLAGS_GROWTHBOOK_MEMBERS_H

#include "flags/growthbook.h"

enum { TDL_GB_RANGES_MAX = 1000 /* variations of an experiment, ranges of a filter */ };

/* type: JSON_REAL stands for any number. ret: NULL when absent. */
tdl_status tdl_gb_read_member(const json_t *object, const char *key, json_type type,
                              const json_t **ret, tdl_report *why);
tdl_status tdl_gb_read_text(const json_t *object, const char *key, tdl_str *ret, tdl_report *why);
/* 0 leaves `ret` alone too: SDKs write `value || fallback`. */
tdl_status tdl_gb_read_number(const json_t *object, const char *key, double *ret, tdl_report *why);
/* An array, and room for what is made of its elements.
 *   ret  address of a pointer to a zeroed [*ret_n] of `size` bytes each */
tdl_status tdl_gb_read_list(tdl_gb_compiler *c, const json_t *object, const char *key, size_t size,
                            const json_t **ret_array, void *ret, size_t *ret_n, tdl_report *why);
tdl_status tdl_gb_read_condition(tdl_gb_compiler *c, const json_t *object, tdl_gb_condition *ret,
                                 bool *ret_given, tdl_report *why);
tdl_status tdl_gb_read_weights(tdl_gb_compiler *c, const json_t *json, double **ret, size_t *ret_n,
                               tdl_report *why);
tdl_status tdl_gb_keep_value(tdl_gb_compiler *c, const json_t *json, tdl_gb_value *ret,
                             tdl_report *why);

/* growthbook_compile_rule.c. ret: zeroed. */
tdl_status tdl_gb_rule_compile(tdl_gb_compiler *c, const json_t *json, tdl_gb_rule *ret,
                               tdl_report *why);

#endif

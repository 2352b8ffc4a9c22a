/* PostHog's values: what JavaScript makes of them, since its SDKs decide by that (protocols 3.8).
 */
#ifndef TDL_FLAGS_POSTHOG_VALUE_H
#define TDL_FLAGS_POSTHOG_VALUE_H

#include "base/arena.h"
#include "base/json.h"

/* Texts live in `arena`, or are the value's own; .at is NULL when there is no memory. */

/* String(value): 3, "3"; null, "null"; [1, "a"], "1,a". */
tdl_str tdl_posthog_text(const json_t *value, tdl_arena *arena);
/* What `exact` compares: a string as it is, all else as JSON. */
tdl_str tdl_posthog_exact_text(const json_t *value, tdl_arena *arena);
/* toLowerCase(), and the same of A to Z only. */
tdl_str tdl_posthog_lower(tdl_str text, tdl_arena *arena);
tdl_str tdl_posthog_ascii_lower(tdl_str text, tdl_arena *arena);
bool tdl_posthog_is_ascii(tdl_str text);
/* Number's toString(), NUL-terminated. */
enum { TDL_POSTHOG_NUMBER_MAX = 64 };
void tdl_posthog_number_text(double number, char ret[TDL_POSTHOG_NUMBER_MAX]);

/* parseFloat of a value's text; false unless it is finite. */
bool tdl_posthog_number(const json_t *value, double *ret);
/* By UTF-16 units, as `<` compares: -1, 0, 1. */
int tdl_posthog_compare(tdl_str a, tdl_str b);

/* Milliseconds since 1970 UTC of a number, of an ISO 8601 text, or of what else V8 takes for a
 * date. No zone is UTC. False when it is no date. */
bool tdl_posthog_date(const json_t *value, int64_t *ret_ms);
/* posthog_date_words.c: "May 1, 2022 10:00 GMT+2", "5/1/2022", ... */
bool tdl_posthog_date_words(tdl_str text, int64_t *ret_ms);
/* Days from 1970-01-01 to the first of a month; month counts from 0 and may lie outside a year. */
int64_t tdl_posthog_days(int64_t year, int64_t month);

/* "-7d": so long before now. Units h d w m y. */
typedef struct tdl_posthog_ago {
    int n;
    char unit;
} tdl_posthog_ago;
bool tdl_posthog_ago_parse(tdl_str text, tdl_posthog_ago *ret);
int64_t tdl_posthog_ago_ms(tdl_posthog_ago ago, int64_t now_ms);

/* Major, minor, patch. Whole numbers, in doubles as the SDK has them. */
typedef struct tdl_posthog_version {
    double part[3];
} tdl_posthog_version;
bool tdl_posthog_version_parse(tdl_str text, tdl_posthog_version *ret);
int tdl_posthog_version_compare(const tdl_posthog_version *a, const tdl_posthog_version *b);
/* "1.2.*": from `ret_low` up to but without `ret_high`. */
bool tdl_posthog_wildcard_parse(tdl_str text, tdl_posthog_version *ret_low,
                                tdl_posthog_version *ret_high);

#endif

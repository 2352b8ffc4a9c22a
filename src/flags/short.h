/* The short form of a flag, and the definition that it stands for. */
#ifndef TDL_FLAGS_SHORT_H
#define TDL_FLAGS_SHORT_H

#include "base/json.h"

/* {"on": true, "percent": 50, "variants": {"control": 50, "test": 50}, "payloads": {...}} as a
 * PostHog definition; every member may be absent. Variants are percentages of those who are in, and
 * make 100. Payloads are any JSON, by variant, or by "true" where there are none.
 *   form     other members are refused
 *   ret      the caller's reference
 *   returns  TDL_OK | TDL_E_INVALID (names the member) | TDL_E_NO_MEMORY */
tdl_status tdl_flag_short(const json_t *form, json_t **ret, tdl_report *why);

#endif

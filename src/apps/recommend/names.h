/* Names: strings to dense numbers 0, 1, 2, ... and back.
 *
 * Life cycle   tdl_names_new -> add / find / at ... -> tdl_names_free
 * Ownership    the bytes of a name are copied and never move: tdl_names_at stays valid until free
 * Threads      none of its own; readers may run together while nobody adds
 */
#ifndef TDL_APPS_RECOMMEND_NAMES_H
#define TDL_APPS_RECOMMEND_NAMES_H

#include <stdint.h>

#include "base/str.h"

typedef struct tdl_names tdl_names;

tdl_names *tdl_names_new(void);        /* NULL: no memory */
void tdl_names_free(tdl_names *names); /* accepts NULL */
int32_t tdl_names_count(const tdl_names *names);
int32_t tdl_names_find(const tdl_names *names, tdl_str name); /* -1: never added */
int32_t tdl_names_add(tdl_names *names, tdl_str name);        /* found or added; -1: no memory */
tdl_str tdl_names_at(const tdl_names *names, int32_t number); /* number < count */

#endif

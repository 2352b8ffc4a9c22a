/* What is stored of whom a flag is asked for, under what the question says itself. */
#ifndef TDL_HTTP_FLAG_KNOWN_H
#define TDL_HTTP_FLAG_KNOWN_H

#include "flags/flags.h"
#include "http/request.h"

typedef struct tdl_flag_known {
    json_t *traits;     /* of the person, as stored */
    json_t *properties; /* those with what was sent over them */
    json_t *groups;     /* the same of each group named: type to object */
} tdl_flag_known;

/* Read it and let the context look at it; waits for the store. Release in any case, once the
 * context is done with. */
tdl_status tdl_flag_known_read(tdl_flag_known *known, tdl_store *store, tdl_flag_context *context,
                               tdl_report *why);
void tdl_flag_known_release(tdl_flag_known *known);

#endif

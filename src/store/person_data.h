/* Everything that is stored about one person, as lines of JSON.
 *
 * Each line is an object with a "type"; the first one, "schema", says what the others hold. One
 * snapshot, bounded memory. */
#ifndef TDL_STORE_PERSON_DATA_H
#define TDL_STORE_PERSON_DATA_H

#include "base/json.h"
#include "store/store.h"

typedef struct tdl_person_sink {
    /* One line, without its end; borrowed for the call. Failing ends the export. */
    tdl_status (*line)(void *context, tdl_str line, tdl_report *why);
    /* The reasons of a decision, as tdl_app_ops.explain writes them; NULL = they are left out. */
    tdl_status (*explain)(void *context, const tdl_decision *decision, tdl_jw *out,
                          tdl_report *why);
    void *context;
} tdl_person_sink;

/* user: any id of the person. Of a stranger there is the schema, and what was decided for him. That
 * it was asked for is in the audit log ("person.export") before the first line is given. */
tdl_status tdl_store_export_person(tdl_store *store, tdl_str user, const tdl_person_sink *sink,
                                   tdl_report *why);

#endif

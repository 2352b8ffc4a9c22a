/* Personal data in an import: looked for in every text, counted by field and kind, and treated by
 * the policy. Ids (user, alias, item, message_id) and kinds are counted and never changed: rows
 * that name the same person must still do so. Hiding ids is what pseudonyms are for.
 */
#ifndef TDL_CLI_IMPORT_PERSONAL_H
#define TDL_CLI_IMPORT_PERSONAL_H

#include "treadle/event.h"
#include "wire/personal.h"

enum { TDL_IMPORT_FIELDS_MAX = 100, TDL_IMPORT_FIELD_BYTES = 128 };

typedef struct tdl_import_field {
    char name[TDL_IMPORT_FIELD_BYTES]; /* "user", "properties.contact.mail", "attributes.note" */
    bool is_id;                        /* never changed */
    size_t found[TDL_PERSONAL_N];
} tdl_import_field;

typedef struct tdl_import_personal {
    tdl_personal_policy policy;
    tdl_import_field fields[TDL_IMPORT_FIELDS_MAX + 1]; /* the last: all further ones */
    size_t fields_n;
    const char *prefix; /* of the part under way: "properties" */
    bool is_id;         /* so is the part under way */
} tdl_import_personal;

/* Texts that change lie in `arena` afterwards. */
tdl_status tdl_import_personal_event(tdl_import_personal *personal, tdl_event *event,
                                     tdl_arena *arena, tdl_report *why);
tdl_status tdl_import_personal_item(tdl_import_personal *personal, tdl_item *item, tdl_arena *arena,
                                    tdl_report *why);

/* [{"field": "user", "kind": "email", "found": 3, "done": "kept"}, ...] */
void tdl_import_personal_json(const tdl_import_personal *personal, tdl_jw *out);
/* A line each, for people; nothing when nothing was found. */
void tdl_import_personal_print(const tdl_import_personal *personal);

#endif

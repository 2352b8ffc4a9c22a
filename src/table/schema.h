/* A schema's columns, checked. Internal to this folder; the schema itself is in read.h. */
#ifndef TDL_TABLE_SCHEMA_H
#define TDL_TABLE_SCHEMA_H

#include "base/json.h"
#include "table/frame.h"

typedef struct tdl_schema_field {
    tdl_str name; /* the schema's, NUL-terminated, unlike all others */
    tdl_column_type type;
    const json_t *levels;           /* the schema's: an array of strings, or NULL */
    size_t channels, height, width; /* of an image; 1 to 32,768 */
} tdl_schema_field;

/* free(*ret). The schema is hostile, and must outlive them. */
tdl_status tdl_schema_fields(const json_t *schema, tdl_schema_field **ret, size_t *ret_n,
                             tdl_report *why);

#endif

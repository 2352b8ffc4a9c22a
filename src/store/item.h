/* Items of the catalogue as the API tells of them, and as they are kept.
 *
 *     {"id", "title", "price": 39.5, "tags": ["new"], ..., "attributes": {"color": "red"}}
 *
 * A store keeps id, title and one JSON object (tdl_item.attributes): the shop's own attributes
 * under their names, the fields below as "$price", "$tags", ... An item that was deleted is kept
 * too, with
 * "$deleted": what refers to it still has a title.
 */
#ifndef TDL_STORE_ITEM_H
#define TDL_STORE_ITEM_H

#include "base/arena.h"
#include "base/json.h"
#include "treadle/event.h"

/* X(name, type): TEXT; TEXTS, an array of them; NUMBER, not below 0; BOOL; TIME, RFC 3339 or
 * microseconds. */
#define TDL_ITEM_FIELD_MAP(X)                                                                      \
    X(text, TEXT)                                                                                  \
    X(image, TEXT)                                                                                 \
    X(categories, TEXTS)                                                                           \
    X(tags, TEXTS)                                                                                 \
    X(price, NUMBER)                                                                               \
    X(currency, TEXT)                                                                              \
    X(stock, NUMBER)                                                                               \
    X(available, BOOL)                                                                             \
    X(seller, TEXT)                                                                                \
    X(regions, TEXTS)                                                                              \
    X(published_at, TIME)                                                                          \
    X(expires_at, TIME)                                                                            \
    X(url, TEXT)

typedef enum tdl_item_field {
#define TDL_ITEM_FIELD_ENUM(name, type) TDL_ITEM_##name,
    TDL_ITEM_FIELD_MAP(TDL_ITEM_FIELD_ENUM)
#undef TDL_ITEM_FIELD_ENUM
        TDL_ITEM_FIELDS_N
} tdl_item_field;

typedef enum tdl_item_type {
    TDL_ITEM_TEXT,
    TDL_ITEM_TEXTS,
    TDL_ITEM_NUMBER,
    TDL_ITEM_BOOL,
    TDL_ITEM_TIME
} tdl_item_type;

enum { TDL_TITLE_MAX = 4096, TDL_ITEM_TEXTS_MAX = 1000 /* of one field */ };
#define TDL_ITEM_DELETED "$deleted"

const char *tdl_item_field_name(tdl_item_field field); /* "price" */
const char *tdl_item_field_key(tdl_item_field field);  /* "$price" */
tdl_item_type tdl_item_field_type(tdl_item_field field);
/* TDL_ITEM_FIELDS_N: "id", "title", "attributes", or none at all. */
tdl_item_field tdl_item_field_find(tdl_str name);

/* From the API's form, checked. TDL_E_INVALID names the field.
 *   ret  borrows from `object` and `arena` */
tdl_status tdl_item_read(const json_t *object, tdl_arena *arena, tdl_item *ret, tdl_report *why);
/* `patch` over what is stored: members that are null go, attributes one by one. Brings back what
 * was deleted. */
tdl_status tdl_item_patch(const tdl_item *stored, const json_t *patch, tdl_arena *arena,
                          tdl_item *ret, tdl_report *why);
/* The same item, deleted. */
tdl_status tdl_item_delete(const tdl_item *stored, tdl_arena *arena, tdl_item *ret,
                           tdl_report *why);

/* Members of an open object: id, title, attributes (null when there is none), then the fields that
 * are said. */
tdl_status tdl_item_write(const tdl_item *stored, tdl_jw *w, tdl_report *why);
bool tdl_item_is_deleted(const tdl_item *stored);

#endif

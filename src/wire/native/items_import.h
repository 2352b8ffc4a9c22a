/* Many items at once: a JSON array, JSON lines, or CSV. Each is taken or refused by itself.
 *
 * What it is says its first byte: "[", "{", or another. In CSV the header names the columns: id,
 * title and the fields of store/item.h; any other column is an attribute, a number where it reads
 * as one. Several values of one field stand between "|". An empty cell says nothing.
 */
#ifndef TDL_WIRE_NATIVE_ITEMS_IMPORT_H
#define TDL_WIRE_NATIVE_ITEMS_IMPORT_H

#include "store/item.h"

enum { TDL_REFUSED_TOLD = 100, TDL_IMPORT_MAX = 200000 };

typedef struct tdl_item_refused {
    size_t line; /* from 1: of the text; of an array the element */
    tdl_str reason;
} tdl_item_refused;

typedef struct tdl_items_import {
    tdl_item *items; /* [items_n] */
    size_t items_n, received_n;
    tdl_item_refused refused[TDL_REFUSED_TOLD]; /* the first of them */
    size_t refused_n;
    json_t *json; /* what the items borrow from; the caller's to json_decref */
} tdl_items_import;

/* replace: of an id that comes twice the last one counts; else the later ones are refused.
 * TDL_E_INVALID: nothing can be read at all */
tdl_status tdl_native_import(tdl_str text, bool replace, tdl_arena *arena, tdl_items_import *ret,
                             tdl_report *why);

#endif

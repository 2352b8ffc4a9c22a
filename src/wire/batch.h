/* Batch: the events of one request, decoded and checked, ready for the store.
 *
 * Life cycle   {0} -> decoded by native/ or segment/ -> tdl_batch_release
 * Ownership    strings lie in the decoder's arena or in `json`: keep both until the store is done
 */
#ifndef TDL_WIRE_BATCH_H
#define TDL_WIRE_BATCH_H

#include "base/arena.h"
#include "base/json.h"
#include "treadle/event.h"

typedef struct tdl_batch {
    tdl_event *events;   /* [events_n] */
    size_t events_n;     /* valid ones */
    size_t received_n;   /* all that were sent */
    tdl_report rejected; /* why the first invalid one was left out; foreign protocols only */
    json_t *json;        /* the parsed body */
} tdl_batch;

void tdl_batch_release(tdl_batch *batch); /* accepts a zeroed batch */

/* For decoders: the object as compact text in `arena`; an empty one is no text at all.
 * TDL_E_INVALID past TDL_PROPERTIES_MAX bytes. The report names `field`. */
tdl_status tdl_batch_object_text(const json_t *object, const char *field, tdl_arena *arena,
                                 tdl_str *ret, tdl_report *why);

/* For decoders: tdl_event_check for properties and traits that come from tdl_batch_object_text,
 * which need no second parse. */
tdl_status tdl_batch_check(const tdl_event *event, int64_t now_us, tdl_report *why);

#endif

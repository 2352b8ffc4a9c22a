/* Batch: the events of one request, decoded and checked, ready for the store.
 *
 * Life cycle   {0} -> decoded by a family's folder -> tdl_batch_release
 * Ownership    strings lie in the decoder's arena or in `json`: keep both until the store is done
 */
#ifndef TDL_WIRE_BATCH_H
#define TDL_WIRE_BATCH_H

#include "base/arena.h"
#include "base/json.h"
#include "treadle/event.h"

enum { TDL_BATCH_MAX = 10000 /* events in one request of a foreign SDK */ };

/* One that was left out. */
typedef struct tdl_left_out {
    tdl_str reason;
    json_t *event; /* as sent, without keys; part of the batch's `json` */
} tdl_left_out;
enum { TDL_LEFT_OUT_MAX = 20 /* of one request; more are only counted */ };

typedef struct tdl_batch {
    tdl_event *events;      /* [events_n] */
    size_t events_n;        /* valid ones */
    size_t received_n;      /* all that were sent */
    tdl_report rejected;    /* why the first invalid one was left out; foreign protocols only */
    tdl_left_out *left_out; /* [left_out_n]; foreign protocols only */
    size_t left_out_n;
    json_t *json; /* the parsed body */
} tdl_batch;

void tdl_batch_release(tdl_batch *batch); /* accepts a zeroed batch */

/* For decoders: the object as compact text in `arena`; an empty one is no text at all.
 * TDL_E_INVALID past TDL_PROPERTIES_MAX bytes. The report names `field`. */
tdl_status tdl_batch_object_text(const json_t *object, const char *field, tdl_arena *arena,
                                 tdl_str *ret, tdl_report *why);

/* For decoders of foreign families: the events of `list` one by one. One that is not valid is
 * counted and left out, and the first reason kept: SDKs drop a whole batch that is refused.
 *   list     JSON array, or NULL: then `single` is the only event
 *   decode   gives TDL_OK, TDL_E_NO_MEMORY, which ends it all, or why this event is left out
 *   told     called with each outcome, TDL_OK or not; may be NULL
 *   returns  TDL_OK | TDL_E_TOO_LARGE (more than TDL_BATCH_MAX) | TDL_E_NO_MEMORY */
typedef struct tdl_batch_source {
    json_t *list, *single;
    tdl_status (*decode)(void *context, json_t *object, tdl_event *ret, tdl_report *why);
    void (*told)(void *context, const json_t *object, const tdl_report *outcome);
    void *context;
} tdl_batch_source;
tdl_status tdl_batch_fill(tdl_batch *batch, const tdl_batch_source *source, tdl_arena *arena,
                          tdl_report *why);

/* For decoders: tdl_event_check for properties and traits that come from tdl_batch_object_text,
 * which need no second parse. */
tdl_status tdl_batch_check(const tdl_event *event, int64_t now_us, tdl_report *why);

#endif

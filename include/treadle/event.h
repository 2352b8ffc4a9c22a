/* The two abstractions of Treadle: an event is what happened, a decision is what was answered. */
#ifndef TREADLE_EVENT_H
#define TREADLE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "treadle/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    TDL_ID_MAX = 400,            /* bytes of a user, item, message or decision id */
    TDL_KIND_MAX = 512,          /* bytes of an event kind */
    TDL_PROPERTIES_MAX = 1 << 20 /* bytes of an event's or item's JSON properties */
};

/* What happened. All strings are borrowed UTF-8. Required: time, user, kind, source, message_id. */
typedef struct tdl_event {
    int64_t time_us;      /* microseconds since 1970 UTC, >= 0 */
    tdl_str user;         /* who */
    tdl_str kind;         /* "rating", "purchase", "$identify", ... */
    tdl_str item;         /* what it was about; empty = none */
    double value;         /* rating, price, ...; meaningful only if has_value; finite */
    bool has_value;       /* */
    tdl_str properties;   /* a JSON object as text; empty = none */
    tdl_str source;       /* protocol family: "native", "segment", "import" */
    tdl_str message_id;   /* unique within its source: a repetition is a duplicate */
    tdl_str decision_id;  /* the decision this event rewards; empty = none */
    tdl_str alias;        /* another id of the same person: joined with `user`; empty = none */
    tdl_str traits;       /* JSON object: what the person is from now on; empty = nothing new */
    tdl_str traits_once;  /* JSON object: the same, where nothing is known yet */
    tdl_str group_type;   /* of the group that the event tells of: "company"; empty = none */
    tdl_str group;        /* its name */
    tdl_str group_traits; /* JSON object: what the group is from now on; empty = nothing new */
    bool no_person;       /* `user` is nobody: the group told of itself */
    uint8_t grants; /* what the person allows with this event: bits of tdl_purpose (store.h) */
    uint8_t denies; /* and what no longer; newer words hold */
    bool unwanted;  /* the sender has no consent to it: not stored, its words on consent are */
} tdl_event;

/* Two kinds say more than their name. An event "$identify" makes `user` an identified person; two
 * of those are not joined by an alias, unless the event is a "$create_alias". */

/* One thing a decision could have chosen. */
typedef struct tdl_candidate {
    tdl_str item;
    tdl_str title;     /* for people: looked up when a stored decision is read, empty before */
    double score;      /* model's own units */
    double propensity; /* probability, in [0,1], that this item is in the answer */
    bool chosen;       /* part of the answer; chosen candidates stand first, in answer order */
} tdl_candidate;

/* What Treadle answered. Every answer of every app is one row of the decision log. */
typedef struct tdl_decision {
    char id[37];     /* UUIDv7, NUL-terminated */
    int64_t time_us; /* */
    tdl_str app;     /* "recommend" */
    tdl_str user;
    const tdl_candidate *candidates; /* [candidates_n] */
    size_t candidates_n;
    tdl_str model_version;    /* version of the model row, empty when no model has been trained */
    tdl_str why;              /* the app's own record of its reasons; its `explain` reads it */
    uint8_t context_hash[16]; /* BLAKE2b-128 of everything the answer depended on */
} tdl_decision;

/* An item of the catalogue. */
typedef struct tdl_item {
    tdl_str id;
    tdl_str title;      /* may be empty */
    tdl_str attributes; /* a JSON object as text; empty = none */
} tdl_item;

#ifdef __cplusplus
}
#endif
#endif

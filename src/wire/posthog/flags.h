/* PostHog's flag routes: questions from bytes, answers and definitions as its SDKs read them.
 *
 * Ownership    what was read of a question borrows from its arena and from `json`
 */
#ifndef TDL_WIRE_POSTHOG_FLAGS_H
#define TDL_WIRE_POSTHOG_FLAGS_H

#include "flags/flags.h"
#include "wire/body.h"

typedef struct tdl_posthog_question {
    tdl_str token;            /* the key; empty = none in the body */
    tdl_flag_context context; /* without now_us */
    const json_t *keys;       /* array: flags to answer; NULL = all */
    bool none;                /* "disable_flags": answer nothing */
    json_t *json;             /* the body: the caller's, json_decref it */
} tdl_posthog_question;

/* The token is read first, and set also when the rest is refused (`json` too). */
tdl_status tdl_posthog_question_read(tdl_str text, tdl_arena *arena, tdl_posthog_question *ret,
                                     tdl_report *why);

/* Is this flag among those asked for? */
bool tdl_posthog_asks_for(const tdl_posthog_question *question, tdl_str key);

/* How an answer is written: /flags?v=2 | /flags, /decide?v=3 | /decide?v=2 | /decide?v=1. */
typedef enum tdl_posthog_form {
    TDL_POSTHOG_FORM_FULL,
    TDL_POSTHOG_FORM_VALUES,  /* values and payloads of all flags */
    TDL_POSTHOG_FORM_ENABLED, /* the same of those that are on */
    TDL_POSTHOG_FORM_LIST     /* keys of those that are on */
} tdl_posthog_form;

typedef struct tdl_posthog_answer {
    const tdl_flag *flag;
    tdl_flag_answer answer;
} tdl_posthog_answer;

typedef struct tdl_posthog_answers {
    const tdl_posthog_answer *at; /* [n] */
    size_t n;
    bool failed;            /* some flag could not be answered and is left out */
    const char *request_id; /* what SDKs name in $feature_flag_request_id */
    int64_t now_us;
} tdl_posthog_answers;

void tdl_posthog_answers_write(const tdl_posthog_answers *answers, tdl_posthog_form form,
                               tdl_jw *w);

/* Definitions for SDKs that decide by themselves. What they cannot decide as we do is marked so
 * that they ask us. `old`: posthog-node 4, which decides fewer. */
tdl_status tdl_posthog_definitions_write(const tdl_flag_set *set, bool old, tdl_jw *w,
                                         tdl_report *why);

#endif

/* OpenFeature's remote evaluation protocol (OFREP 0.3.0): questions from bytes, answers to JSON.
 *
 * Ownership    what is decoded lives as long as its tdl_ofrep_ask
 * Threads      pure functions
 */
#ifndef TDL_WIRE_OPENFEATURE_H
#define TDL_WIRE_OPENFEATURE_H

#include "base/json.h"
#include "flags/flags.h"

/* ---- errors ---- */

typedef enum tdl_ofrep_fault {
    TDL_OFREP_PARSE_ERROR,
    TDL_OFREP_TARGETING_KEY_MISSING,
    TDL_OFREP_INVALID_CONTEXT,
    TDL_OFREP_FLAG_NOT_FOUND,
    TDL_OFREP_GENERAL
} tdl_ofrep_fault;
const char *tdl_ofrep_fault_name(tdl_ofrep_fault fault); /* "PARSE_ERROR", ... */

/* {"key", "errorCode", "errorDetails"}; no key when it is empty: of a bulk request. */
void tdl_ofrep_write_error(tdl_jw *w, tdl_str key, tdl_ofrep_fault fault, const char *details);

/* ---- the question ---- */

typedef struct tdl_ofrep_ask {
    tdl_str targeting_key; /* 1 to TDL_ID_MAX bytes */
    json_t *properties;    /* object: all else in the context */
    json_t *json;          /* the parsed body */
} tdl_ofrep_ask;

/* {"context": {"targetingKey", ...}}. TDL_E_INVALID and its kind in ret_fault: PARSE_ERROR,
 * TARGETING_KEY_MISSING (or no context at all), INVALID_CONTEXT. */
tdl_status tdl_ofrep_decode(tdl_str body, tdl_ofrep_ask *ret, tdl_ofrep_fault *ret_fault,
                            tdl_report *why);
void tdl_ofrep_release(tdl_ofrep_ask *ask); /* accepts a zeroed one */

/* ---- the answer ---- */

const char *tdl_ofrep_reason(tdl_flag_reason reason); /* "STATIC", "SPLIT", ... */

/* {"key", "reason", "variant", "value", "metadata"}. The value is the payload where there is one,
 * with `variant` to tell which it is. decision_id: NULL or empty leaves it out. */
void tdl_ofrep_write_flag(tdl_jw *w, const tdl_flag *flag, const tdl_flag_answer *answer,
                          const char *decision_id);

/* ---- tokens ----
 * EventSource sends no headers, so a stream's address holds a token in place of the key: it opens
 * the stream until it expires, and nothing else. */

enum {
    TDL_OFREP_SECRET_BYTES = 32,
    TDL_OFREP_ETAG_CHARS = 32, /* hexadecimal: of a flag set */
    TDL_OFREP_TOKEN_MAX = 80   /* characters with the NUL */
};

typedef struct tdl_ofrep_token {
    int64_t expires_us;                  /* since 1970 UTC */
    char etag[TDL_OFREP_ETAG_CHARS + 1]; /* of the set that was served with it */
} tdl_ofrep_token;

void tdl_ofrep_token_write(const tdl_ofrep_token *token,
                           const uint8_t secret[TDL_OFREP_SECRET_BYTES],
                           char ret[TDL_OFREP_TOKEN_MAX]);
/* TDL_E_UNAUTHORIZED: not of this secret, or expired; in the same words. */
tdl_status tdl_ofrep_token_read(tdl_str text, const uint8_t secret[TDL_OFREP_SECRET_BYTES],
                                int64_t now_us, tdl_ofrep_token *ret, tdl_report *why);

#endif

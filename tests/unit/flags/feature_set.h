/* A set of GrowthBook features, and what they answer. Anything that goes wrong fails the test. */
#ifndef TDL_TESTS_FLAGS_FEATURE_SET_H
#define TDL_TESTS_FLAGS_FEATURE_SET_H

#include "flags/flags.h"

typedef struct features {
    tdl_flag_set *set;
    tdl_arena *arena; /* of answers */
    json_t *attributes;
    const char *url;
} features;

/* definitions: a JSON object, key to definition. */
features *features_new(const char *definitions);
void features_free(features *f); /* accepts NULL */

tdl_flag_answer features_ask(features *f, const char *key, const char *attributes);
/* The value, as JSON text. */
void features_expect(features *f, const char *key, const char *attributes, const char *value);

#endif

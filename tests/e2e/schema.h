/* Does an answer have the shape that the server's own OpenAPI document promises?
 *
 * Knows what openapi.json uses: $ref, type (also a list), required, properties,
 * additionalProperties (false), items, enum, const, oneOf, minimum, maximum, minItems, maxItems.
 */
#ifndef TDL_TESTS_E2E_SCHEMA_H
#define TDL_TESTS_E2E_SCHEMA_H

#include "client.h"

/* Fails the test when the last answer of `c` is not as described for this operation, or when the
 * status is not described. `document` is the parsed openapi.json. */
void schema_check(const json_t *document, const client *c, const char *method, const char *pattern);

#endif

/* Auth: which key came with a request, and what it may do.
 *
 * Valid keys are kept in memory as hashes. A watcher reloads them at most 100 ms after another
 * process changed the store; a key that is not known is looked for once more at once.
 */
#ifndef TDL_HTTP_AUTH_H
#define TDL_HTTP_AUTH_H

#include "store/store.h"

typedef struct tdl_auth tdl_auth;

/* The store must outlive it. */
tdl_status tdl_auth_new(tdl_store *store, tdl_auth **ret, tdl_report *why);
void tdl_auth_free(tdl_auth *auth); /* accepts NULL */

/* TDL_E_UNAUTHORIZED for a missing and for a wrong key, in the same words; TDL_E_FORBIDDEN when
 * the key's right does not include `needed`. */
tdl_status tdl_auth_check(tdl_auth *auth, tdl_str key, tdl_right needed, tdl_report *why);

/* The same, and which key it is: the id that `treadle key list` shows. ret_id is empty on failure.
 */
tdl_status tdl_auth_identify(tdl_auth *auth, tdl_str key, tdl_right needed, char ret_id[17],
                             tdl_report *why);

/* The right of the valid key with this id, as identified; 0 when there is none any more. */
tdl_right tdl_auth_right_of(tdl_auth *auth, const char *id);

/* Load the keys anew. */
tdl_status tdl_auth_reload(tdl_auth *auth, tdl_report *why);

enum { TDL_CREDENTIAL_MAX = 512 };

/* The key in the header fields: Bearer, or Basic with the key as user name, or X-API-Key; NULL
 * fields were not sent. False when there is none; ret may then still point to nothing. What
 * is there but makes no sense is a key too: a wrong one. */
bool tdl_auth_credential(const char *authorization, const char *x_api_key,
                         char ret[TDL_CREDENTIAL_MAX], size_t *ret_len);

#endif

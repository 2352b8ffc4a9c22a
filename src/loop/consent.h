/* Consent as it is served: who said something about personal answers, in memory, so that a decision
 * looks without waiting for the disk.
 *
 * Costs about 120 bytes for each id of somebody who said something; all others are as the store's
 * default says.
 *
 * Threads   every function from any thread
 */
#ifndef TDL_LOOP_CONSENT_H
#define TDL_LOOP_CONSENT_H

#include "loop/loop.h"

/* Store a word and serve it: once this returned, every answer knows. */
tdl_status tdl_loop_put_consent(tdl_loop *loop, tdl_str user, const tdl_consent *word,
                                tdl_report *why);

/* ---- for loop.c ---- */

typedef struct tdl_loop_consents tdl_loop_consents;
tdl_status tdl_loop_consents_open(tdl_store *store, tdl_loop_consents **ret, tdl_report *why);
void tdl_loop_consents_close(tdl_loop_consents *consents); /* accepts NULL */
tdl_loop_consents *tdl_loop_consents_of(tdl_loop *loop);

bool tdl_loop_consents_deny(tdl_loop_consents *consents, tdl_str user, tdl_purpose purpose);
/* What the person of `user` says may be another now: something was said, or two ids were joined. */
tdl_status tdl_loop_consents_look(tdl_loop_consents *consents, tdl_str user, tdl_report *why);
/* What other processes stored since. */
tdl_status tdl_loop_consents_refresh(tdl_loop_consents *consents, tdl_report *why);

#endif

/* People of a sealed store: what is written in place of them, and who they are when it is read
 * back.
 *
 * A store is sealed when it has a vault. Then the name of a user is a pseudonym, and the id and the
 * traits lie encrypted beside it under a key of the person's own. This is where they are made
 * unreadable and readable again, so nothing above the store knows of it. Of a plain store there are
 * no `tdl_people`: NULL is accepted everywhere, and everything stays as it is.
 *
 * Life cycle  tdl_people_new -> ... -> tdl_people_free
 * Threads     every function from any thread
 * Memory      up to 131,072 ids are remembered, because reading one anew takes two decryptions
 */
#ifndef TDL_STORE_PEOPLE_H
#define TDL_STORE_PEOPLE_H

#include "store/vault.h"

typedef struct tdl_people tdl_people;

/* NULL without memory. */
tdl_people *tdl_people_new(tdl_vault *take_vault);
void tdl_people_free(tdl_people *people);
const tdl_vault *tdl_people_vault(const tdl_people *people);
/* Forget what is remembered: somebody may have been erased. */
void tdl_people_forget(tdl_people *people);

/* ---- users ---- */

/* A row of `users`, as far as it says who that is. Borrowed. */
typedef struct tdl_user_seal {
    tdl_str name; /* the pseudonym; of a plain store the id */
    tdl_str key;  /* the person's key, wrapped; empty in a plain store and when it was destroyed */
    tdl_str id;   /* sealed */
} tdl_user_seal;

/* The name that stands for `id` in the store: `ret`, or `id` itself in a plain store. */
tdl_str tdl_people_name(const tdl_people *people, tdl_str id, char ret[TDL_PSEUDONYM_LEN + 1]);
/* A new key for the user called `name`, and the id sealed with it: appended to `ret_key` and
 * `ret_id`; nothing in a plain store. */
void tdl_people_seal(const tdl_people *people, tdl_str id, tdl_str name, tdl_buf *ret_key,
                     tdl_buf *ret_id);
/* Who that is, in `buf`; the name when it cannot be told. */
tdl_str tdl_people_id(tdl_people *people, tdl_user_seal row, tdl_buf *buf);

/* ---- traits ---- */

/* `traits`, a checked JSON object, with each value sealed under the person's key as a JSON text:
 * appended to `ret`. False: the key cannot be read, or there is no memory. */
bool tdl_people_seal_traits(const tdl_people *people, tdl_user_seal row, tdl_str traits,
                            tdl_buf *ret);
/* One value of them as it was said, in `buf`; empty when it cannot be read. */
tdl_str tdl_people_trait(const tdl_people *people, tdl_user_seal row, tdl_str trait, tdl_str value,
                         tdl_buf *buf);

/* ---- decisions: whoever asks need not be a user, and has no key ---- */

void tdl_people_seal_stranger(const tdl_people *people, tdl_str id, tdl_str name, tdl_buf *ret);
tdl_str tdl_people_stranger(const tdl_people *people, tdl_str name, tdl_str sealed, tdl_buf *buf);

/* ---- what may hold ids and belongs to no one person ---- */

typedef enum tdl_seal_field {
    TDL_SEAL_REJECT, /* the bytes of a reject; subject: its source */
    TDL_SEAL_ERASED  /* tdl_erased_name of an id; subject: the name of its row */
} tdl_seal_field;

/* Appends `text`, sealed under the store's own key; as it is in a plain store. */
void tdl_people_seal_own(const tdl_people *people, tdl_seal_field field, tdl_str subject,
                         tdl_str text, tdl_buf *ret);
/* The text, in `buf`; empty when it cannot be read. Of a plain store `sealed` itself. */
tdl_str tdl_people_own(const tdl_people *people, tdl_seal_field field, tdl_str subject,
                       tdl_str sealed, tdl_buf *buf);
/* The name under which somebody is erased here whose id was not known when it was made: `erased` is
 * tdl_erased_name of the id; a sealed store has a pseudonym of that. */
tdl_str tdl_people_erased(const tdl_people *people, tdl_str erased,
                          char ret[TDL_PSEUDONYM_LEN + 1]);

#endif

/* Vault: pseudonyms for people, and what is kept encrypted under a key of each person's own.
 *
 * Three levels of keys. The master key is a file of its owner's (mode 0600), never in the store. It
 * wraps the root key, which lies in the store's settings: another master key means wrapping 32
 * bytes anew. From the root key come the keys of pseudonyms, of the store's own fields and of
 * signatures. Each person has a random key, wrapped by the root key: destroying it makes unreadable
 * all that was sealed with it, in every copy.
 *
 * Pseudonym  first 16 bytes of BLAKE2b-256(key, project NUL kind NUL id) in base32, lower case
 * Sealed     version byte 1, 24 bytes of nonce, XChaCha20-Poly1305 ciphertext with its tag; what is
 *            authenticated beside it names subject and field, so that nothing can be moved
 * Threads    a vault is constant after it was opened; every function may run on any thread
 */
#ifndef TDL_STORE_VAULT_H
#define TDL_STORE_VAULT_H

#include <stdint.h>

#include "base/report.h"
#include "base/str.h"

typedef struct tdl_vault tdl_vault; /* as in store.h */

enum {
    TDL_PSEUDONYM_LEN = 26,
    TDL_VAULT_KEY_BYTES = 32,
    TDL_SEAL_BYTES = 1 + 24 + 16, /* a sealed text is so much longer than the text */
    TDL_WRAPPED_BYTES = TDL_SEAL_BYTES + TDL_VAULT_KEY_BYTES,
    TDL_SIGNATURE_BYTES = 64,
    TDL_PUBLIC_KEY_BYTES = 32
};

/* ---- the master key ---- */

/* Read a master key: 64 hexadecimal digits in a file that only its owner may read. With `create`, a
 * missing file is made. TDL_E_NOT_FOUND, TDL_E_FORBIDDEN (others may read it), TDL_E_INVALID. */
tdl_status tdl_master_key_read(const char *path, bool create, uint8_t ret[TDL_VAULT_KEY_BYTES],
                               tdl_report *why);

/* A new root key, wrapped, as text for the settings. */
tdl_status tdl_vault_make(const uint8_t master[TDL_VAULT_KEY_BYTES], tdl_buf *ret, tdl_report *why);
/* TDL_E_FORBIDDEN: another master key; TDL_E_CORRUPT: not a wrapped key. */
tdl_status tdl_vault_open(const uint8_t master[TDL_VAULT_KEY_BYTES], tdl_str wrapped,
                          tdl_vault **ret, tdl_report *why);
/* The same root key under another master key. */
tdl_status tdl_vault_rewrap(const tdl_vault *vault, const uint8_t master[TDL_VAULT_KEY_BYTES],
                            tdl_buf *ret, tdl_report *why);
void tdl_vault_close(tdl_vault *vault); /* accepts NULL */

/* ---- people ---- */

/* NUL-terminated. kind: "user", "erased". */
void tdl_pseudonym(const uint8_t key[TDL_VAULT_KEY_BYTES], const char *project, const char *kind,
                   tdl_str id, char ret[TDL_PSEUDONYM_LEN + 1]);
void tdl_vault_pseudonym(const tdl_vault *vault, const char *kind, tdl_str id,
                         char ret[TDL_PSEUDONYM_LEN + 1]);

/* A new person's key, and the same wrapped. */
void tdl_vault_make_key(const tdl_vault *vault, tdl_str pseudonym, uint8_t ret[TDL_VAULT_KEY_BYTES],
                        uint8_t ret_wrapped[TDL_WRAPPED_BYTES]);
/* TDL_E_CORRUPT: damaged, or another person's. */
tdl_status tdl_vault_unwrap(const tdl_vault *vault, tdl_str pseudonym, tdl_str wrapped,
                            uint8_t ret[TDL_VAULT_KEY_BYTES], tdl_report *why);

/* Append `text` sealed to `ret`. `field` is "id", "trait:email", ... */
void tdl_vault_seal(const uint8_t key[TDL_VAULT_KEY_BYTES], tdl_str subject, tdl_str field,
                    tdl_str text, tdl_buf *ret);
/* Append the text to `ret`. TDL_E_CORRUPT: damaged, or sealed with another key, for another subject
 * or field. */
tdl_status tdl_vault_unseal(const uint8_t key[TDL_VAULT_KEY_BYTES], tdl_str subject, tdl_str field,
                            tdl_str sealed, tdl_buf *ret, tdl_report *why);

/* The store's own key, for what belongs to no one person: destroyed with nobody. */
const uint8_t *tdl_vault_store_key(const tdl_vault *vault);
/* For commitments in the audit log: hides a value of few possible ones. */
const uint8_t *tdl_vault_audit_key(const tdl_vault *vault);

/* ---- signatures: Ed25519, detached ---- */

void tdl_vault_sign(const tdl_vault *vault, tdl_str message, uint8_t ret[TDL_SIGNATURE_BYTES]);
void tdl_vault_public_key(const tdl_vault *vault, uint8_t ret[TDL_PUBLIC_KEY_BYTES]);
bool tdl_vault_verify(const uint8_t public_key[TDL_PUBLIC_KEY_BYTES], tdl_str message,
                      const uint8_t signature[TDL_SIGNATURE_BYTES]);

#endif

#include "store/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    VERSION = 1,
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    BASE64_MAX = sodium_base64_ENCODED_LEN(TDL_WRAPPED_BYTES, sodium_base64_VARIANT_ORIGINAL)
};
_Static_assert(TDL_SEAL_BYTES == 1 + NONCE_BYTES + TAG_BYTES, "the sealed format");

struct tdl_vault {
    uint8_t root[TDL_VAULT_KEY_BYTES];
    uint8_t pseudonyms[TDL_VAULT_KEY_BYTES];
    uint8_t fields[TDL_VAULT_KEY_BYTES];
    uint8_t audit[TDL_VAULT_KEY_BYTES];
    uint8_t sign_public[crypto_sign_PUBLICKEYBYTES];
    uint8_t sign_secret[crypto_sign_SECRETKEYBYTES];
};

/* ---- the master key ---- */

static tdl_status make_master(const char *path, tdl_report *why)
{
    uint8_t key[TDL_VAULT_KEY_BYTES];
    char text[2 * TDL_VAULT_KEY_BYTES + 1];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written;

    if (fd < 0 && errno == EEXIST) // another process was faster
        return TDL_OK;
    if (fd < 0)
        return TDL_FAIL_HINT(why, TDL_E_IO, "may this user write to the folder?", "%s: %s", path,
                             strerror(errno));
    randombytes_buf(key, sizeof key);
    sodium_bin2hex(text, sizeof text, key, sizeof key);
    text[sizeof text - 1] = '\n';
    written = write(fd, text, sizeof text) == (ssize_t)sizeof text && !fsync(fd);
    sodium_memzero(key, sizeof key);
    sodium_memzero(text, sizeof text);
    close(fd);
    if (!written) {
        unlink(path);
        return TDL_FAIL(why, TDL_E_IO, "%s cannot be written", path);
    }
    return TDL_OK;
}

static tdl_status check_mode(int fd, const char *path, tdl_report *why)
{
    struct stat info;

    if (fstat(fd, &info))
        return TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode) || (info.st_mode & 077))
        return TDL_FAIL_HINT(why, TDL_E_FORBIDDEN, "chmod 600 it",
                             "%s: a master key must be a file that only its owner may read", path);
    return TDL_OK;
}

static tdl_status parse_master(const char *path, const char *text, size_t text_n,
                               uint8_t ret[TDL_VAULT_KEY_BYTES], tdl_report *why)
{
    size_t n = 0;

    if (sodium_hex2bin(ret, TDL_VAULT_KEY_BYTES, text, text_n, "\r\n", &n, NULL) ||
        n != TDL_VAULT_KEY_BYTES)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "openssl rand -hex 32 makes one",
                             "%s: a master key is 64 hexadecimal digits", path);
    return TDL_OK;
}

tdl_status tdl_master_key_read(const char *path, bool create, uint8_t ret[TDL_VAULT_KEY_BYTES],
                               tdl_report *why)
{
    char text[2 * TDL_VAULT_KEY_BYTES + 8];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    tdl_status st;

    if (fd < 0 && errno == ENOENT && create) {
        if ((st = make_master(path, why)))
            return st;
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0)
        return TDL_FAIL(why, errno == ENOENT ? TDL_E_NOT_FOUND : TDL_E_IO, "master key %s: %s",
                        path, strerror(errno));
    if (!(st = check_mode(fd, path, why))) {
        ssize_t n = read(fd, text, sizeof text);
        st = n < 0 ? TDL_FAIL(why, TDL_E_IO, "master key %s: %s", path, strerror(errno))
                   : parse_master(path, text, (size_t)n, ret, why);
    }
    close(fd);
    sodium_memzero(text, sizeof text);
    return st;
}

/* ---- sealing ---- */

/* What is authenticated beside the text: "subject:S|field:F|v1", or "subject:S|key|v1". */
static bool say_place(tdl_buf *out, tdl_str subject, tdl_str field)
{
    tdl_buf_str(out, TDL_STR("subject:"));
    tdl_buf_str(out, subject);
    tdl_buf_str(out, field.len ? TDL_STR("|field:") : TDL_STR("|key"));
    tdl_buf_str(out, field);
    tdl_buf_str(out, TDL_STR("|v1"));
    return !out->failed;
}

static bool seal(const uint8_t *key, tdl_str subject, tdl_str field, tdl_str text, uint8_t *ret)
{
    tdl_buf place = {0};
    bool ok = say_place(&place, subject, field);
    tdl_str said = tdl_buf_view(&place);

    ret[0] = VERSION;
    randombytes_buf(ret + 1, NONCE_BYTES);
    if (ok)
        crypto_aead_xchacha20poly1305_ietf_encrypt(
            ret + 1 + NONCE_BYTES, NULL, (const uint8_t *)text.at, text.len,
            (const uint8_t *)said.at, said.len, NULL, ret + 1, key);
    tdl_buf_release(&place);
    return ok;
}

static bool unseal(const uint8_t *key, tdl_str subject, tdl_str field, tdl_str sealed, uint8_t *ret)
{
    const uint8_t *at = (const uint8_t *)sealed.at;
    tdl_buf place = {0};

    if (sealed.len < TDL_SEAL_BYTES || at[0] != VERSION)
        return false;
    bool ok = say_place(&place, subject, field);
    tdl_str said = tdl_buf_view(&place);
    ok = ok && !crypto_aead_xchacha20poly1305_ietf_decrypt(
                   ret, NULL, NULL, at + 1 + NONCE_BYTES, sealed.len - 1 - NONCE_BYTES,
                   (const uint8_t *)said.at, said.len, at + 1, key);
    tdl_buf_release(&place);
    return ok;
}

void tdl_vault_seal(const uint8_t key[TDL_VAULT_KEY_BYTES], tdl_str subject, tdl_str field,
                    tdl_str text, tdl_buf *ret)
{
    uint8_t *at = malloc(TDL_SEAL_BYTES + text.len);

    if (!at || !seal(key, subject, field, text, at))
        ret->failed = true;
    else
        tdl_buf_str(ret, (tdl_str){(char *)at, TDL_SEAL_BYTES + text.len});
    free(at);
}

tdl_status tdl_vault_unseal(const uint8_t key[TDL_VAULT_KEY_BYTES], tdl_str subject, tdl_str field,
                            tdl_str sealed, tdl_buf *ret, tdl_report *why)
{
    uint8_t *at = malloc(sealed.len + 1);
    tdl_status st = TDL_OK;

    if (!at)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to read what is sealed");
    if (!unseal(key, subject, field, sealed, at))
        st = TDL_FAIL(why, TDL_E_CORRUPT,
                      "field %.*s of %.*s is unreadable: damaged, or sealed"
                      " with another key",
                      TDL_FMT(field), TDL_FMT(subject));
    else
        tdl_buf_str(ret, (tdl_str){(char *)at, sealed.len - TDL_SEAL_BYTES});
    sodium_memzero(at, sealed.len);
    free(at);
    return st || !ret->failed ? st : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to read a field");
}

/* ---- the vault ---- */

static const tdl_str store_subject = {"store", 5};
static const tdl_str no_field = {0}; // a key

static tdl_status wrap_root(const uint8_t *master, const uint8_t *root, tdl_buf *ret,
                            tdl_report *why)
{
    uint8_t wrapped[TDL_WRAPPED_BYTES];
    char text[BASE64_MAX];

    if (!seal(master, store_subject, no_field, (tdl_str){(const char *)root, TDL_VAULT_KEY_BYTES},
              wrapped))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a key");
    sodium_bin2base64(text, sizeof text, wrapped, sizeof wrapped, sodium_base64_VARIANT_ORIGINAL);
    tdl_buf_str(ret, tdl_str_of(text));
    return ret->failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a key") : TDL_OK;
}

tdl_status tdl_vault_make(const uint8_t master[TDL_VAULT_KEY_BYTES], tdl_buf *ret, tdl_report *why)
{
    uint8_t root[TDL_VAULT_KEY_BYTES];

    randombytes_buf(root, sizeof root);
    tdl_status st = wrap_root(master, root, ret, why);
    sodium_memzero(root, sizeof root);
    return st;
}

static void derive(tdl_vault *v)
{
    uint8_t seed[crypto_sign_SEEDBYTES];

    crypto_kdf_derive_from_key(v->pseudonyms, sizeof v->pseudonyms, 1, "tdlpseud", v->root);
    crypto_kdf_derive_from_key(v->fields, sizeof v->fields, 1, "tdlfield", v->root);
    crypto_kdf_derive_from_key(v->audit, sizeof v->audit, 1, "tdlaudit", v->root);
    crypto_kdf_derive_from_key(seed, sizeof seed, 1, "tdlsigns", v->root);
    crypto_sign_seed_keypair(v->sign_public, v->sign_secret, seed);
    sodium_memzero(seed, sizeof seed);
}

tdl_status tdl_vault_open(const uint8_t master[TDL_VAULT_KEY_BYTES], tdl_str text, tdl_vault **ret,
                          tdl_report *why)
{
    uint8_t wrapped[TDL_WRAPPED_BYTES];
    size_t n = 0;

    if (sodium_base642bin(wrapped, sizeof wrapped, text.at ? text.at : "", text.len, NULL, &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL) ||
        n != sizeof wrapped)
        return TDL_FAIL_HINT(why, TDL_E_CORRUPT, "restore it from a backup",
                             "the store's root key is damaged");
    tdl_vault *v = sodium_init() < 0 ? NULL : sodium_malloc(sizeof *v);
    if (!v)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the keys");
    if (!unseal(master, store_subject, no_field, (tdl_str){(const char *)wrapped, n}, v->root)) {
        sodium_free(v);
        return TDL_FAIL_HINT(why, TDL_E_FORBIDDEN,
                             "name the file it was made with in TREADLE_MASTER_KEY_FILE",
                             "the store is sealed with another master key");
    }
    derive(v);
    sodium_mprotect_readonly(v);
    *ret = v;
    return TDL_OK;
}

tdl_status tdl_vault_rewrap(const tdl_vault *v, const uint8_t master[TDL_VAULT_KEY_BYTES],
                            tdl_buf *ret, tdl_report *why)
{
    return wrap_root(master, v->root, ret, why);
}

void tdl_vault_close(tdl_vault *v)
{
    sodium_free(v); // clears it
}

/* ---- people ---- */

static void base32(const uint8_t *bytes, size_t n, char *ret)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned held = 0, held_bits = 0;

    for (size_t i = 0; i < n; i++) {
        held = held << 8 | bytes[i];
        for (held_bits += 8; held_bits >= 5; held_bits -= 5)
            *ret++ = digits[held >> (held_bits - 5) & 31];
    }
    if (held_bits)
        *ret++ = digits[held << (5 - held_bits) & 31];
    *ret = '\0';
}

void tdl_pseudonym(const uint8_t key[TDL_VAULT_KEY_BYTES], const char *project, const char *kind,
                   tdl_str id, char ret[TDL_PSEUDONYM_LEN + 1])
{
    crypto_generichash_state state;
    uint8_t hash[32];

    crypto_generichash_init(&state, key, TDL_VAULT_KEY_BYTES, sizeof hash);
    crypto_generichash_update(&state, (const uint8_t *)project, strlen(project) + 1);
    crypto_generichash_update(&state, (const uint8_t *)kind, strlen(kind) + 1);
    crypto_generichash_update(&state, (const uint8_t *)id.at, id.len);
    crypto_generichash_final(&state, hash, sizeof hash);
    base32(hash, 16, ret);
}

void tdl_vault_pseudonym(const tdl_vault *v, const char *kind, tdl_str id,
                         char ret[TDL_PSEUDONYM_LEN + 1])
{
    tdl_pseudonym(v->pseudonyms, "treadle", kind, id, ret); // one store is one project
}

void tdl_vault_make_key(const tdl_vault *v, tdl_str pseudonym, uint8_t ret[TDL_VAULT_KEY_BYTES],
                        uint8_t ret_wrapped[TDL_WRAPPED_BYTES])
{
    randombytes_buf(ret, TDL_VAULT_KEY_BYTES);
    if (!seal(v->root, pseudonym, no_field, (tdl_str){(const char *)ret, TDL_VAULT_KEY_BYTES},
              ret_wrapped))
        abort(); // no memory for a hundred bytes: nothing may be stored under a lost key
}

tdl_status tdl_vault_unwrap(const tdl_vault *v, tdl_str pseudonym, tdl_str wrapped,
                            uint8_t ret[TDL_VAULT_KEY_BYTES], tdl_report *why)
{
    if (wrapped.len != TDL_WRAPPED_BYTES || !unseal(v->root, pseudonym, no_field, wrapped, ret))
        return TDL_FAIL(why, TDL_E_CORRUPT, "the key of %.*s is unreadable", TDL_FMT(pseudonym));
    return TDL_OK;
}

const uint8_t *tdl_vault_store_key(const tdl_vault *v)
{
    return v->fields;
}

const uint8_t *tdl_vault_audit_key(const tdl_vault *v)
{
    return v->audit;
}

/* ---- signatures ---- */

void tdl_vault_sign(const tdl_vault *v, tdl_str message, uint8_t ret[TDL_SIGNATURE_BYTES])
{
    crypto_sign_detached(ret, NULL, (const uint8_t *)message.at, message.len, v->sign_secret);
}

void tdl_vault_public_key(const tdl_vault *v, uint8_t ret[TDL_PUBLIC_KEY_BYTES])
{
    memcpy(ret, v->sign_public, TDL_PUBLIC_KEY_BYTES);
}

bool tdl_vault_verify(const uint8_t public_key[TDL_PUBLIC_KEY_BYTES], tdl_str message,
                      const uint8_t signature[TDL_SIGNATURE_BYTES])
{
    return !crypto_sign_verify_detached(signature, (const uint8_t *)message.at, message.len,
                                        public_key);
}

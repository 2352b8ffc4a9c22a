#include "store/people.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* Remembered by the nonce its id is sealed with: drawn once, and another one's by no chance. */
enum { SETS = 1 << 15, WAYS = 4, NONCE_AT = 1, NONCE_BYTES = 16 };

typedef struct memory {
    uint8_t nonce[NONCE_BYTES];
    char *id; /* NULL: free */
    size_t len;
} memory;

struct tdl_people {
    tdl_vault *vault;
    pthread_mutex_t lock;     /* of the memories */
    memory (*memories)[WAYS]; /* [SETS], in each the newest first */
};

static const tdl_str id_field = {"id", 2}, user_field = {"user", 4};

tdl_people *tdl_people_new(tdl_vault *take_vault)
{
    tdl_people *people = calloc(1, sizeof *people);
    memory(*memories)[WAYS] = calloc(SETS, sizeof *memories); // pages are touched when used

    if (!people || !memories) {
        free(people);
        free(memories);
        tdl_vault_close(take_vault);
        return NULL;
    }
    people->vault = take_vault;
    people->memories = memories;
    pthread_mutex_init(&people->lock, NULL);
    return people;
}

void tdl_people_free(tdl_people *people)
{
    if (!people)
        return;
    tdl_people_forget(people);
    free(people->memories);
    pthread_mutex_destroy(&people->lock);
    tdl_vault_close(people->vault);
    free(people);
}

const tdl_vault *tdl_people_vault(const tdl_people *people)
{
    return people ? people->vault : NULL;
}

/* ---- what is remembered ---- */

static void drop(memory *m)
{
    if (m->id)
        sodium_memzero(m->id, m->len);
    free(m->id);
    *m = (memory){0};
}

void tdl_people_forget(tdl_people *people)
{
    if (!people)
        return;
    pthread_mutex_lock(&people->lock);
    for (size_t set = 0; set < SETS; set++)
        for (size_t way = 0; way < WAYS && people->memories[set][way].id; way++)
            drop(&people->memories[set][way]);
    pthread_mutex_unlock(&people->lock);
}

static memory *set_of(tdl_people *people, const uint8_t *nonce)
{
    return people->memories[(nonce[0] | nonce[1] << 8) % SETS];
}

static bool recall(tdl_people *people, const uint8_t *nonce, tdl_buf *ret)
{
    memory *set = set_of(people, nonce);
    bool found = false;

    pthread_mutex_lock(&people->lock);
    for (size_t way = 0; !found && way < WAYS && set[way].id; way++)
        if ((found = !memcmp(set[way].nonce, nonce, NONCE_BYTES)))
            tdl_buf_add(ret, set[way].id, set[way].len);
    pthread_mutex_unlock(&people->lock);
    return found;
}

static void remember(tdl_people *people, const uint8_t *nonce, tdl_str id)
{
    memory *set = set_of(people, nonce);
    memory m = {.id = malloc(id.len + 1), .len = id.len};

    if (!m.id)
        return;
    memcpy(m.nonce, nonce, NONCE_BYTES);
    memcpy(m.id, id.at, id.len);
    pthread_mutex_lock(&people->lock);
    drop(&set[WAYS - 1]);
    memmove(set + 1, set, (WAYS - 1) * sizeof *set);
    set[0] = m;
    pthread_mutex_unlock(&people->lock);
}

/* ---- users ---- */

tdl_str tdl_people_name(const tdl_people *people, tdl_str id, char ret[TDL_PSEUDONYM_LEN + 1])
{
    if (!people || !id.len)
        return id;
    tdl_vault_pseudonym(people->vault, "user", id, ret);
    return (tdl_str){ret, TDL_PSEUDONYM_LEN};
}

void tdl_people_seal(const tdl_people *people, tdl_str id, tdl_str name, tdl_buf *ret_key,
                     tdl_buf *ret_id)
{
    uint8_t key[TDL_VAULT_KEY_BYTES], wrapped[TDL_WRAPPED_BYTES];

    if (!people)
        return;
    tdl_vault_make_key(people->vault, name, key, wrapped);
    tdl_buf_add(ret_key, wrapped, sizeof wrapped);
    tdl_vault_seal(key, name, id_field, id, ret_id);
    sodium_memzero(key, sizeof key);
}

/* Appends what is sealed under the person's key to `ret`. */
static bool unseal(const tdl_people *people, tdl_user_seal row, tdl_str field, tdl_str sealed,
                   tdl_buf *ret)
{
    uint8_t key[TDL_VAULT_KEY_BYTES];

    if (tdl_vault_unwrap(people->vault, row.name, row.key, key, NULL))
        return false;
    tdl_status st = tdl_vault_unseal(key, row.name, field, sealed, ret, NULL);
    sodium_memzero(key, sizeof key);
    return !st;
}

tdl_str tdl_people_id(tdl_people *people, tdl_user_seal row, tdl_buf *buf)
{
    if (!people || row.id.len < TDL_SEAL_BYTES || !row.key.len)
        return row.name;
    const uint8_t *nonce = (const uint8_t *)row.id.at + NONCE_AT;
    tdl_buf_clear(buf);
    if (!recall(people, nonce, buf)) {
        if (!unseal(people, row, id_field, row.id, buf))
            return row.name;
        remember(people, nonce, tdl_buf_view(buf));
    }
    return buf->failed ? row.name : tdl_buf_view(buf);
}

/* ---- traits ---- */

static void name_field(tdl_buf *ret, tdl_str trait)
{
    tdl_buf_clear(ret);
    tdl_buf_str(ret, TDL_STR("trait:"));
    tdl_buf_str(ret, trait);
}

static size_t skip_blanks(tdl_str text, size_t at)
{
    while (at < text.len && strchr(" \t\r\n", text.at[at]))
        at++;
    return at;
}

/* Behind the string that begins at `at`. */
static size_t string_end(tdl_str text, size_t at)
{
    for (at++; at < text.len && text.at[at] != '"'; at++)
        at += text.at[at] == '\\';
    return at < text.len ? at + 1 : text.len;
}

/* Behind the member's value that begins at `at`: at the comma, or the object's end. */
static size_t value_end(tdl_str text, size_t at)
{
    for (size_t depth = 0; at < text.len; at++) {
        char c = text.at[at];
        if (c == '"')
            at = string_end(text, at) - 1;
        else if (c == '{' || c == '[')
            depth++;
        else if (!depth && (c == ',' || c == '}'))
            break;
        else if (c == '}' || c == ']')
            depth--;
    }
    return at;
}

/* A member sealed onto `w`. `name`: as it was written, in quotes; its escapes are read. */
static bool seal_member(const uint8_t *key, tdl_str subject, tdl_str name, tdl_str value, tdl_jw *w)
{
    tdl_buf field = {0}, sealed = {0};
    json_t *read = NULL;
    char *text = NULL;

    if (!tdl_json_parse(name, TDL_JSON_LAST_WINS, &read, NULL)) {
        name_field(&field, tdl_str_of(json_string_value(read)));
        tdl_vault_seal(key, subject, tdl_buf_view(&field), value, &sealed);
        size_t size =
            sodium_base64_ENCODED_LEN(sealed.len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        text = field.failed || sealed.failed ? NULL : malloc(size);
        if (text) {
            sodium_bin2base64(text, size, (const uint8_t *)sealed.at, sealed.len,
                              sodium_base64_VARIANT_URLSAFE_NO_PADDING);
            tdl_jw_ktext(w, json_string_value(read), text);
        }
    }
    json_decref(read);
    tdl_buf_release(&field);
    tdl_buf_release(&sealed);
    free(text);
    return text != NULL;
}

static bool seal_members(const uint8_t *key, tdl_str subject, tdl_str traits, tdl_jw *w)
{
    size_t at = skip_blanks(traits, skip_blanks(traits, 0) + 1);
    bool ok = true;

    while (ok && at < traits.len && traits.at[at] == '"') {
        size_t name_at = at, name_end = string_end(traits, at);
        size_t value_at = skip_blanks(traits, skip_blanks(traits, name_end) + 1);
        size_t end = value_end(traits, value_at);
        ok = value_at <= end &&
             seal_member(key, subject, (tdl_str){traits.at + name_at, name_end - name_at},
                         tdl_str_trim((tdl_str){traits.at + value_at, end - value_at}), w);
        at = skip_blanks(traits, end + 1);
    }
    return ok;
}

bool tdl_people_seal_traits(const tdl_people *people, tdl_user_seal row, tdl_str traits,
                            tdl_buf *ret)
{
    uint8_t key[TDL_VAULT_KEY_BYTES];
    tdl_jw w = {.out = ret};

    if (!people) {
        tdl_buf_str(ret, traits);
        return !ret->failed;
    }
    if (tdl_vault_unwrap(people->vault, row.name, row.key, key, NULL))
        return false;
    tdl_jw_object(&w);
    bool ok = seal_members(key, row.name, traits, &w);
    tdl_jw_end_object(&w);
    sodium_memzero(key, sizeof key);
    return ok && !ret->failed;
}

tdl_str tdl_people_trait(const tdl_people *people, tdl_user_seal row, tdl_str trait, tdl_str value,
                         tdl_buf *buf)
{
    tdl_buf field = {0};
    uint8_t *sealed = people && value.len > 2 ? malloc(value.len) : NULL;
    size_t n = 0;

    if (!people)
        return value;
    name_field(&field, trait);
    tdl_buf_clear(buf);
    bool ok = sealed && !field.failed &&
              !sodium_base642bin(sealed, value.len, value.at + 1, value.len - 2, NULL, &n, NULL,
                                 sodium_base64_VARIANT_URLSAFE_NO_PADDING) &&
              unseal(people, row, tdl_buf_view(&field), (tdl_str){(const char *)sealed, n}, buf);
    tdl_buf_release(&field);
    free(sealed);
    return ok && !buf->failed ? tdl_buf_view(buf) : (tdl_str){0};
}

/* ---- decisions ---- */

void tdl_people_seal_stranger(const tdl_people *people, tdl_str id, tdl_str name, tdl_buf *ret)
{
    if (people)
        tdl_vault_seal(tdl_vault_store_key(people->vault), name, user_field, id, ret);
}

tdl_str tdl_people_stranger(const tdl_people *people, tdl_str name, tdl_str sealed, tdl_buf *buf)
{
    tdl_buf_clear(buf);
    if (!people ||
        tdl_vault_unseal(tdl_vault_store_key(people->vault), name, user_field, sealed, buf, NULL))
        return name;
    return buf->failed ? name : tdl_buf_view(buf);
}

/* ---- what belongs to no one person ---- */

static const tdl_str own_fields[] = {
    [TDL_SEAL_REJECT] = {"reject", 6}, [TDL_SEAL_ERASED] = {"erased", 6}};

void tdl_people_seal_own(const tdl_people *people, tdl_seal_field field, tdl_str subject,
                         tdl_str text, tdl_buf *ret)
{
    if (people)
        tdl_vault_seal(tdl_vault_store_key(people->vault), subject, own_fields[field], text, ret);
    else
        tdl_buf_str(ret, text);
}

tdl_str tdl_people_own(const tdl_people *people, tdl_seal_field field, tdl_str subject,
                       tdl_str sealed, tdl_buf *buf)
{
    if (!people)
        return sealed;
    tdl_buf_clear(buf);
    if (tdl_vault_unseal(tdl_vault_store_key(people->vault), subject, own_fields[field], sealed,
                         buf, NULL) ||
        buf->failed)
        return (tdl_str){0};
    return tdl_buf_view(buf);
}

tdl_str tdl_people_erased(const tdl_people *people, tdl_str erased, char ret[TDL_PSEUDONYM_LEN + 1])
{
    if (!people)
        return erased;
    tdl_vault_pseudonym(people->vault, "erased", erased, ret);
    return (tdl_str){ret, TDL_PSEUDONYM_LEN};
}

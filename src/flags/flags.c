#include "flags/flags.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "flags/family.h"

/* Every family there is. A new one is its file and its line here. */
static const tdl_flag_family *const families[] = {&tdl_flag_posthog, &tdl_flag_growthbook};
enum { FAMILIES_N = sizeof families / sizeof families[0], ETAG_BYTES = 16, SET_BYTES = 64 << 20 };

struct tdl_flag_set {
    tdl_arena *arena; /* of texts */
    tdl_flag *flags;  /* [n] by creation */
    size_t n;
    uint32_t *slot; /* [slots_n] index into flags + 1, by hash of the key; 0 = free */
    size_t slots_n; /* a power of two, at least twice n */
    char etag[2 * ETAG_BYTES + 1];
};

static const tdl_flag_family *find_family(tdl_str name, tdl_report *why)
{
    for (size_t i = 0; i < FAMILIES_N; i++)
        if (tdl_str_is(name, families[i]->name))
            return families[i];
    TDL_FAIL_HINT(why, TDL_E_INVALID, "use posthog or growthbook",
                  "there is no family of flags \"%.*s\"", TDL_FMT(name));
    return NULL;
}

/* ret_definition: to be released by the caller, after what was compiled. */
static tdl_status compile(tdl_str family, tdl_str text, const tdl_flag_family **ret_family,
                          json_t **ret_definition, void **ret, tdl_report *why)
{
    json_t *definition = NULL;
    tdl_status st;

    if (!(*ret_family = find_family(family, why)))
        return TDL_E_INVALID;
    if ((st = tdl_json_parse(text, TDL_JSON_LAST_WINS, &definition, why)))
        return st;
    if (!json_is_object(definition))
        st = TDL_FAIL(why, TDL_E_INVALID, "a definition must be an object, not of type %s",
                      tdl_json_type_name(definition));
    else
        st = (*ret_family)->compile(definition, ret, why);
    if (st) {
        json_decref(definition);
        return st;
    }
    *ret_definition = definition;
    return TDL_OK;
}

tdl_status tdl_flag_check(tdl_str family, tdl_str text, tdl_report *why)
{
    const tdl_flag_family *of;
    json_t *definition;
    void *compiled;
    tdl_status st = compile(family, text, &of, &definition, &compiled, why);

    if (st)
        return st;
    of->free(compiled);
    json_decref(definition);
    return TDL_OK;
}

/* ---- sets ---- */

static bool keep_row(tdl_arena *arena, const tdl_flag_row *row, tdl_flag_row *ret)
{
    *ret = *row;
    ret->key = tdl_arena_str(arena, row->key);
    ret->family = tdl_arena_str(arena, row->family);
    ret->definition = tdl_arena_str(arena, row->definition);
    return ret->key.at && ret->family.at && ret->definition.at;
}

/* The slot that holds `key`, or the free one where it belongs. */
static size_t find_slot(const tdl_flag_set *set, tdl_str key)
{
    size_t at = tdl_str_hash(key) & (set->slots_n - 1);

    while (set->slot[at] && !tdl_str_eq(set->flags[set->slot[at] - 1].row.key, key))
        at = (at + 1) & (set->slots_n - 1);
    return at;
}

static tdl_status add_row(tdl_flag_set *set, const tdl_flag_row *row, tdl_report *ret_warning,
                          tdl_report *why)
{
    tdl_flag *flag = &set->flags[set->n];
    json_t *definition;
    tdl_report own = {0};

    if (!keep_row(set->arena, row, &flag->row))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the flags");
    tdl_status st = compile(row->family, flag->row.definition, &flag->family, &definition,
                            &flag->compiled, &own);
    if (st == TDL_E_NO_MEMORY)
        return TDL_FAIL(why, st, "%s", own.message);
    if (st) {
        tdl_report_prefix(&own, "flag \"%.*s\"", TDL_FMT(row->key));
        if (ret_warning && !ret_warning->status)
            *ret_warning = own;
        return TDL_OK;
    }
    flag->definition = definition;
    set->slot[find_slot(set, flag->row.key)] = (uint32_t)++set->n;
    return TDL_OK;
}

static void hash_rows(const tdl_flag_row *rows, size_t rows_n, char ret[2 * ETAG_BYTES + 1])
{
    crypto_generichash_state hash;
    unsigned char digest[ETAG_BYTES];

    crypto_generichash_init(&hash, NULL, 0, sizeof digest);
    for (size_t i = 0; i < rows_n; i++) {
        const uint64_t numbers[] = {rows[i].key.len, (uint64_t)rows[i].version,
                                    (uint64_t)rows[i].updated_us, rows[i].definition.len};
        crypto_generichash_update(&hash, (const unsigned char *)numbers, sizeof numbers);
        crypto_generichash_update(&hash, (const unsigned char *)rows[i].key.at, rows[i].key.len);
        crypto_generichash_update(&hash, (const unsigned char *)rows[i].definition.at,
                                  rows[i].definition.len);
    }
    crypto_generichash_final(&hash, digest, sizeof digest);
    sodium_bin2hex(ret, 2 * ETAG_BYTES + 1, digest, sizeof digest);
}

tdl_status tdl_flag_set_new(const tdl_flag_row *rows, size_t rows_n, tdl_flag_set **ret,
                            tdl_report *ret_warning, tdl_report *why)
{
    tdl_flag_set *set = calloc(1, sizeof *set);
    tdl_status st = TDL_OK;

    if (!set)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the flags");
    for (set->slots_n = 16; set->slots_n < 2 * rows_n;)
        set->slots_n *= 2;
    set->arena = tdl_arena_new(SET_BYTES);
    set->flags = calloc(rows_n + 1, sizeof *set->flags);
    set->slot = calloc(set->slots_n, sizeof *set->slot);
    if (!set->arena || !set->flags || !set->slot) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the flags");
        goto out;
    }
    for (size_t i = 0; i < rows_n; i++)
        if ((st = add_row(set, &rows[i], ret_warning, why)))
            goto out;
    hash_rows(rows, rows_n, set->etag);
    *ret = set;
    set = NULL; /* the caller's now */
out:
    tdl_flag_set_free(set);
    return st;
}

void tdl_flag_set_free(tdl_flag_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->n; i++) {
        set->flags[i].family->free(set->flags[i].compiled);
        json_decref((json_t *)set->flags[i].definition);
    }
    tdl_arena_free(set->arena);
    free(set->flags);
    free(set->slot);
    free(set);
}

size_t tdl_flag_set_count(const tdl_flag_set *set)
{
    return set->n;
}

const tdl_flag *tdl_flag_set_at(const tdl_flag_set *set, size_t i)
{
    return &set->flags[i];
}

const tdl_flag *tdl_flag_set_find(const tdl_flag_set *set, tdl_str key)
{
    size_t at = find_slot(set, key);

    return set->slot[at] ? &set->flags[set->slot[at] - 1] : NULL;
}

const char *tdl_flag_set_etag(const tdl_flag_set *set)
{
    return set->etag;
}

/* ---- answers ---- */

const char *tdl_flag_reason_name(tdl_flag_reason reason)
{
    static const char *const names[] = {
        [TDL_FLAG_DISABLED] = "disabled",
        [TDL_FLAG_STATIC] = "static",
        [TDL_FLAG_MATCH] = "match",
        [TDL_FLAG_NO_MATCH] = "no_match",
        [TDL_FLAG_OUT_OF_ROLLOUT] = "out_of_rollout",
        [TDL_FLAG_SPLIT] = "split",
        [TDL_FLAG_HOLDOUT] = "holdout",
        [TDL_FLAG_NO_GROUP] = "no_group",
        [TDL_FLAG_DEPENDENCY] = "dependency",
        [TDL_FLAG_UNDECIDED] = "undecided",
    };

    return names[reason];
}

tdl_status tdl_flag_evaluate(const tdl_flag_set *set, const tdl_flag *flag,
                             const tdl_flag_context *context, tdl_arena *arena,
                             tdl_flag_answer *ret, tdl_report *why)
{
    *ret = (tdl_flag_answer){.rule = -1};
    return flag->family->evaluate(set, flag, context, arena, ret, why);
}

bool tdl_flag_wants(const tdl_flag_set *set, const tdl_flag *flag, const json_t *properties)
{
    return flag->family->wants && flag->family->wants(set, flag, properties);
}

#include "apps/recommend/surface.h"

#include <stdlib.h>

#include "store/audit.h"

enum { SURFACES_MAX = 100, NAME_MAX_BYTES = 64, POLICY_TEXT_MAX = 64 << 10, PUTS_MAX = 50 };
#define SETTING "recommend.surfaces"

static const struct {
    const char *name, *policy;
} kinds[TDL_SURFACE_KINDS_N] = {
    [TDL_SURFACE_HOME] = {"home",
                          "{\"rungs\":\"auto\",\"seen\":\"30d\",\"window\":\"24h\","
                          "\"diversity\":{\"kind\":\"mmr\",\"lambda\":0.8},"
                          "\"explore\":{\"kind\":\"epsilon\",\"epsilon\":0.05,\"from_slot\":3,"
                          "\"new_items\":{\"impressions\":100,\"share\":0.1}}}"},
    [TDL_SURFACE_SIMILAR] = {"similar",
                             "{\"rungs\":\"auto\",\"seen\":\"0d\",\"window\":\"24h\","
                             "\"explore\":{\"kind\":\"epsilon\",\"epsilon\":0.05,\"from_slot\":3,"
                             "\"new_items\":{\"impressions\":100,\"share\":0.1}}}"},
    [TDL_SURFACE_CART] = {"cart", "{\"rungs\":\"auto\",\"seen\":\"0d\",\"window\":\"24h\","
                                  "\"explore\":{\"kind\":\"epsilon\",\"epsilon\":0.05,"
                                  "\"from_slot\":3}}"},
    [TDL_SURFACE_EMAIL] =
        {"email", "{\"rungs\":\"auto\",\"seen\":\"30d\",\"sent\":\"28d\",\"window\":\"24h\","
                  "\"sends\":{\"most\":2,\"within\":\"7d\"},"
                  "\"suppress\":\"user.unsubscribed == true\","
                  "\"diversity\":{\"kind\":\"mmr\",\"lambda\":0.8},"
                  "\"explore\":{\"kind\":\"epsilon\",\"epsilon\":0.05,\"from_slot\":3,"
                  "\"new_items\":{\"impressions\":100,\"share\":0.1}}}"},
};

struct tdl_surfaces {
    pthread_mutex_t lock;    /* of the array, held for a few instructions */
    pthread_mutex_t putting; /* one at a time: read, compare, write */
    tdl_surface *surface[SURFACES_MAX];
    size_t n;
};

const char *tdl_surface_kind_name(tdl_surface_kind kind)
{
    return kinds[kind].name;
}

bool tdl_surface_kind_parse(tdl_str name, tdl_surface_kind *ret)
{
    for (tdl_surface_kind kind = 0; kind < TDL_SURFACE_KINDS_N; kind++)
        if (tdl_str_is(name, kinds[kind].name)) {
            *ret = kind;
            return true;
        }
    return false;
}

tdl_recommend_task tdl_surface_task(tdl_surface_kind kind, const tdl_policy *policy)
{
    switch (kind) {
    case TDL_SURFACE_SIMILAR:
        return TDL_RECOMMEND_TASKS_N;
    case TDL_SURFACE_CART:
        return TDL_RECOMMEND_CART;
    default:
        return policy->seen_us ? TDL_RECOMMEND_DISCOVERY : TDL_RECOMMEND_NEXT;
    }
}

/* ---- one surface ---- */

void tdl_surface_drop(tdl_surface *surface)
{
    if (!surface || atomic_fetch_sub(&surface->references, 1) > 1)
        return;
    tdl_eligible_kept_release(&surface->kept);
    tdl_policy_free(surface->policy);
    json_decref(surface->own);
    free((char *)surface->name.at);
    free(surface);
}

/* The kind's policy, and `own` over it: a new object. */
static tdl_status lay_over(tdl_surface_kind kind, const json_t *own, json_t **ret, tdl_report *why)
{
    tdl_status st =
        tdl_json_parse(tdl_str_of(kinds[kind].policy), TDL_JSON_REFUSE_DUPLICATES, ret, why);

    if (st)
        return st;
    if (own && !json_is_object(own))
        st = TDL_FAIL(why, TDL_E_INVALID, "policy must be an object, not of type %s",
                      tdl_json_type_name(own));
    else if (own && json_object_update(*ret, (json_t *)own))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a policy");
    if (st) {
        json_decref(*ret);
        *ret = NULL;
    }
    return st;
}

tdl_status tdl_surface_draft(tdl_str name, tdl_surface_kind kind, const json_t *own,
                             const tdl_attributes *known, tdl_surface **ret, tdl_report *why)
{
    tdl_surface *s = calloc(1, sizeof *s);
    json_t *whole = NULL;
    char *copy = malloc(name.len + 1);
    tdl_status st = TDL_OK;

    if (!s || !copy) {
        free(s);
        free(copy);
        s = NULL;
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a surface");
        goto out;
    }
    memcpy(copy, name.at, name.len);
    copy[name.len] = '\0';
    atomic_init(&s->references, 1);
    tdl_eligible_kept_init(&s->kept);
    s->name = (tdl_str){copy, name.len};
    s->kind = kind;
    if ((st = lay_over(kind, own, &whole, why)) ||
        (st = tdl_policy_read(whole, known, &s->policy, why)))
        goto out;
    if (!(s->own = own ? json_deep_copy(own) : json_object())) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a surface");
        goto out;
    }
    *ret = s;
    s = NULL; /* the caller's now */
out:
    json_decref(whole);
    tdl_surface_drop(s);
    return st;
}

static void write_json(tdl_jw *w, const char *key, const json_t *value)
{
    tdl_buf text = {0};

    tdl_json_dump(&text, value);
    tdl_jw_kraw(w, key, tdl_buf_view(&text));
    w->out->failed |= text.failed;
    tdl_buf_release(&text);
}

void tdl_surface_write(const tdl_surface *s, tdl_jw *w)
{
    json_t *whole = NULL;

    tdl_jw_object(w);
    tdl_jw_kstr(w, "name", s->name);
    tdl_jw_ktext(w, "kind", kinds[s->kind].name);
    tdl_jw_kint(w, "version", s->version);
    write_json(w, "policy", s->own);
    if (!lay_over(s->kind, s->own, &whole, NULL))
        write_json(w, "effective", whole);
    tdl_jw_end_object(w);
    json_decref(whole);
}

/* ---- all of them ---- */

void tdl_surfaces_free(tdl_surfaces *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->n; i++)
        tdl_surface_drop(all->surface[i]);
    pthread_mutex_destroy(&all->lock);
    pthread_mutex_destroy(&all->putting);
    free(all);
}

tdl_surfaces *tdl_surfaces_new(void)
{
    tdl_surfaces *all = calloc(1, sizeof *all);

    if (!all)
        return NULL;
    pthread_mutex_init(&all->lock, NULL);
    pthread_mutex_init(&all->putting, NULL);
    for (tdl_surface_kind kind = 0; kind < TDL_SURFACE_KINDS_N; kind++)
        if (tdl_surface_draft(tdl_str_of(kinds[kind].name), kind, NULL, NULL, &all->surface[kind],
                              NULL)) {
            tdl_surfaces_free(all);
            return NULL;
        } else {
            all->n++;
        }
    return all;
}

/* Under the lock. NULL: there is none. */
static tdl_surface **find(tdl_surfaces *all, tdl_str name)
{
    for (size_t i = 0; i < all->n; i++)
        if (tdl_str_eq(all->surface[i]->name, name))
            return &all->surface[i];
    return NULL;
}

static tdl_surface *take(tdl_surfaces *all, tdl_str name)
{
    pthread_mutex_lock(&all->lock);
    tdl_surface **at = find(all, name), *found = at ? *at : NULL;
    if (found)
        atomic_fetch_add(&found->references, 1);
    pthread_mutex_unlock(&all->lock);
    return found;
}

static tdl_status refuse_unknown(tdl_surfaces *all, tdl_str name, tdl_report *why)
{
    tdl_buf names = {.limit = 400};

    pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < all->n; i++) // those that fit
        tdl_buf_printf(&names, "%s%.*s", i ? ", " : "", TDL_FMT(all->surface[i]->name));
    pthread_mutex_unlock(&all->lock);
    TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "PUT /v1/recommend/surfaces/{name} makes one",
                  "there is no surface \"%.*s\", but %.*s", TDL_FMT(name),
                  TDL_FMT(tdl_buf_view(&names)));
    tdl_buf_release(&names);
    return TDL_E_NOT_FOUND;
}

tdl_status tdl_surfaces_take(tdl_surfaces *all, tdl_str name, tdl_surface **ret, tdl_report *why)
{
    *ret = take(all, name);
    return *ret ? TDL_OK : refuse_unknown(all, name, why);
}

size_t tdl_surfaces_segment(tdl_surfaces *all, char *ret)
{
    size_t n = 0;

    pthread_mutex_lock(&all->lock);
    for (size_t i = 0; !n && i < all->n; i++) {
        n = all->surface[i]->policy->segment.len;
        if (n)
            memcpy(ret, all->surface[i]->policy->segment.at, n);
    }
    pthread_mutex_unlock(&all->lock);
    return n;
}

/* In place of one of its name, or behind all others. False: there is no room. */
static bool keep(tdl_surfaces *all, tdl_surface *taken)
{
    tdl_surface *former = NULL;
    bool ok = true;

    pthread_mutex_lock(&all->lock);
    tdl_surface **at = find(all, taken->name);
    if (at) {
        former = *at;
        *at = taken;
    } else if (all->n < SURFACES_MAX) {
        all->surface[all->n++] = taken;
    } else {
        ok = false;
    }
    pthread_mutex_unlock(&all->lock);
    tdl_surface_drop(former);
    return ok;
}

void tdl_surfaces_write(tdl_surfaces *all, tdl_jw *w)
{
    tdl_jw_array(w);
    pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < all->n; i++)
        tdl_surface_write(all->surface[i], w);
    pthread_mutex_unlock(&all->lock);
    tdl_jw_end_array(w);
}

/* NULL: it may be shown. A `where` that speaks of the request is not asked. */
static const char *kept_out(const tdl_surface *s, const tdl_catalogue *catalogue, int32_t item,
                            int64_t now_us, tdl_arena *arena, bool *ok)
{
    const tdl_expression *where = s->policy->where;
    tdl_bound bound;
    tdl_eligible_ask ask = {.policy = s->policy, .now_us = now_us};

    if (where && !tdl_expression_asks_context(where) && !tdl_expression_asks_user(where)) {
        *ok = *ok && tdl_expression_bind(where, tdl_catalogue_attributes(catalogue), NULL, NULL,
                                         arena, &bound);
        ask.where = *ok ? &bound : NULL;
    }
    return tdl_eligible_not(&ask, catalogue, item);
}

bool tdl_surfaces_write_item(tdl_surfaces *all, const tdl_catalogue *catalogue, int32_t item,
                             int64_t now_us, tdl_jw *w)
{
    tdl_arena *arena = tdl_arena_new(TDL_POLICY_BYTES);
    bool ok = arena != NULL;

    tdl_jw_array(w);
    pthread_mutex_lock(&all->lock);
    for (size_t i = 0; ok && i < all->n; i++) {
        tdl_jw_object(w);
        tdl_jw_kstr(w, "surface", all->surface[i]->name);
        tdl_jw_ktext(w, "kept_out", kept_out(all->surface[i], catalogue, item, now_us, arena, &ok));
        tdl_jw_end_object(w);
    }
    pthread_mutex_unlock(&all->lock);
    tdl_jw_end_array(w);
    tdl_arena_free(arena);
    return ok;
}

/* ---- the store's: one setting, {name: {"kind", "version", "policy"}} ---- */

/* text: as it stands there; empty = nothing does. */
static tdl_status read_setting(tdl_store *store, tdl_buf *text, json_t **ret, tdl_report *why)
{
    bool found = false;
    tdl_status st = tdl_store_setting(store, TDL_STR(SETTING), text, &found, why);

    *ret = NULL;
    if (!st && found)
        tdl_json_parse(tdl_buf_view(text), TDL_JSON_LAST_WINS, ret, NULL);
    if (!st && !json_is_object(*ret)) {
        json_decref(*ret);
        *ret = json_object();
        st = *ret ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for surfaces");
    }
    return st;
}

static tdl_status load_one(tdl_surfaces *all, tdl_str name, const json_t *saved, tdl_report *why)
{
    tdl_surface *s = NULL;
    tdl_surface_kind kind;
    tdl_str kind_name = {0};
    int64_t version = 0;
    tdl_status st;

    tdl_json_get_str(saved, "kind", &kind_name);
    if (!tdl_surface_kind_parse(kind_name, &kind) || !tdl_json_get_int(saved, "version", &version))
        return TDL_FAIL(why, TDL_E_CORRUPT, "surface \"%.*s\" is damaged", TDL_FMT(name));
    tdl_surface *now = take(all, name);
    bool same = now && now->version >= version;
    tdl_surface_drop(now);
    if (same)
        return TDL_OK;
    if ((st = tdl_surface_draft(name, kind, json_object_get(saved, "policy"), NULL, &s, why))) {
        tdl_report_prefix(why, "surface \"%.*s\"", TDL_FMT(name));
        return st;
    }
    s->version = version;
    if (!keep(all, s))
        tdl_surface_drop(s);
    return TDL_OK;
}

tdl_status tdl_surfaces_load(tdl_surfaces *all, tdl_store *store, tdl_report *ret_warning,
                             tdl_report *why)
{
    json_t *saved = NULL;
    tdl_buf text = {0};
    tdl_status st = read_setting(store, &text, &saved, why);

    for (void *it = json_object_iter(saved); !st && it; it = json_object_iter_next(saved, it))
        load_one(all, tdl_str_of(json_object_iter_key(it)), json_object_iter_value(it),
                 ret_warning);
    json_decref(saved);
    tdl_buf_release(&text);
    return st;
}

/* In place of the version before it: another process may have put one since `s` was laid over it.
 * TDL_E_CONFLICT: so it is, or another surface was put at this moment. Read anew then. */
static tdl_status save(tdl_store *store, const tdl_surface *s, tdl_report *why)
{
    const tdl_audit_entry entry = {.action = "surface.put",
                                   .members = {{"surface", tdl_value_text(s->name)},
                                               {"version", tdl_value_number(s->version)}}};
    json_t *saved = NULL, *one = NULL;
    tdl_buf former = {0}, text = {0};
    int64_t version = 0;
    tdl_status st = read_setting(store, &former, &saved, why);

    if (st)
        goto out;
    tdl_json_get_int(json_object_get(saved, s->name.at), "version", &version);
    if (version != s->version - 1) {
        st = TDL_FAIL(why, TDL_E_CONFLICT, "surface \"%.*s\" was changed", TDL_FMT(s->name));
        goto out;
    }
    one = json_pack("{s:s, s:I, s:O}", "kind", kinds[s->kind].name, "version",
                    (json_int_t)s->version, "policy", s->own);
    if (!one || json_object_set(saved, s->name.at, one)) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for surfaces");
        goto out;
    }
    tdl_json_dump(&text, saved);
    st = text.failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for surfaces")
                     : tdl_store_swap_setting(store, TDL_STR(SETTING), tdl_buf_view(&former),
                                              tdl_buf_view(&text), &entry, why);
out:
    json_decref(one);
    json_decref(saved);
    tdl_buf_release(&former);
    tdl_buf_release(&text);
    return st;
}

/* ---- keeping one ---- */

static tdl_status check_name(tdl_str name, tdl_report *why)
{
    bool ok = name.len > 0 && name.len <= NAME_MAX_BYTES;

    for (size_t i = 0; ok && i < name.len; i++) {
        char c = name.at[i];
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    }
    return ok ? TDL_OK
              : TDL_FAIL(why, TDL_E_INVALID,
                         "a surface's name is of 1 to %d characters a-z, 0-9, - and _",
                         NAME_MAX_BYTES);
}

static tdl_status check_size(const json_t *policy, tdl_report *why)
{
    tdl_buf text = {.limit = POLICY_TEXT_MAX};

    tdl_json_dump(&text, policy);
    bool failed = text.failed;
    tdl_buf_release(&text);
    return failed
               ? TDL_FAIL(why, TDL_E_INVALID, "the policy is larger than %d bytes", POLICY_TEXT_MAX)
               : TDL_OK;
}

static tdl_status read_document(const json_t *document, const tdl_surface *former, int64_t *version,
                                tdl_surface_kind *kind, tdl_report *why)
{
    const json_t *said = json_object_get(document, "version");
    tdl_str name = {0};

    if (!json_is_integer(said) || json_integer_value(said) < 0)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "GET the surface first; a new one has version 0",
                             "version must be that of the policy which is replaced");
    *version = json_integer_value(said);
    if (json_object_get(document, "kind") && !tdl_json_get_str(document, "kind", &name))
        return TDL_FAIL(why, TDL_E_INVALID, "kind must be a string");
    if (former && !name.at) {
        *kind = former->kind;
        return TDL_OK;
    }
    if (!tdl_surface_kind_parse(name, kind))
        return TDL_FAIL(why, TDL_E_INVALID, "kind is one of home, similar, cart, email");
    if (former && *kind != former->kind)
        return TDL_FAIL(why, TDL_E_INVALID, "\"%.*s\" is of kind %s, which does not change",
                        TDL_FMT(former->name), kinds[former->kind].name);
    return TDL_OK;
}

static tdl_status replace(tdl_surfaces *all, tdl_store *store, tdl_str name, const json_t *document,
                          const tdl_catalogue *catalogue, pthread_rwlock_t *lock, bool *ret_stale,
                          tdl_report *why)
{
    tdl_surface *former = take(all, name), *s = NULL;
    int64_t version = 0, now = former ? former->version : 0;
    tdl_surface_kind kind;
    tdl_status st;

    if ((st = read_document(document, former, &version, &kind, why)))
        goto out;
    if ((*ret_stale = version != now)) {
        st = TDL_FAIL_HINT(why, TDL_E_CONFLICT, "GET it, and lay your change over that",
                           "surface \"%.*s\" is at version %lld, not %lld", TDL_FMT(name),
                           (long long)now, (long long)version);
        goto out;
    }
    pthread_rwlock_rdlock(lock);
    st = tdl_surface_draft(name, kind, json_object_get(document, "policy"),
                           tdl_catalogue_attributes(catalogue), &s, why);
    if (!st)
        st = tdl_policy_check(s->policy, catalogue, why);
    pthread_rwlock_unlock(lock);
    if (st)
        goto out;
    s->version = version + 1;
    if ((st = save(store, s, why)))
        goto out;
    if (!keep(all, s)) {
        st = TDL_FAIL(why, TDL_E_INVALID, "more than %d surfaces", SURFACES_MAX);
        goto out;
    }
    s = NULL; /* kept */
out:
    tdl_surface_drop(former);
    tdl_surface_drop(s);
    return st;
}

tdl_status tdl_surfaces_put(tdl_surfaces *all, tdl_store *store, tdl_str name,
                            const json_t *document, const tdl_catalogue *catalogue,
                            pthread_rwlock_t *lock, tdl_report *why)
{
    bool stale = false;
    tdl_status st;

    if ((st = check_name(name, why)) || (st = check_size(json_object_get(document, "policy"), why)))
        return st;
    pthread_mutex_lock(&all->putting);
    // What another process saved meanwhile counts; that it saved at this moment is no conflict yet.
    for (int i = 0; i < PUTS_MAX; i++) {
        if (!(st = tdl_surfaces_load(all, store, NULL, why)))
            st = replace(all, store, name, document, catalogue, lock, &stale, why);
        if (st != TDL_E_CONFLICT || stale)
            break;
    }
    pthread_mutex_unlock(&all->putting);
    return st;
}

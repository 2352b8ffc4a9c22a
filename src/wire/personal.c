/* Policy: what becomes of texts that hold findings. */
#include "wire/personal.h"

#include "treadle/event.h"

static const struct {
    const char *name, *mask;
} kinds[TDL_PERSONAL_N] = {
    [TDL_PERSONAL_EMAIL] = {"email", "[email]"},
    [TDL_PERSONAL_PHONE] = {"phone", "[phone]"},
    [TDL_PERSONAL_CARD] = {"card", "[card]"},
    [TDL_PERSONAL_ID_NUMBER] = {"id number", "[id number]"},
};

const char *tdl_personal_name(tdl_personal kind)
{
    return kinds[kind].name;
}

tdl_status tdl_personal_policy_named(const char *name, tdl_personal_policy *ret, tdl_report *why)
{
    static const char *const names[] = {
        [TDL_PERSONAL_KEEP] = "keep", [TDL_PERSONAL_MASK] = "mask", [TDL_PERSONAL_DROP] = "drop"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name, names[i])) {
            *ret = (tdl_personal_policy)i;
            return TDL_OK;
        }
    return TDL_FAIL_HINT(why, TDL_E_USAGE, "use keep, mask or drop",
                         "--personal: there is no policy \"%s\"", name);
}

/* A walk over one object, or one text. */
typedef struct walk {
    tdl_personal_policy policy;
    tdl_personal_told *told;
    void *context;
    tdl_buf path;   /* "contact.mail": the member under way */
    tdl_buf masked; /* the text under way */
    bool changed, failed;
} walk;

/* Tell of every finding in `text`; w->masked is the text with masks in their places when there is
 * one and the policy asks for it. */
static bool look(walk *w, tdl_str name, tdl_str text)
{
    tdl_personal_finding found;
    size_t from = 0;

    tdl_buf_clear(&w->masked);
    for (; tdl_personal_find(name, text, from, &found); from = found.end) {
        if (w->told)
            w->told(w->context, tdl_buf_view(&w->path), found.kind);
        tdl_buf_add(&w->masked, text.at + from, found.begin - from);
        tdl_buf_text(&w->masked, kinds[found.kind].mask);
    }
    if (!from || w->policy == TDL_PERSONAL_KEEP)
        return false;
    tdl_buf_add(&w->masked, text.at + from, text.len - from);
    w->failed |= w->masked.failed;
    w->changed = true;
    return true;
}

static bool look_through(walk *w, tdl_str name, json_t *value);

static void look_through_members(walk *w, json_t *object)
{
    size_t before = w->path.len;
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(object, next, key, value)
    {
        if (before)
            tdl_buf_char(&w->path, '.');
        tdl_buf_text(&w->path, key);
        w->failed |= w->path.failed;
        bool drop = look_through(w, tdl_str_of(key), value);
        w->path.len = before;
        if (drop)
            json_object_del(object, key);
    }
}

static void look_through_elements(walk *w, tdl_str name, json_t *array)
{
    for (size_t i = 0; i < json_array_size(array);)
        if (look_through(w, name, json_array_get(array, i)))
            json_array_remove(array, i);
        else
            i++;
}

/* True when `value` is to be dropped. A mask is put in its place here. */
static bool look_through(walk *w, tdl_str name, json_t *value)
{
    tdl_str text = {json_string_value(value), json_string_length(value)};

    if (json_is_object(value))
        look_through_members(w, value);
    else if (json_is_array(value))
        look_through_elements(w, name, value);
    else if (json_is_string(value) && look(w, name, text)) {
        if (w->policy == TDL_PERSONAL_DROP)
            return true;
        if (!w->masked.failed)
            w->failed |= json_string_setn_nocheck(value, w->masked.at, w->masked.len) != 0;
    }
    return false;
}

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to look for personal data");
}

static tdl_status keep_text(tdl_str text, tdl_arena *arena, tdl_str *ret, tdl_report *why)
{
    *ret = text.len ? tdl_arena_str(arena, text) : (tdl_str){0};
    return text.len && !ret->at ? no_memory(why) : TDL_OK;
}

static tdl_status write_object(const walk *w, const json_t *object, tdl_arena *arena, tdl_str *ret,
                               tdl_report *why)
{
    tdl_buf text = {.limit = TDL_PROPERTIES_MAX + 1};
    tdl_status st;

    if (w->failed)
        return no_memory(why);
    if (json_object_size(object))
        tdl_json_dump(&text, object);
    if (text.failed || text.len > TDL_PROPERTIES_MAX)
        st = TDL_FAIL(why, TDL_E_INVALID, "masked, they take more than %d bytes as JSON",
                      TDL_PROPERTIES_MAX);
    else
        st = keep_text(tdl_buf_view(&text), arena, ret, why);
    tdl_buf_release(&text);
    return st;
}

tdl_status tdl_personal_object(tdl_str json, tdl_personal_policy policy, tdl_personal_told *told,
                               void *context, tdl_arena *arena, tdl_str *ret, tdl_report *why)
{
    walk w = {.policy = policy, .told = told, .context = context};
    json_t *object = NULL;
    tdl_status st;

    *ret = json;
    if (!json.len || !tdl_personal_may_hold(json))
        return TDL_OK;
    if ((st = tdl_json_parse(json, TDL_JSON_LAST_WINS, &object, why)))
        return st;
    look_through(&w, (tdl_str){0}, object);
    if (w.changed)
        st = write_object(&w, object, arena, ret, why);
    tdl_buf_release(&w.path);
    tdl_buf_release(&w.masked);
    json_decref(object);
    return st;
}

bool tdl_personal_mask(json_t *value)
{
    walk w = {.policy = TDL_PERSONAL_MASK};

    look_through(&w, (tdl_str){0}, value);
    tdl_buf_release(&w.path);
    tdl_buf_release(&w.masked);
    return !w.failed;
}

tdl_status tdl_personal_text(tdl_str name, tdl_str text, tdl_personal_policy policy,
                             tdl_personal_told *told, void *context, tdl_arena *arena, tdl_str *ret,
                             tdl_report *why)
{
    walk w = {.policy = policy, .told = told, .context = context};
    tdl_status st = TDL_OK;

    *ret = text;
    tdl_buf_str(&w.path, name);
    if (look(&w, name, text)) {
        tdl_str left = policy == TDL_PERSONAL_DROP ? (tdl_str){0} : tdl_buf_view(&w.masked);
        st = w.failed ? no_memory(why) : keep_text(left, arena, ret, why);
    }
    tdl_buf_release(&w.path);
    tdl_buf_release(&w.masked);
    return st;
}

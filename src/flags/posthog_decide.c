/* Evaluation, and how likely each answer was over the hash. */
#include <nettle/sha1.h>

#include "flags/posthog.h"

enum { STEPS_MAX = 200000, DEPTH_MAX = 32, SOURCES_MAX = 6 };

static const double PROBABILITY_MIN = 1e-12; /* less is a rounding of the variants' sum */

/* What a flag that another one depends on answered; `done` is false while it is being asked. */
typedef struct answered {
    const tdl_flag *flag;
    bool done, enabled, unknown;
    tdl_str variant;
    struct answered *next;
} answered;

/* One question, with all the flags it leads to. */
typedef struct evaluation {
    const tdl_flag_set *set;
    const tdl_flag_context *context;
    tdl_arena *arena;
    json_t *own_id; /* "distinct_id" of the person, made when it is looked for */
    size_t steps;
    int depth;
    bool missing; /* a flag that one depends on is not there, or depends on itself */
    answered *answers;
} evaluation;

/* What one flag says. */
typedef struct verdict {
    tdl_flag_reason reason;
    int rule;
    const tdl_posthog_value *value; /* NULL: false */
    bool unknown;
} verdict;

double tdl_posthog_hash(tdl_str key, const char *separator, tdl_str id, const char *salt)
{
    struct sha1_ctx sha1;
    uint8_t digest[8];
    uint64_t bits = 0;

    sha1_init(&sha1);
    sha1_update(&sha1, key.len, (const uint8_t *)key.at);
    sha1_update(&sha1, strlen(separator), (const uint8_t *)separator);
    sha1_update(&sha1, id.len, (const uint8_t *)id.at);
    sha1_update(&sha1, strlen(salt), (const uint8_t *)salt);
    sha1_digest(&sha1, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        bits = bits << 8 | digest[i];
    return (double)(bits >> 4) / (double)0xFFFFFFFFFFFFFFF; // 15 hexadecimal digits
}

/* ---- whom it is about ---- */

/* Where a share is drawn: the id, and what is known of whom it names. */
typedef struct source {
    tdl_str id;
    const char *group; /* NULL: the flag's own */
    double tried;      /* the largest share that was not hit, as far as probabilities go */
    tdl_posthog_subject subject;
} source;

static tdl_tri match_flag(void *context, const tdl_posthog_property *property);

static const json_t *group_key(const evaluation *e, const char *type)
{
    const json_t *key = e->context->groups ? json_object_get(e->context->groups, type) : NULL;
    return json_is_null(key) ? NULL : key;
}

static bool set_group(evaluation *e, const char *type, source *ret)
{
    const json_t *key = group_key(e, type);

    if (!key)
        return false;
    ret->id = tdl_posthog_text(key, e->arena);
    ret->subject.properties = json_object_get(e->context->group_properties, type);
    ret->subject.own_key = "$group_key";
    ret->subject.own_value = key;
    return true;
}

static void set_person(evaluation *e, const tdl_posthog_flag *f, source *ret)
{
    const tdl_flag_context *c = e->context;
    const json_t *device = f->by_device ? json_object_get(c->properties, "$device_id") : NULL;
    tdl_str sent =
        device && !json_is_null(device) ? tdl_posthog_text(device, e->arena) : (tdl_str){0};

    ret->id = f->sticky && c->anonymous_id.len   ? c->anonymous_id
              : f->by_device && sent.len         ? sent
              : f->by_device && c->device_id.len ? c->device_id
                                                 : c->id;
    ret->subject.properties = c->properties;
    ret->subject.own_key = "distinct_id";
    ret->subject.own_id = c->id;
    ret->subject.own_made = &e->own_id;
}

/* False: it is about a group, and none of that type was named. */
static bool set_source(evaluation *e, const tdl_posthog_flag *f, const char *group, source *ret)
{
    *ret = (source){.group = group};
    ret->subject.now_ms = e->context->now_us / 1000;
    ret->subject.arena = e->arena;
    ret->subject.flag = match_flag;
    ret->subject.context = e;
    if (group || f->group)
        return set_group(e, group ? group : f->group, ret);
    set_person(e, f, ret);
    return true;
}

/* ---- probabilities ---- */

/* The arms of an answer while they are added up; `arms` is NULL when nobody wants them. */
typedef struct odds {
    tdl_flag_arm *arms; /* [variants_n + 3] */
    size_t n;
    double scale; /* of all that is added: one minus the held-out share */
} odds;

static void add_arm(odds *o, tdl_str key, double probability)
{
    if (!o->arms || probability <= 0)
        return;
    for (size_t i = 0; i < o->n; i++)
        if (tdl_str_eq(o->arms[i].key, key)) {
            o->arms[i].probability += probability;
            return;
        }
    o->arms[o->n++] = (tdl_flag_arm){key, probability};
}

static double clip(double share)
{
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

/* A condition is the one that decides with this probability. */
static void add_condition(odds *o, const tdl_posthog_flag *f, const tdl_posthog_condition *c,
                          double probability)
{
    double left = 1;

    probability *= o->scale;
    if (c->variant) {
        add_arm(o, c->variant->value.key, probability);
        return;
    }
    for (size_t i = 0; i < f->variants_n; i++) {
        double share = clip(f->variants[i].high) - clip(f->variants[i].low);
        left -= share;
        add_arm(o, f->variants[i].value.key, probability * share);
    }
    if (left > PROBABILITY_MIN)
        add_arm(o, TDL_STR("true"), probability * left);
}

/* ---- conditions ---- */

/* The sources of a flag's conditions: few. */
typedef struct sources {
    source at[SOURCES_MAX];
    size_t n;
} sources;

/* Conditions about the same id share one hash: where the first was not hit, the second is hit only
 * by what its share goes beyond it. Those about different ids are independent. */
static double chance_of(const sources *all, const source *of, double share)
{
    double chance = share > of->tried ? share - of->tried : 0;

    for (size_t i = 0; i < all->n; i++)
        if (&all->at[i] != of)
            chance *= 1 - all->at[i].tried;
    return chance;
}

static double chance_left(const sources *all)
{
    double left = 1;

    for (size_t i = 0; i < all->n; i++)
        left *= 1 - all->at[i].tried;
    return left;
}

/* NULL: its group was not named. */
static source *source_of(evaluation *e, const tdl_posthog_flag *f, const tdl_posthog_condition *c,
                         sources *all)
{
    if (c->skipped)
        return NULL;
    for (size_t i = 0; i < all->n; i++)
        if (c->group ? all->at[i].group && !strcmp(c->group, all->at[i].group) : !all->at[i].group)
            return &all->at[i];
    if (all->n == SOURCES_MAX || !set_source(e, f, c->group, &all->at[all->n]))
        return NULL;
    return &all->at[all->n++];
}

static tdl_tri holds(evaluation *e, source *s, const tdl_posthog_condition *c)
{
    s->subject.steps = e->steps;
    tdl_tri matched = tdl_posthog_match_all(&s->subject, c->properties, c->properties_n);
    if (s->subject.steps < e->steps)
        e->steps = s->subject.steps;
    return matched;
}

static const tdl_posthog_value *choose(const tdl_flag *flag, const tdl_posthog_flag *f,
                                       const tdl_posthog_condition *c, tdl_str id)
{
    if (c->variant)
        return &c->variant->value;
    if (!f->variants_n)
        return &f->on;
    double hash = tdl_posthog_hash(flag->row.key, ".", id, "variant");
    for (size_t i = 0; i < f->variants_n; i++)
        if (hash >= f->variants[i].low && hash < f->variants[i].high)
            return &f->variants[i].value;
    return &f->on;
}

static bool is_hit(const tdl_flag *flag, const tdl_posthog_condition *c, tdl_str id)
{
    return c->share >= 1 || tdl_posthog_hash(flag->row.key, ".", id, "") <= c->share;
}

/* The first condition that holds and is hit decides; the others go on only for the odds. */
static verdict try_conditions(evaluation *e, const tdl_flag *flag, const tdl_posthog_flag *f,
                              sources *all, odds *o)
{
    verdict v = {.reason = TDL_FLAG_NO_MATCH, .rule = -1};
    bool stopped = false; // by early_exit: later ones count neither way

    for (size_t i = 0; i < f->conditions_n && !stopped; i++) {
        const tdl_posthog_condition *c = &f->conditions[i];
        source *s = source_of(e, f, c, all);
        tdl_tri matched = s ? holds(e, s, c) : TDL_NO;
        v.unknown |= matched == TDL_UNKNOWN && !v.value;
        if (matched != TDL_YES)
            continue;
        add_condition(o, f, c, chance_of(all, s, c->share));
        s->tried = c->share > s->tried ? c->share : s->tried;
        stopped = f->early_exit;
        if (!v.value && is_hit(flag, c, s->id)) {
            bool drawn = c->share < 1 || (f->variants_n && !c->variant);
            v.value = choose(flag, f, c, s->id);
            v.rule = (int)i;
            v.reason = drawn                             ? TDL_FLAG_SPLIT
                       : c->properties_n || i || f->held ? TDL_FLAG_MATCH
                                                         : TDL_FLAG_STATIC;
        } else if (!v.value && v.rule < 0) {
            v.rule = (int)i;
            v.reason = TDL_FLAG_OUT_OF_ROLLOUT;
        }
        stopped |= v.value && (!o->arms || chance_left(all) <= 0);
    }
    v.unknown &= !v.value;
    return v;
}

static verdict no(tdl_flag_reason reason)
{
    return (verdict){.reason = reason, .rule = -1};
}

static verdict decide(evaluation *e, const tdl_flag *flag, const tdl_posthog_flag *f, odds *o)
{
    sources all; // only at[0..n) is ever looked at
    bool held = false;

    all.n = 1;
    if (!f->active)
        return no(TDL_FLAG_DISABLED);
    if (!set_source(e, f, NULL, &all.at[0]))
        return no(TDL_FLAG_NO_GROUP);
    if (f->held) {
        held = f->held_share >= 1 ||
               tdl_posthog_hash(TDL_STR("holdout"), "-", all.at[0].id, "") <= f->held_share;
        add_arm(o, f->holdout.key, f->held_share);
        o->scale -= f->held_share;
    }
    if (held && !o->arms)
        return (verdict){.reason = TDL_FLAG_HOLDOUT, .rule = -1, .value = &f->holdout};
    verdict v = try_conditions(e, flag, f, &all, o);
    add_arm(o, TDL_STR("false"), chance_left(&all) * o->scale);
    if (held)
        return (verdict){.reason = TDL_FLAG_HOLDOUT, .rule = -1, .value = &f->holdout};
    return v;
}

/* ---- flags that depend on flags ---- */

static answered *find_answer(evaluation *e, const tdl_flag *flag)
{
    answered *a = e->answers;

    while (a && a->flag != flag)
        a = a->next;
    return a;
}

static void ask_posthog(evaluation *e, const tdl_flag *flag, const tdl_posthog_flag *f, answered *a)
{
    odds none = {.scale = 1};
    verdict v = decide(e, flag, f, &none);

    a->unknown = v.unknown;
    a->enabled = v.value != NULL;
    a->variant = v.value ? v.value->key : (tdl_str){0};
}

static void ask_other(evaluation *e, const tdl_flag *flag, answered *a)
{
    tdl_flag_answer answer = {0};

    a->unknown = tdl_flag_evaluate(e->set, flag, e->context, e->arena, &answer, NULL) != TDL_OK;
    a->enabled = answer.enabled;
    a->variant = answer.variant;
}

static answered *ask(evaluation *e, const tdl_flag *flag)
{
    const tdl_posthog_flag *f = tdl_posthog_of(flag);
    answered *a = tdl_arena_zalloc(e->arena, 1, sizeof *a);

    if (!a)
        return NULL;
    *a = (answered){.flag = flag, .next = e->answers};
    e->answers = a;
    e->depth++;
    if (f)
        ask_posthog(e, flag, f, a);
    else
        ask_other(e, flag, a);
    e->depth--;
    a->done = true;
    return a;
}

static tdl_tri match_flag(void *context, const tdl_posthog_property *property)
{
    evaluation *e = context;
    const tdl_flag *flag = tdl_flag_set_find(e->set, tdl_str_of(property->key));
    answered *a = flag ? find_answer(e, flag) : NULL;

    if (!flag || (a && !a->done) || e->depth == DEPTH_MAX) {
        e->missing = true;
        return TDL_UNKNOWN;
    }
    if (!a && !(a = ask(e, flag)))
        return TDL_UNKNOWN;
    if (a->unknown)
        return TDL_UNKNOWN;
    bool as_expected = json_is_true(property->expected) ? a->enabled
                       : json_is_false(property->expected)
                           ? !a->enabled
                           : a->enabled && a->variant.len &&
                                 tdl_str_is(a->variant, json_string_value(property->expected));
    return as_expected ? TDL_YES : TDL_NO;
}

/* ---- the family's table ---- */

static void write_value(const tdl_posthog_value *value, tdl_flag_answer *ret)
{
    ret->value = value ? value->json : TDL_STR("false");
    ret->enabled = value != NULL;
    ret->variant = value ? value->key : (tdl_str){0};
    ret->payload = value ? value->payload : (tdl_str){0};
}

/* Arms only where there was more than one. */
static void write_arms(const tdl_flag *flag, const tdl_posthog_flag *f, const odds *o,
                       tdl_flag_answer *ret)
{
    tdl_str chosen = !ret->enabled      ? TDL_STR("false")
                     : ret->variant.len ? ret->variant
                                        : TDL_STR("true");

    if (o->n < 2)
        return;
    for (size_t i = 0; i < o->n; i++)
        if (tdl_str_eq(o->arms[i].key, chosen)) {
            ret->arms = o->arms;
            ret->arms_n = o->n;
            ret->chosen = i;
        }
    if (f->variants_n > 1)
        ret->experiment = flag->row.key;
}

static void add_reason(const evaluation *e, const verdict *v, tdl_flag_answer *ret)
{
    ret->reason = v->reason;
    ret->rule = v->rule;
    if (v->unknown && e->missing)
        ret->reason = TDL_FLAG_DEPENDENCY;
    else if (v->unknown && !e->steps)
        ret->reason = TDL_FLAG_UNDECIDED;
}

tdl_status tdl_posthog_evaluate(const tdl_flag_set *set, const tdl_flag *flag,
                                const tdl_flag_context *context, tdl_arena *arena,
                                tdl_flag_answer *ret, tdl_report *why)
{
    const tdl_posthog_flag *f = flag->compiled;
    evaluation e = {.set = set, .context = context, .arena = arena, .steps = STEPS_MAX};
    odds o = {.scale = 1};
    answered self = {.flag = flag}; // whoever depends on it from here depends on itself

    e.answers = &self;
    if (f->chance && !(o.arms = tdl_arena_alloc(arena, f->variants_n + 3, sizeof *o.arms)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the answer does not fit into the request's memory");
    verdict v = decide(&e, flag, f, &o);
    json_decref(e.own_id);
    write_value(v.value, ret);
    ret->default_value = TDL_STR("false");
    add_reason(&e, &v, ret);
    if (o.arms)
        write_arms(flag, f, &o, ret);
    return TDL_OK;
}

#include "flags/growthbook_evaluate.h"

/* Members of a rule that its experiment has too. Whom it is for (conditions, filters, namespace) is
 * nothing that a client has to know. */
static const char *const shown[] = {"coverage", "hashAttribute", "hashVersion", "meta",
                                    "name",     "phase",         "ranges",      "seed"};

static void add_json(tdl_gb_evaluation *e, const char *key, const json_t *value)
{
    tdl_buf *text = &e->matcher.other;

    if (!value)
        return;
    text->len = 0;
    tdl_js_stringify(text, value, true);
    tdl_jw_kraw(&e->exposures, key, tdl_buf_view(text));
}

static void add_weights(tdl_gb_evaluation *e, const char *key, const tdl_gb_exposure *x)
{
    const json_t *weights = x->leaf ? x->leaf->weights : json_object_get(x->rule->json, "weights");

    if (weights) {
        add_json(e, key, weights);
        return;
    }
    tdl_jw_key(&e->exposures, key);
    tdl_jw_array(&e->exposures);
    for (size_t i = 0; i < x->rule->values_n; i++)
        tdl_jw_number(&e->exposures, 1 / (double)x->rule->values_n);
    tdl_jw_end_array(&e->exposures);
}

/* Which leaf of the bandit it was, and with what weights. */
static void add_bandit(tdl_gb_evaluation *e, const tdl_gb_exposure *x)
{
    if (x->leaf)
        add_json(e, "leafId", x->leaf->id);
    else
        tdl_jw_kint(&e->exposures, "leafId", -1);
    add_weights(e, "variationWeights", x);
    add_json(e, "banditVersion", x->bandit->version);
}

static void add_experiment(tdl_gb_evaluation *e, const tdl_gb_exposure *x)
{
    tdl_jw *w = &e->exposures;

    tdl_jw_object(w);
    tdl_jw_kstr(w, "key", x->experiment);
    tdl_jw_key(w, "variations");
    tdl_jw_array(w);
    for (size_t i = 0; i < x->rule->values_n; i++)
        tdl_jw_raw(w, x->rule->values[i].text);
    tdl_jw_end_array(w);
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (!json_is_null(json_object_get(x->rule->json, shown[i])))
            add_json(e, shown[i], json_object_get(x->rule->json, shown[i]));
    if (x->leaf || json_object_get(x->rule->json, "weights"))
        add_weights(e, "weights", x);
    if (x->bandit) {
        tdl_jw_key(w, "contextualBandit");
        tdl_jw_object(w);
        add_bandit(e, x);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_object(w);
}

static void add_result(tdl_gb_evaluation *e, const tdl_gb_exposure *x)
{
    tdl_jw *w = &e->exposures;
    bool in = (size_t)x->variation < x->rule->values_n;
    int variation = in ? x->variation : 0;
    const json_t *meta = json_array_get(x->rule->meta, (size_t)variation);
    tdl_str name = {0};

    tdl_jw_object(w);
    tdl_jw_kstr(w, "key", tdl_gb_variant(e, x->rule, variation));
    tdl_jw_kstr(w, "featureId", x->feature);
    tdl_jw_kbool(w, "inExperiment", in);
    tdl_jw_kbool(w, "hashUsed", true);
    tdl_jw_kint(w, "variationId", variation);
    tdl_jw_kraw(w, "value", x->rule->values[variation].text);
    tdl_jw_kstr(w, "hashAttribute", x->rule->attribute);
    add_json(e, "hashValue",
             json_object_getn(e->attributes, x->rule->attribute.at, x->rule->attribute.len));
    tdl_jw_kbool(w, "stickyBucketUsed", false);
    if (tdl_json_get_str(meta, "name", &name) && name.len)
        tdl_jw_kstr(w, "name", name);
    tdl_jw_knumber(w, "bucket", x->bucket);
    if (tdl_js_truthy(json_object_get(meta, "passthrough")))
        tdl_jw_kbool(w, "passthrough", true);
    if (in && x->bandit)
        add_bandit(e, x);
    tdl_jw_end_object(w);
}

void tdl_gb_expose(tdl_gb_evaluation *e, const tdl_gb_exposure *exposure)
{
    tdl_jw *w = &e->exposures;

    if (!e->text.len)
        tdl_jw_array(w);
    tdl_jw_object(w);
    tdl_jw_key(w, "experiment");
    add_experiment(e, exposure);
    tdl_jw_key(w, "result");
    add_result(e, exposure);
    tdl_jw_end_object(w);
}

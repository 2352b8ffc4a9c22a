#include "learn/xgboost_model.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "learn/ubjson.h"

/* One tree as the library has it. */
typedef struct raw_tree {
    tdl_ubjson_array left, right, feature, condition, missing_left, cover, split_type;
} raw_tree;

/* What has been read so far. Trees are appended as they come. */
typedef struct model {
    tdl_ubjson r;
    tdl_ubjson_array tree_info;
    tdl_str booster, objective, base_score, classes, features;
    size_t trees_n, trees_cap, nodes_n, nodes_cap;
    int32_t *first; /* [trees_n + 1] */
    tdl_forest_node *node;
    float *cover;
    int32_t *queue; /* [nodes of the tree] numbers in the library's tree */
    size_t queue_cap;
    tdl_report *why;
} model;

static tdl_status no_memory(const model *m)
{
    return TDL_FAIL(m->why, TDL_E_NO_MEMORY, "no memory for a model of %zu nodes", m->nodes_n);
}

static tdl_status check_sizes(const model *m, const raw_tree *raw)
{
    const tdl_ubjson_array *same[] = {&raw->right,        &raw->feature, &raw->condition,
                                      &raw->missing_left, &raw->cover,   &raw->split_type};

    if (!raw->left.n || raw->left.n > TDL_FOREST_NODES_MAX - m->nodes_n)
        return TDL_FAIL(m->why, TDL_E_CORRUPT, "tree %zu has %zu nodes", m->trees_n, raw->left.n);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (same[i]->n != raw->left.n)
            return TDL_FAIL(m->why, TDL_E_CORRUPT, "tree %zu has %zu nodes and %zu values of one",
                            m->trees_n, raw->left.n, same[i]->n);
    return TDL_OK;
}

static tdl_status make_room(model *m, size_t nodes)
{
    size_t cap = m->nodes_cap;

    while (cap < m->nodes_n + nodes)
        cap = cap ? cap + cap / 2 : 1024;
    if (cap > m->nodes_cap) {
        tdl_forest_node *node = realloc(m->node, cap * sizeof *node);
        float *cover = NULL;
        if (node)
            m->node = node;
        if (!node || !(cover = realloc(m->cover, cap * sizeof *cover)))
            return no_memory(m);
        m->cover = cover;
        m->nodes_cap = cap;
    }
    if (nodes > m->queue_cap) {
        int32_t *queue = realloc(m->queue, nodes * sizeof *queue);
        if (!queue)
            return no_memory(m);
        m->queue = queue;
        m->queue_cap = nodes;
    }
    if (m->trees_n + 2 > m->trees_cap) {
        size_t more = m->trees_cap ? 2 * m->trees_cap : 64;
        int32_t *first =
            more <= 2 * TDL_FOREST_TREES_MAX ? realloc(m->first, (more + 1) * sizeof *first) : NULL;
        if (!first)
            return no_memory(m);
        m->first = first;
        m->trees_cap = more;
    }
    return TDL_OK;
}

static bool whole(double value, double low, double high)
{
    return value >= low && value <= high && value == floor(value);
}

/* Breadth first, so that children come in pairs after their parents. A node that two lead to, or
 * one that leads back, would make the queue longer than the tree. */
static tdl_status add_tree(model *m, const raw_tree *raw)
{
    size_t n = raw->left.n, queued = 1, begin = m->nodes_n;
    tdl_status st;

    if ((st = check_sizes(m, raw)) || (st = make_room(m, n)))
        return st;
    m->queue[0] = 0;
    for (size_t i = 0; i < queued; i++) {
        size_t from = (size_t)m->queue[i];
        double left = tdl_ubjson_number(&raw->left, from);
        double right = tdl_ubjson_number(&raw->right, from);
        double feature = tdl_ubjson_number(&raw->feature, from);
        tdl_forest_node *node = &m->node[begin + i];

        *node = (tdl_forest_node){.value = (float)tdl_ubjson_number(&raw->condition, from),
                                  .feature = -1,
                                  .left = (int32_t)(begin + i)};
        m->cover[begin + i] = (float)tdl_ubjson_number(&raw->cover, from);
        if (left == -1)
            continue;
        if (!whole(left, 1, (double)n - 1) || !whole(right, 1, (double)n - 1) || queued + 2 > n)
            return TDL_FAIL(m->why, TDL_E_CORRUPT, "tree %zu, node %zu: children %g and %g of %zu",
                            m->trees_n, from, left, right, n);
        if (!whole(feature, 0, INT32_MAX - 1))
            return TDL_FAIL(m->why, TDL_E_CORRUPT, "tree %zu, node %zu: feature %g", m->trees_n,
                            from, feature);
        if (tdl_ubjson_number(&raw->split_type, from) != 0)
            return TDL_FAIL(m->why, TDL_E_CORRUPT, "tree %zu, node %zu: not a numeric split",
                            m->trees_n, from);
        node->feature = (int32_t)feature;
        node->left = (int32_t)(begin + queued);
        node->missing = tdl_ubjson_number(&raw->missing_left, from) == 0;
        m->queue[queued++] = (int32_t)left;
        m->queue[queued++] = (int32_t)right;
    }
    m->first[m->trees_n++] = (int32_t)begin;
    m->nodes_n += queued;
    m->first[m->trees_n] = (int32_t)m->nodes_n;
    return TDL_OK;
}

static tdl_status read_tree(model *m)
{
    raw_tree raw = {0};
    const struct {
        const char *name;
        tdl_ubjson_array *to;
    } arrays[] = {
        {"left_children", &raw.left},        {"right_children", &raw.right},
        {"split_indices", &raw.feature},     {"split_conditions", &raw.condition},
        {"default_left", &raw.missing_left}, {"sum_hessian", &raw.cover},
        {"split_type", &raw.split_type},
    };
    tdl_str key;

    for (tdl_ubjson_object(&m->r); tdl_ubjson_key(&m->r, &key);) {
        tdl_ubjson_array *to = NULL;

        for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
            if (tdl_str_is(key, arrays[i].name))
                to = arrays[i].to;
        if (to)
            tdl_ubjson_numbers(&m->r, to);
        else
            tdl_ubjson_skip(&m->r);
    }
    return m->r.error ? TDL_OK : add_tree(m, &raw); /* an error is told at the end */
}

static tdl_status read_trees(model *m)
{
    size_t n = 0;
    tdl_status st = TDL_OK;

    tdl_ubjson_array_of(&m->r, &n);
    for (size_t i = 0; !st && !m->r.error && i < n; i++)
        st = read_tree(m);
    return st;
}

/* The objects of the document that are read, and what is read of them; all else is skipped. */
typedef enum part { ROOT, LEARNER, BOOSTER, BOOSTER_MODEL, PARAMETERS, OBJECTIVE } part;
typedef enum what { ENTER, TEXT, TREE_INFO, TREES } what;

static const struct {
    part in;
    const char *key;
    what what;
    part enter; /* ENTER */
    size_t to;  /* TEXT: the tdl_str's place in a model */
} members[] = {
    {ROOT, "learner", ENTER, LEARNER, 0},
    {LEARNER, "gradient_booster", ENTER, BOOSTER, 0},
    {LEARNER, "learner_model_param", ENTER, PARAMETERS, 0},
    {LEARNER, "objective", ENTER, OBJECTIVE, 0},
    {BOOSTER, "model", ENTER, BOOSTER_MODEL, 0},
    {BOOSTER, "name", TEXT, ROOT, offsetof(model, booster)},
    {BOOSTER_MODEL, "tree_info", TREE_INFO, ROOT, 0},
    {BOOSTER_MODEL, "trees", TREES, ROOT, 0},
    {PARAMETERS, "base_score", TEXT, ROOT, offsetof(model, base_score)},
    {PARAMETERS, "num_class", TEXT, ROOT, offsetof(model, classes)},
    {PARAMETERS, "num_feature", TEXT, ROOT, offsetof(model, features)},
    {OBJECTIVE, "name", TEXT, ROOT, offsetof(model, objective)},
};
enum { MEMBERS = sizeof members / sizeof members[0] };

static tdl_status read_part(model *m, part which);

static tdl_status read_member(model *m, size_t member)
{
    switch (members[member].what) {
    case ENTER:
        return read_part(m, members[member].enter);
    case TREE_INFO:
        tdl_ubjson_numbers(&m->r, &m->tree_info);
        return TDL_OK;
    case TREES:
        return read_trees(m);
    case TEXT:
        break;
    }
    tdl_ubjson_str(&m->r, (tdl_str *)(void *)((char *)m + members[member].to));
    return TDL_OK;
}

static tdl_status read_part(model *m, part which)
{
    tdl_status st = TDL_OK;
    tdl_str key;

    for (tdl_ubjson_object(&m->r); !st && tdl_ubjson_key(&m->r, &key);) {
        size_t i = 0;

        while (i < MEMBERS && !(members[i].in == which && tdl_str_is(key, members[i].key)))
            i++;
        if (i < MEMBERS)
            st = read_member(m, i);
        else
            tdl_ubjson_skip(&m->r);
    }
    return st;
}

/* What a row's margin starts from: base_score is a probability or a mean there, by objective. In
 * float, as in the library. */
static tdl_status base_margin(const model *m, double *ret)
{
    bool logit = tdl_str_is(m->objective, "binary:logistic");
    bool logarithm =
        tdl_str_is(m->objective, "count:poisson") || tdl_str_is(m->objective, "reg:tweedie");
    double score = 0;
    float narrow;

    if (!tdl_str_double(m->base_score, &score) || !isfinite(score))
        return TDL_FAIL(m->why, TDL_E_CORRUPT, "a base_score of \"%.*s\"", TDL_FMT(m->base_score));
    narrow = (float)score;
    if ((logit && !(narrow > 0 && narrow < 1)) || (logarithm && !(narrow > 0)))
        return TDL_FAIL(m->why, TDL_E_CORRUPT, "%.*s cannot start from %g", TDL_FMT(m->objective),
                        score);
    if (logit)
        narrow = -logf(1.0f / narrow - 1.0f);
    else if (logarithm)
        narrow = logf(narrow);
    *ret = (double)narrow;
    return TDL_OK;
}

static tdl_status make_forest(const model *m, tdl_forest *ret)
{
    int64_t features = 0, classes = 0;
    double base = 0;
    tdl_forest f = {0};
    tdl_status st;

    if (!tdl_str_is(m->booster, "gbtree"))
        return TDL_FAIL(m->why, TDL_E_CORRUPT, "a booster \"%.*s\" is not one of trees",
                        TDL_FMT(m->booster));
    if (!tdl_str_int(m->features, &features) || features < 1 || features > INT32_MAX ||
        !tdl_str_int(m->classes, &classes) || classes < 0 || classes > TDL_FOREST_GROUPS_MAX)
        return TDL_FAIL(m->why, TDL_E_CORRUPT, "\"%.*s\" features and \"%.*s\" classes",
                        TDL_FMT(m->features), TDL_FMT(m->classes));
    if (m->tree_info.n != m->trees_n)
        return TDL_FAIL(m->why, TDL_E_CORRUPT, "%zu trees, of which %zu are assigned", m->trees_n,
                        m->tree_info.n);
    if ((st = base_margin(m, &base)) ||
        (st = tdl_forest_alloc((size_t)features, classes ? (size_t)classes : 1, m->trees_n,
                               m->nodes_n, &f, m->why)))
        return st;
    for (size_t g = 0; g < f.groups_n; g++)
        f.base[g] = base;
    for (size_t t = 0; t < m->trees_n; t++) {
        double group = tdl_ubjson_number(&m->tree_info, t);
        f.group[t] = whole(group, 0, TDL_FOREST_GROUPS_MAX) ? (int32_t)group : -1;
    }
    if (m->trees_n) {
        memcpy(f.first, m->first, (m->trees_n + 1) * sizeof *f.first);
        memcpy(f.node, m->node, m->nodes_n * sizeof *f.node);
        memcpy(f.cover, m->cover, m->nodes_n * sizeof *f.cover);
    }
    if ((st = tdl_forest_check(&f, m->why)))
        tdl_forest_release(&f);
    else
        *ret = f;
    return st;
}

tdl_status tdl_xgboost_model_read(tdl_str bytes, tdl_forest *ret, tdl_report *why)
{
    model m = {.r = {.at = bytes.at, .n = bytes.len}, .why = why};
    tdl_status st = read_part(&m, ROOT);

    if (!st && m.r.error)
        st = TDL_FAIL(why, TDL_E_CORRUPT, "byte %zu: %s", m.r.offset, m.r.error);
    if (!st && m.r.offset != m.r.n)
        st = TDL_FAIL(why, TDL_E_CORRUPT, "byte %zu: more after the model", m.r.offset);
    if (!st)
        st = make_forest(&m, ret);
    if (st)
        tdl_report_prefix(why, "a model of libxgboost");
    free(m.first);
    free(m.node);
    free(m.cover);
    free(m.queue);
    return st;
}

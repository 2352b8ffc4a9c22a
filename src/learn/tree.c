/* One decision tree as a learner. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/kinds.h"
#include "learn/stored.h"
#include "learn/tree_fit.h"

tdl_tree *tdl_tree_new(size_t cols, size_t scores_n)
{
    tdl_tree *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->learner.cols = cols;
    t->feature = calloc(TDL_TREE_NODES, sizeof *t->feature);
    t->left = calloc(TDL_TREE_NODES, sizeof *t->left);
    t->right = calloc(TDL_TREE_NODES, sizeof *t->right);
    t->missing_left = calloc(TDL_TREE_NODES, sizeof *t->missing_left);
    t->threshold = calloc(TDL_TREE_NODES, sizeof *t->threshold);
    t->rows = calloc(TDL_TREE_NODES, sizeof *t->rows);
    t->score = calloc(TDL_TREE_NODES * scores_n, sizeof *t->score);
    if (!t->feature || !t->left || !t->right || !t->missing_left || !t->threshold || !t->rows ||
        !t->score) {
        tdl_tree_free(&t->learner);
        return NULL;
    }
    return t;
}

void tdl_tree_free(tdl_learner *tree)
{
    tdl_tree *t = (tdl_tree *)tree;

    if (!t)
        return;
    free(t->feature);
    free(t->left);
    free(t->right);
    free(t->missing_left);
    free(t->threshold);
    free(t->rows);
    free(t->score);
    free(t);
}

static bool suits(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why)
{
    TDL_UNUSED(rows);
    TDL_UNUSED(columns);
    if (problem->task != TDL_TASK_QUANTILE && problem->classes_n <= 1000)
        return true;
    tdl_report_set(why, TDL_E_INVALID, "", "one tree is of a number or at most 1,000 classes");
    return false;
}

static json_t *settings(const tdl_problem *problem)
{
    TDL_UNUSED(problem);
    return json_pack("[{s:i,s:i},{s:i,s:i},{s:i,s:i}]", "depth", 6, "rows", 20, "depth", 4, "rows",
                     20, "depth", 8, "rows", 10);
}

static tdl_status fit(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why)
{
    tdl_tree_options o;
    double depth, rows, used = 0;
    tdl_tree *t = NULL;
    tdl_status st = tdl_setting_check(setting, "depth rows prune", why);

    if (st)
        return st;
    if (!tdl_setting_number(setting, "depth", 6, 0, TDL_TREE_DEPTH, &depth, why) ||
        !tdl_setting_number(setting, "rows", 20, 1, 1e9, &rows, why) ||
        !tdl_setting_number(setting, "prune", -1, -1, 1, &o.prune, why))
        return TDL_E_INVALID;
    o.depth = (size_t)depth;
    o.rows_least = (size_t)rows;
    if (!(t = tdl_tree_new(problem->x->cols, tdl_problem_scores(problem))))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a tree");
    if ((st = tdl_tree_fit(problem, &o, t, &used, why))) {
        tdl_tree_free(&t->learner);
        return st;
    }
    *ret = &t->learner;
    if (ret_note)
        *ret_note =
            json_pack("{s:I,s:f}", "leaves", (json_int_t)(t->nodes_n + 1) / 2, "prune", used);
    return TDL_OK;
}

static size_t next_of(const tdl_tree *t, size_t at, const float *x)
{
    float value = x[t->feature[at]];
    bool left = isfinite(value) ? (double)value < t->threshold[at] : t->missing_left[at] != 0;

    return (size_t)(left ? t->left[at] : t->right[at]);
}

static tdl_status score(const tdl_learner *learner, const tdl_matrix *x, tdl_pool *pool,
                        double *ret, tdl_report *why)
{
    const tdl_tree *t = (const tdl_tree *)learner;
    size_t n = learner->scores_n;

    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    for (size_t i = 0; i < x->rows; i++) {
        size_t at = 0;

        while (t->feature[at] >= 0)
            at = next_of(t, at, x->x + i * x->cols);
        memcpy(ret + i * n, t->score + at * n, n * sizeof *ret);
    }
    return TDL_OK;
}

/* Along the row's path: each step's change of the score goes to the feature that was asked (Saabas,
 * 2014). The base is the root's score, whatever the baseline. */
static tdl_status attribute(const tdl_learner *learner, const tdl_matrix *x,
                            const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                            tdl_attribution *ret, tdl_report *why)
{
    const tdl_tree *t = (const tdl_tree *)learner;
    size_t n = learner->scores_n;

    TDL_UNUSED(baseline);
    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    memset(ret->x, 0, x->rows * x->cols * sizeof *ret->x);
    for (size_t i = 0; i < x->rows; i++) {
        size_t at = 0;

        ret->base[i] = t->score[which];
        while (t->feature[at] >= 0) {
            size_t next = next_of(t, at, x->x + i * x->cols);

            ret->x[i * x->cols + (size_t)t->feature[at]] +=
                t->score[next * n + which] - t->score[at * n + which];
            at = next;
        }
    }
    ret->error = 0;
    return TDL_OK;
}

/* ---- text ---- */

static void print_node(const tdl_tree *t, const tdl_feature *feature, size_t at, int depth,
                       tdl_buf *out)
{
    size_t n = t->learner.scores_n, j;

    if (t->feature[at] < 0) {
        tdl_buf_printf(out, "%*s%g rows:", 2 * depth, "", t->rows[at]);
        for (size_t s = 0; s < n; s++)
            tdl_buf_printf(out, " %.4g", t->score[at * n + s]);
        tdl_buf_char(out, '\n');
        return;
    }
    j = (size_t)t->feature[at];
    for (int right = 0; right < 2; right++) {
        bool missing = right ? !t->missing_left[at] : t->missing_left[at];

        tdl_buf_printf(out, "%*s", 2 * depth, "");
        if (feature)
            tdl_buf_text(out, feature[j].name);
        else
            tdl_buf_printf(out, "x%zu", j);
        tdl_buf_printf(out, " %s %.6g%s\n", right ? ">=" : "<", t->threshold[at],
                       missing ? " or missing" : "");
        print_node(t, feature, (size_t)(right ? t->right[at] : t->left[at]), depth + 1, out);
    }
}

bool tdl_tree_print(const tdl_learner *learner, const tdl_feature *feature, tdl_buf *out)
{
    if (learner->ops != &tdl_learner_tree)
        return false;
    print_node((const tdl_tree *)learner, feature, 0, 0, out);
    return true;
}

/* ---- file ---- */

static tdl_status save(const tdl_learner *learner, const char *prefix, tdl_st_writer *writer,
                       json_t **ret_about, tdl_report *why)
{
    const tdl_tree *t = (const tdl_tree *)learner;

    tdl_store_ints(writer, prefix, "feature", t->nodes_n, t->feature);
    tdl_store_ints(writer, prefix, "left", t->nodes_n, t->left);
    tdl_store_ints(writer, prefix, "right", t->nodes_n, t->right);
    tdl_store_ints(writer, prefix, "missing_left", t->nodes_n, t->missing_left);
    tdl_store_doubles(writer, prefix, "threshold", t->nodes_n, t->threshold);
    tdl_store_doubles(writer, prefix, "rows", t->nodes_n, t->rows);
    tdl_store_doubles(writer, prefix, "score", t->nodes_n * learner->scores_n, t->score);
    if (!(*ret_about = json_object()))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to save a tree");
    return TDL_OK;
}

static tdl_status load(const json_t *about, const tdl_st_file *file, const char *prefix,
                       const tdl_matrix *x, tdl_learner **ret, tdl_report *why)
{
    size_t scores_n, n = tdl_stored_n(file, prefix, "feature");
    tdl_task task;
    tdl_tree *t = NULL;
    tdl_status st = tdl_stored_shape(about, &task, &scores_n, why);
    int32_t last = (int32_t)n - 1;

    if (st)
        return st;
    if (n < 1 || n > TDL_TREE_NODES || x->cols > INT32_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%sfeature: %zu nodes, not 1 to %d", prefix, n,
                        TDL_TREE_NODES);
    if (!(t = calloc(1, sizeof *t)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to load a tree");
    t->nodes_n = n;
    if ((st = tdl_stored_ints(file, prefix, "feature", n, -1, (int32_t)x->cols - 1, &t->feature,
                              why)) ||
        (st = tdl_stored_ints(file, prefix, "left", n, 0, last, &t->left, why)) ||
        (st = tdl_stored_ints(file, prefix, "right", n, 0, last, &t->right, why)) ||
        (st = tdl_stored_ints(file, prefix, "missing_left", n, 0, 1, &t->missing_left, why)) ||
        (st = tdl_stored_doubles(file, prefix, "threshold", n, &t->threshold, why)) ||
        (st = tdl_stored_doubles(file, prefix, "rows", n, &t->rows, why)) ||
        (st = tdl_stored_doubles(file, prefix, "score", n * scores_n, &t->score, why)))
        goto out;
    for (size_t at = 0; at < n; at++)
        if (t->feature[at] >= 0 && ((size_t)t->left[at] <= at || (size_t)t->right[at] <= at)) {
            st = TDL_FAIL(why, TDL_E_CORRUPT, "%sleft: node %zu has a child before itself", prefix,
                          at);
            goto out;
        }
    *ret = &t->learner;
    t = NULL;
out:
    if (t)
        tdl_tree_free(&t->learner);
    return st;
}

const tdl_learner_ops tdl_learner_tree = {
    .name = "tree",
    .prepare = {.impute = TDL_IMPUTE_NONE,
                .encode = TDL_ENCODE_ORDINAL,
                .one_hot_max = 32,
                .beyond = TDL_ENCODE_TARGET,
                .dates = true},
    .rank = 10,
    .work_ns = 400,
    .work_power = 1,
    .suits = suits,
    .settings = settings,
    .fit = fit,
    .free = tdl_tree_free,
    .score = score,
    .attribute = attribute,
    .attribute_name = "path",
    .save = save,
    .load = load,
};

#include "learn/export_onnx.h"

#include <stdlib.h>

#include "learn/kinds.h"
#include "learn/linear_model.h"
#include "learn/network.h"
#include "train/export_onnx.h"
#include "train/onnx_layers.h"

static bool is_network(const tdl_learner_ops *ops)
{
    return ops == &tdl_learner_mlp || ops == &tdl_learner_cnn ||
           ops == &tdl_learner_ft_transformer || ops == &tdl_learner_vit;
}

static bool is_linear(const tdl_learner_ops *ops)
{
    return ops == &tdl_learner_linear || ops == &tdl_learner_logistic ||
           ops == &tdl_learner_spline || ops == &tdl_learner_lasso;
}

/* y = x w + b, in floats */
static tdl_status export_linear(const tdl_linear_model *m, const char *path, tdl_report *why)
{
    size_t cols = m->learner.cols, heads = m->heads;
    const tdl_onnx_dim in[] = {TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(cols)};
    const tdl_onnx_dim out[] = {TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(heads)};
    float *w = calloc(cols * heads + 1, sizeof *w), *b = calloc(heads + 1, sizeof *b);
    tdl_onnx *graph = tdl_onnx_new(m->learner.ops->name);
    const char *x, *y;
    tdl_status st;

    if (!w || !b) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu weights", cols * heads);
        goto out;
    }
    for (size_t h = 0; h < heads; h++) {
        for (size_t j = 0; j < cols; j++)
            w[j * heads + h] = (float)m->w[h * (cols + 1) + j];
        b[h] = (float)m->w[h * (cols + 1) + cols];
    }
    x = tdl_onnx_input(graph, "x", TDL_ONNX_F32, 2, in);
    y = tdl_onnx_rename(graph, tdl_onnx_linear(graph, x, cols, heads, w, b), "y");
    tdl_onnx_output(graph, y, TDL_ONNX_F32, 2, out);
    st = tdl_onnx_write(graph, path, why);
out:
    tdl_onnx_free(graph);
    free(w);
    free(b);
    return st;
}

static tdl_status export_network(const tdl_network *n, const char *path, tdl_report *why)
{
    tdl_net copy;
    tdl_status st;

    if ((st = tdl_net_copy(&n->net, n->net.nodes_n, NULL, &copy, why))) // a learner is read by many
        return st;
    st = tdl_export_onnx(&copy, n->scores, path, why);
    tdl_net_release(&copy);
    return st;
}

tdl_status tdl_learner_export_onnx(const tdl_learner *learner, const char *path, tdl_report *why)
{
    if (is_network(learner->ops))
        return export_network((const tdl_network *)learner, path, why);
    if (!is_linear(learner->ops))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "%s has no ONNX file: there are those of mlp, cnn, ft_transformer, vit, "
                        "linear, logistic, spline and lasso",
                        learner->ops->name);
    if (learner->task == TDL_TASK_ORDINAL || learner->task == TDL_TASK_QUANTILE)
        return TDL_FAIL(why, TDL_E_INVALID, "%s of task %s has no ONNX file", learner->ops->name,
                        tdl_task_name(learner->task));
    return export_linear((const tdl_linear_model *)learner, path, why);
}

#include "learn/export_onnx.h"

#include "learn/network.h"
#include "train/export_onnx.h"

static bool is_network(const tdl_learner_ops *ops)
{
    return ops == &tdl_learner_mlp || ops == &tdl_learner_cnn ||
           ops == &tdl_learner_ft_transformer || ops == &tdl_learner_vit;
}

tdl_status tdl_learner_export_onnx(const tdl_learner *learner, const char *path, tdl_report *why)
{
    const tdl_network *n = (const tdl_network *)learner;
    tdl_net copy;
    tdl_status st;

    if (!is_network(learner->ops))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "%s is no network: ONNX export is of mlp, cnn, "
                        "ft_transformer and vit",
                        learner->ops->name);
    if ((st = tdl_net_copy(&n->net, n->net.nodes_n, NULL, &copy, why))) // a learner is read by many
        return st;
    st = tdl_export_onnx(&copy, n->scores, path, why);
    tdl_net_release(&copy);
    return st;
}

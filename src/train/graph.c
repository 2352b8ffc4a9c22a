#include "train/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANK_MAX = 3, INPUTS_MAX = TDL_OP_INPUTS_MAX + TDL_OP_PARAMS_MAX };
enum { NAME_MAX_LEN = TDL_PARAM_NAME_MAX + 40 /* of an op and its number */ };

/* What a node of the graph points to. */
typedef struct room {
    char name[NAME_MAX_LEN];
    const char *input[INPUTS_MAX];
    int64_t shape[RANK_MAX];
} room;

typedef struct graph {
    const tdl_net *net;
    tdl_graph_node *node; /* [slices + ops] */
    room *room;           /* of each node */
    size_t n;
    int *slice, *op; /* their nodes; -1: not in the graph yet */
} graph;

/* ---- nodes ---- */

static room *append(graph *g, const char *op)
{
    room *r = &g->room[g->n];

    g->node[g->n++] =
        (tdl_graph_node){.name = r->name, .op = op, .input = r->input, .shape = r->shape};
    return r;
}

/* "layer.0.qkv.weight" as "layer/0/qkv/weight" */
static void add_slice(graph *g, int slice)
{
    const tdl_slice *s = &g->net->params->slice[slice];

    g->slice[slice] = (int)g->n;
    tdl_graph_node *node = &g->node[g->n];
    room *r = append(g, "parameter");
    snprintf(r->name, sizeof r->name, "%s", s->name);
    for (char *dot = r->name; (dot = strchr(dot, '.'));)
        *dot = '/';
    r->shape[node->rank++] = (int64_t)s->rows;
    r->shape[node->rank++] = (int64_t)s->cols;
}

/* How much of the name of a node is its group. */
static size_t group_length(const graph *g, int node)
{
    const char *name = g->room[node].name, *slash = strrchr(name, '/');

    return slash ? (size_t)(slash + 1 - name) : 0;
}

/* The node whose group an op is in: its first slice, else its first input; -1: it has neither. */
static int relative(const graph *g, const tdl_node *op)
{
    for (int i = 0; i < TDL_OP_PARAMS_MAX; i++)
        if (op->param[i] != TDL_NONE)
            return g->slice[op->param[i]];
    return op->in[0] == TDL_NONE ? -1 : g->op[op->in[0]];
}

static void add_op(graph *g, int k)
{
    const tdl_node *op = &g->net->node[k];

    for (int i = 0; i < TDL_OP_PARAMS_MAX; i++)
        if (op->param[i] != TDL_NONE && g->slice[op->param[i]] < 0)
            add_slice(g, op->param[i]);
    int near = relative(g, op);
    g->op[k] = (int)g->n;
    tdl_graph_node *node = &g->node[g->n];
    room *r = append(g, op->op->name);
    size_t group = near < 0 ? 0 : group_length(g, near);
    if (group)
        memcpy(r->name, g->room[near].name, group);
    snprintf(r->name + group, sizeof r->name - group, "%s.%d", op->op->name, k);
    for (int i = 0; i < TDL_OP_INPUTS_MAX; i++)
        if (op->in[i] != TDL_NONE)
            r->input[node->inputs_n++] = g->room[g->op[op->in[i]]].name;
    for (int i = 0; i < TDL_OP_PARAMS_MAX; i++)
        if (op->param[i] != TDL_NONE)
            r->input[node->inputs_n++] = g->room[g->slice[op->param[i]]].name;
    r->shape[node->rank++] = -1;
    if (op->shapes.out_per_row > 1)
        r->shape[node->rank++] = (int64_t)op->shapes.out_per_row;
    r->shape[node->rank++] = (int64_t)op->shapes.out_cols;
}

/* ---- the graph ---- */

static bool open_graph(graph *g, const tdl_net *net)
{
    size_t slices_n = (size_t)net->params->slices_n, nodes_n = (size_t)net->nodes_n;
    size_t most = slices_n + nodes_n;

    *g = (graph){.net = net,
                 .node = calloc(most + 1, sizeof *g->node),
                 .room = calloc(most + 1, sizeof *g->room),
                 .slice = malloc((slices_n + 1) * sizeof *g->slice),
                 .op = malloc((nodes_n + 1) * sizeof *g->op)};
    for (size_t i = 0; g->slice && i < slices_n; i++)
        g->slice[i] = -1;
    return g->node && g->room && g->slice && g->op;
}

void tdl_graph_tell(const tdl_net *net, const tdl_train_log *log)
{
    graph g;

    if (!log || !log->graph)
        return;
    if (open_graph(&g, net)) {
        for (int k = 0; k < net->nodes_n; k++)
            add_op(&g, k);
        log->graph(log->context, g.node, g.n);
    }
    free(g.node);
    free(g.room);
    free(g.slice);
    free(g.op);
}

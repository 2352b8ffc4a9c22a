#include "learn/forest_file.h"

#include <stdio.h>

enum { NAME_MAX_BYTES = 256, NODE_WORDS = 4 };

_Static_assert(sizeof(tdl_forest_node) == NODE_WORDS * sizeof(int32_t), "a node is four words");

static void add(tdl_st_writer *writer, const char *prefix, const char *what, tdl_dtype dtype,
                size_t rank, const size_t *shape, const void *data)
{
    char name[NAME_MAX_BYTES];

    snprintf(name, sizeof name, "%s%s", prefix, what);
    tdl_st_add(writer, name, dtype, rank, shape, data);
}

void tdl_forest_save(const tdl_forest *f, const char *prefix, tdl_st_writer *writer)
{
    size_t roots_n = f->trees_n + 1, nodes[] = {f->nodes_n, NODE_WORDS};

    add(writer, prefix, "base", TDL_F64, 1, &f->groups_n, f->base);
    add(writer, prefix, "first", TDL_I32, 1, &roots_n, f->first);
    add(writer, prefix, "group", TDL_I32, 1, &f->trees_n, f->group);
    add(writer, prefix, "node", TDL_I32, 2, nodes, f->node);
    add(writer, prefix, "cover", TDL_F32, 1, &f->nodes_n, f->cover);
}

static tdl_status get(const tdl_st_file *file, const char *prefix, const char *what,
                      tdl_dtype dtype, size_t rank, const tdl_st_view **ret, tdl_report *why)
{
    char name[NAME_MAX_BYTES];

    snprintf(name, sizeof name, "%s%s", prefix, what);
    return tdl_st_get(file, name, dtype, rank, ret, why);
}

tdl_status tdl_forest_load(const tdl_st_file *file, const char *prefix, size_t features_n,
                           tdl_forest *ret, tdl_report *why)
{
    const tdl_st_view *base, *first, *group, *node, *cover;
    tdl_forest f = {0};
    tdl_status st;

    if ((st = get(file, prefix, "base", TDL_F64, 1, &base, why)) ||
        (st = get(file, prefix, "first", TDL_I32, 1, &first, why)) ||
        (st = get(file, prefix, "group", TDL_I32, 1, &group, why)) ||
        (st = get(file, prefix, "node", TDL_I32, 2, &node, why)) ||
        (st = get(file, prefix, "cover", TDL_F32, 1, &cover, why)))
        return st;
    if (first->n != group->n + 1 || node->shape[1] != NODE_WORDS || cover->n != node->shape[0])
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "%s: %zu roots of %zu trees, %zu nodes of %zu words, %zu covers", prefix,
                        first->n, group->n, node->shape[0], node->shape[1], cover->n);
    if ((st = tdl_forest_alloc(features_n, base->n, group->n, node->shape[0], &f, why)))
        return st == TDL_E_TOO_LARGE ? TDL_E_CORRUPT : st;
    memcpy(f.base, base->data, base->n * sizeof *f.base);
    memcpy(f.first, first->data, first->n * sizeof *f.first);
    if (group->n)
        memcpy(f.group, group->data, group->n * sizeof *f.group);
    if (cover->n) {
        memcpy(f.node, node->data, cover->n * sizeof *f.node);
        memcpy(f.cover, cover->data, cover->n * sizeof *f.cover);
    }
    if ((st = tdl_forest_check(&f, why))) {
        tdl_report_prefix(why, "%s", prefix);
        tdl_forest_release(&f);
    } else {
        *ret = f;
    }
    return st;
}

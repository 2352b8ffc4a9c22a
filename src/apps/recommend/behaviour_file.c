/* Files of the behaviour model: "behaviour/sizes" and "behaviour/<slice>" [rows][cols]. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "apps/recommend/behaviour_net.h"
#include "apps/recommend/behaviour_return.h"

enum { HIDDEN_MAX = 4096 };

static const char PREFIX[] = "behaviour/";

/* Of "behaviour/sizes"; heads is last of those that a model cannot be without. */
enum { D, BLOCKS, HEADS, HIDDEN, WINDOW, KINDS, SIZES };

void tdl_behaviour_save(const tdl_behaviour *m, tdl_st_writer *writer)
{
    char name[TDL_PARAM_NAME_MAX + sizeof PREFIX];

    tdl_st_add_1d(writer, "behaviour/sizes", TDL_F64, SIZES, m->saved);
    for (int k = 0; k < m->values.slices_n; k++) {
        const tdl_slice *slice = &m->values.slice[k];
        snprintf(name, sizeof name, "%s%s", PREFIX, slice->name);
        tdl_st_add(writer, name, TDL_F32, 2, (size_t[]){slice->rows, slice->cols},
                   tdl_params_value(&m->values, k));
    }
    tdl_behaviour_return_save(m, writer);
}

static tdl_status take_sizes(const double *v, tdl_behaviour_params *ret, tdl_report *why)
{
    static const struct {
        const char *name;
        size_t most;
    } size[SIZES] = {[D] = {"width", TDL_BEHAVIOUR_D_MAX},
                     [BLOCKS] = {"blocks", TDL_BEHAVIOUR_BLOCKS_MAX},
                     [HEADS] = {"heads", TDL_BEHAVIOUR_D_MAX},
                     [HIDDEN] = {"hidden width", HIDDEN_MAX},
                     [WINDOW] = {"window", TDL_BEHAVIOUR_WINDOW_MAX},
                     [KINDS] = {"kinds", TDL_BEHAVIOUR_KINDS_MAX}};

    for (size_t i = 0; i < SIZES; i++)
        if (!(v[i] >= 1 && v[i] <= (double)size[i].most) || v[i] != floor(v[i]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "behaviour/sizes: %s is %g, expected 1 to %zu",
                            size[i].name, v[i], size[i].most);
    *ret = (tdl_behaviour_params){.d = (size_t)v[D],
                                  .blocks = (size_t)v[BLOCKS],
                                  .heads = (size_t)v[HEADS],
                                  .hidden = (size_t)v[HIDDEN],
                                  .window = (size_t)v[WINDOW],
                                  .kinds_n = (size_t)v[KINDS]};
    if (ret->d % (2 * ret->heads) || ret->window < TDL_BEHAVIOUR_GROUP_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "behaviour/sizes: %zu heads of an even width do not make %zu, or a window "
                        "of %zu is below %d",
                        ret->heads, ret->d, ret->window, TDL_BEHAVIOUR_GROUP_MAX);
    return TDL_OK;
}

/* Nothing is allocated that the file does not hold. */
static tdl_status check_amount(const tdl_st_file *file, const tdl_behaviour_params *p,
                               size_t items_n, tdl_report *why)
{
    size_t d = p->d, held = 0;
    size_t wanted = (items_n + TDL_BEHAVIOUR_GAPS + p->kinds_n) * d +
                    p->blocks * (4 * d * d + 2 * d * p->hidden);

    for (size_t i = 0; i < tdl_st_count(file); i++)
        if (tdl_st_at(file, i)->dtype == TDL_F32)
            held += tdl_st_at(file, i)->n;
    if (held < wanted)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "behaviour/sizes speaks of %zu numbers, the file holds %zu", wanted, held);
    return TDL_OK;
}

static tdl_status load_slice(const tdl_st_file *file, const tdl_params *params, int k,
                             tdl_report *why)
{
    const tdl_slice *slice = &params->slice[k];
    float *value = tdl_params_value(params, k);
    const tdl_st_view *view;
    char name[TDL_PARAM_NAME_MAX + sizeof PREFIX];
    tdl_status st;

    snprintf(name, sizeof name, "%s%s", PREFIX, slice->name);
    if ((st = tdl_st_get(file, name, TDL_F32, 2, &view, why)))
        return st;
    if (view->shape[0] != slice->rows || view->shape[1] != slice->cols)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s is [%zu][%zu], expected [%zu][%zu]", name,
                        view->shape[0], view->shape[1], slice->rows, slice->cols);
    if (view->n)
        memcpy(value, view->data, view->n * sizeof *value);
    for (size_t i = 0; i < view->n; i++)
        if (!isfinite(value[i]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "%s: value %zu is not finite", name, i);
    return TDL_OK;
}

tdl_status tdl_behaviour_load(const tdl_st_file *file, size_t items_n, tdl_behaviour **ret,
                              tdl_report *why)
{
    tdl_behaviour_params params;
    tdl_behaviour *m = NULL;
    const tdl_st_view *sizes;
    tdl_status st;

    if ((st = tdl_st_get(file, "behaviour/sizes", TDL_F64, 1, &sizes, why)))
        return st;
    if (sizes->n != SIZES)
        return TDL_FAIL(why, TDL_E_CORRUPT, "behaviour/sizes has %zu numbers, expected %d",
                        sizes->n, SIZES);
    if ((st = take_sizes(sizes->data, &params, why)) ||
        (st = check_amount(file, &params, items_n, why)) ||
        (st = tdl_behaviour_new(&params, items_n, &m, why)))
        return st;
    for (int k = 0; k < m->values.slices_n; k++)
        if ((st = load_slice(file, &m->values, k, why)))
            goto out;
    if ((st = tdl_behaviour_return_load(file, m, why)) || (st = tdl_behaviour_ready(m, why)))
        goto out;
    *ret = m;
    m = NULL; /* the caller's now */
out:
    tdl_behaviour_free(m);
    return st;
}

#include "apps/recommend/fit_shelf.h"

#include <stdlib.h>

enum { FITS_MAX = 256 };
static const size_t EACH_BYTES = 32U << 20, ALL_BYTES = 256U << 20;

typedef struct fit {
    const tdl_rung_ops *rung;
    const void *params;
    unsigned setting;
    int64_t now_us;
    double cpu_s;
    void *model;
} fit;

struct tdl_fit_shelf {
    fit fit[FITS_MAX]; /* [n] */
    size_t n, bytes;
};

tdl_fit_shelf *tdl_fit_shelf_new(void)
{
    return calloc(1, sizeof(tdl_fit_shelf));
}

void tdl_fit_shelf_free(tdl_fit_shelf *shelf)
{
    for (size_t i = 0; shelf && i < shelf->n; i++)
        shelf->fit[i].rung->free(shelf->fit[i].model);
    free(shelf);
}

/* Whoever had it before may have retuned it. */
static bool is_of(const fit *f, const tdl_rung_ops *rung, const tdl_fit_options *options,
                  int64_t now_us)
{
    if (f->rung != rung || f->params != options->params || f->now_us != now_us)
        return false;
    return options->setting && rung->retune ? rung->retune(f->model, options->setting)
                                            : f->setting == options->setting;
}

void *tdl_fit_shelf_find(tdl_fit_shelf *shelf, const tdl_rung_ops *rung,
                         const tdl_fit_options *options, int64_t now_us, double *ret_fit_cpu_s)
{
    for (size_t i = 0; shelf && i < shelf->n; i++)
        if (is_of(&shelf->fit[i], rung, options, now_us)) {
            *ret_fit_cpu_s = shelf->fit[i].cpu_s;
            return shelf->fit[i].model;
        }
    return NULL;
}

bool tdl_fit_shelf_put(tdl_fit_shelf *shelf, const tdl_rung_ops *rung,
                       const tdl_fit_options *options, int64_t now_us, double fit_cpu_s,
                       void *model)
{
    size_t bytes = rung->bytes(model);

    if (!shelf || shelf->n == FITS_MAX || bytes > EACH_BYTES || bytes > ALL_BYTES - shelf->bytes)
        return false;
    shelf->fit[shelf->n++] =
        (fit){rung, options->params, options->setting, now_us, fit_cpu_s, model};
    shelf->bytes += bytes;
    return true;
}

bool tdl_fit_shelf_has(const tdl_fit_shelf *shelf, const void *model)
{
    for (size_t i = 0; shelf && i < shelf->n; i++)
        if (shelf->fit[i].model == model)
            return true;
    return false;
}

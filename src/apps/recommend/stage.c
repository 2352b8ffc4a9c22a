#include "apps/recommend/stage.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool tell(const tdl_stages *stages, double done, const char *detail)
{
    const tdl_train_options *options = stages->options;
    double whole = stages->done + stages->cost * done;

    return !options->progress ||
           options->progress(options->progress_context, stages->name,
                             whole < stages->total ? whole / stages->total : 1, detail);
}

bool tdl_stage_begin(tdl_stages *stages, double cost, tdl_report *why, const char *format, ...)
{
    va_list args;

    stages->done += stages->cost;
    stages->cost = cost;
    va_start(args, format);
    vsnprintf(stages->name, sizeof stages->name, format, args);
    va_end(args);
    if (tell(stages, 0, ""))
        return true;
    TDL_FAIL(why, TDL_E_STOPPED, "training stopped on request before \"%s\"", stages->name);
    return false;
}

bool tdl_stage_tell(void *context, const char *inner, double done, const char *detail)
{
    TDL_UNUSED(inner);
    return tell(context, done, detail);
}

static void log_scalar(void *context, const char *tag, uint64_t step, double value)
{
    const tdl_stages *stages = context;
    size_t rung = strcspn(stages->name, ":");
    char full[160];

    if (strcmp(tag, "epoch") != 0) { // the run's own mark, see train/run.h
        const char *fit = stages->name + rung + strspn(stages->name + rung, ": ");
        snprintf(full, sizeof full, "%.*s/%s/%s", (int)rung, stages->name, fit, tag);
        tag = full;
    }
    stages->log->scalar(stages->log->context, tag, step, value);
}

/* Every fit of a rung has the same graph, and a run has one. */
static void log_graph(void *context, const tdl_graph_node *node, size_t n)
{
    tdl_stages *stages = context;

    if (stages->log->graph && !stages->graph_told)
        stages->log->graph(stages->log->context, node, n);
    stages->graph_told = true;
}

tdl_train_log tdl_stage_log(tdl_stages *stages)
{
    if (!stages->log)
        return (tdl_train_log){0};
    return (tdl_train_log){.context = stages, .scalar = log_scalar, .graph = log_graph};
}

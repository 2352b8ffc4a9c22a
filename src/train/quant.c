#include "train/quant.h"

#include <math.h>

const char *tdl_precision_name(tdl_precision precision)
{
    static const char *const names[] = {[TDL_PRECISION_F32] = "f32",
                                        [TDL_PRECISION_BF16] = "bf16",
                                        [TDL_PRECISION_INT8] = "int8",
                                        [TDL_PRECISION_INT4] = "int4"};
    return names[precision];
}

static double share_lost(double before, double after)
{
    if (before == after)
        return 0;
    return before != 0 ? (before - after) / fabs(before) : after < before ? INFINITY : -INFINITY;
}

static tdl_status compare(const tdl_trial *before, const tdl_trial *after, size_t top_k,
                          tdl_quant_report *ret, tdl_report *why)
{
    *ret = (tdl_quant_report){.bytes_before = before->bytes,
                              .bytes_after = after->bytes,
                              .seconds_before = before->seconds,
                              .seconds_after = after->seconds,
                              .metric_before = before->metric,
                              .metric_after = after->metric,
                              .metric_loss = share_lost(before->metric, after->metric)};
    return tdl_trial_agreement(before, after, top_k, &ret->agreement, why);
}

/* A loss that is not a number is past any bound. */
static tdl_status judge(const tdl_quant_report *r, const tdl_quant_options *o, tdl_report *why)
{
    if (r->metric_loss <= o->max_metric_loss)
        return TDL_OK;
    return TDL_FAIL_HINT(why, TDL_E_BAR, "use a wider precision, or allow a larger loss",
                         "%s takes the metric from %.6g to %.6g, a loss of %.3g %%: %.3g %% are "
                         "allowed",
                         tdl_precision_name(o->precision), r->metric_before, r->metric_after,
                         100 * r->metric_loss, 100 * o->max_metric_loss);
}

tdl_status tdl_quantise(tdl_net *net, const tdl_trial_data *data, const tdl_quant_options *options,
                        tdl_quant_report *ret, tdl_report *why)
{
    tdl_trial before = {0}, after = {0};
    tdl_quant_report report;
    tdl_status st;

    if (!(options->max_metric_loss >= 0))
        return TDL_FAIL(why, TDL_E_INVALID, "a largest loss of %g: expected >= 0",
                        options->max_metric_loss);
    if ((st = tdl_net_pack(net, why)) || (st = tdl_trial_run(net, data, &before, why)) ||
        (st = tdl_net_pack_as(net, options->precision, why)) ||
        (st = tdl_trial_run(net, data, &after, why)) ||
        (st = compare(&before, &after, options->top_k, &report, why)))
        goto out;
    if ((st = judge(&report, options, why)))
        goto out;
    *ret = report;
out:
    if (st) // a failure to pack in f32 leaves the net unpacked: the same bits
        (void)tdl_net_pack(net, NULL);
    tdl_trial_release(&before);
    tdl_trial_release(&after);
    return st;
}

/* Quantisation after training: a net in bf16, int8 or int4, and what that costs.
 *
 * Nothing is trained: weights get scales from their own size, activations from each row as it comes
 * (tensor/gemm.h). The report is measured on held-out data; a net that has lost too much is
 * refused.
 */
#ifndef TDL_TRAIN_QUANT_H
#define TDL_TRAIN_QUANT_H

#include "train/trial.h"

typedef struct tdl_quant_options {
    tdl_precision precision;
    double
        max_metric_loss; /* >= 0, share of the metric: .001 = a thousandth of it; INFINITY = any */
    size_t top_k;        /* of the agreement; 0 = 1 */
} tdl_quant_options;

typedef struct tdl_quant_report {
    size_t bytes_before, bytes_after;     /* of the weights, as f32 and as they are now */
    double seconds_before, seconds_after; /* both packed, one thread, one pass over the data */
    double metric_before, metric_after;
    double metric_loss; /* (before - after) / |before|; below 0: it gained */
    double agreement;   /* of the top_k highest scores of each row */
} tdl_quant_report;

/* Pack a planned net in that precision (tdl_net_pack_as), unless it loses too much.
 *   ret  set on success only
 *   TDL_E_BAR      past max_metric_loss: says both metrics; the net is packed in f32
 *   TDL_E_INVALID  options out of range, or as tdl_trial_run and tdl_net_pack_as */
tdl_status tdl_quantise(tdl_net *net, const tdl_trial_data *data, const tdl_quant_options *options,
                        tdl_quant_report *ret, tdl_report *why);

/* "f32", "bf16", "int8", "int4" */
const char *tdl_precision_name(tdl_precision precision);

#endif

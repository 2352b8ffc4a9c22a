/* TensorBoard event files: scalars, histograms, texts and graphs as tensorflow/tensorboard reads
 * them.
 *
 * A file is a chain of records: length (u64, little endian), masked CRC-32C of those 8 bytes, data,
 * masked CRC-32C of the data. Data is the protocol buffer `Event`; the first one names the format.
 * A graph is an event of its own, a GraphDef, of which TensorBoard shows a run's last; and, for
 * those who read, a text under the tag "graph".
 */
#ifndef TDL_TRAIN_TB_H
#define TDL_TRAIN_TB_H

#include "base/str.h"
#include "train/log.h"

/* ---- records, appended to `out`; wall_time in seconds since 1970 UTC ---- */

typedef struct tdl_tb_scalar {
    const char *tag;
    float value;
} tdl_tb_scalar;

typedef struct tdl_tb_histogram {
    double min, max, count, sum, sum_squares; /* of the values */
    size_t buckets_n;
    const double *limit;  /* [buckets_n] right edges, rising */
    const double *bucket; /* [buckets_n] how many values fell there */
} tdl_tb_histogram;

void tdl_tb_put_version(tdl_buf *out, double wall_time);
void tdl_tb_put_scalars(tdl_buf *out, double wall_time, uint64_t step, const tdl_tb_scalar *scalars,
                        size_t scalars_n);
void tdl_tb_put_histogram(tdl_buf *out, double wall_time, uint64_t step, const char *tag,
                          const tdl_tb_histogram *histogram);
void tdl_tb_put_text(tdl_buf *out, double wall_time, const char *tag, const char *text);
void tdl_tb_put_graph(tdl_buf *out, double wall_time, const tdl_graph_node *node, size_t n);

/* A line a node: "out/linear = linear(x, out/w) [*, 3]", * for what varies. */
void tdl_tb_describe_graph(tdl_buf *out, const tdl_graph_node *node, size_t n);

enum { TDL_TB_BUCKETS = 30 };

/* Count the finite values of x [n] in buckets of equal width between the smallest and the largest.
 *   limit, bucket  [TDL_TB_BUCKETS], used by `ret`
 *   returns        false when there is no finite value */
bool tdl_tb_count(const float *x, size_t n, double *limit, double *bucket, tdl_tb_histogram *ret);

/* ---- files ----
 *
 * Life cycle   tdl_tb_open -> scalar / histogram / text / graph ... -> tdl_tb_close
 * Threads      one at a time
 * Failure      the first one is kept, later calls do nothing, close reports it
 */
typedef struct tdl_tb tdl_tb;

/* Make `folder`/events.out.tfevents.<seconds>.treadle. */
tdl_status tdl_tb_open(const char *folder, tdl_tb **ret, tdl_report *why);

/* What is told reaches the file with the first call that comes 2 s after the last that wrote. */
void tdl_tb_add_scalar(tdl_tb *tb, const char *tag, uint64_t step, double value);
void tdl_tb_add_histogram(tdl_tb *tb, const char *tag, uint64_t step, const float *x, size_t n);
void tdl_tb_add_text(tdl_tb *tb, const char *tag, const char *text);
void tdl_tb_add_graph(tdl_tb *tb, const tdl_graph_node *node, size_t n);
tdl_status tdl_tb_close(tdl_tb *tb, tdl_report *why); /* accepts NULL */

#endif

#include "train/tb.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timestamp.h"

enum { FLUSH_US = 2000000, FLUSH_BYTES = 64 << 10 };

struct tdl_tb {
    int fd;
    tdl_buf pending;
    int64_t flushed_us; /* monotonic */
    tdl_report failure; /* the first one; status TDL_OK = none */
    char path[PATH_MAX];
};

static double wall_time(void)
{
    return (double)tdl_time_now() / 1e6;
}

static void flush(tdl_tb *tb)
{
    tdl_str rest = tdl_buf_view(&tb->pending);

    while (rest.len && !tb->failure.status) {
        ssize_t done = write(tb->fd, rest.at, rest.len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            TDL_FAIL(&tb->failure, TDL_E_IO, "%s: %s", tb->path, strerror(errno));
            break;
        }
        rest.at += done;
        rest.len -= (size_t)done;
    }
    tdl_buf_clear(&tb->pending);
    tb->flushed_us = tdl_time_monotonic();
}

static void flush_when_due(tdl_tb *tb)
{
    if (tb->pending.failed && !tb->failure.status)
        TDL_FAIL(&tb->failure, TDL_E_NO_MEMORY, "%s: no memory for an event", tb->path);
    if (tb->pending.len >= FLUSH_BYTES || tdl_time_monotonic() - tb->flushed_us >= FLUSH_US)
        flush(tb);
}

tdl_status tdl_tb_open(const char *folder, tdl_tb **ret, tdl_report *why)
{
    tdl_tb *tb = calloc(1, sizeof *tb);

    if (!tb)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for an event file in %s", folder);
    int n = snprintf(tb->path, sizeof tb->path, "%s/events.out.tfevents.%lld.treadle", folder,
                     (long long)(tdl_time_now() / 1000000));
    tb->fd = n < (int)sizeof tb->path
                 ? open(tb->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666)
                 : -1;
    if (tb->fd < 0) {
        tdl_status st = TDL_FAIL(why, TDL_E_IO, "%s: %s", tb->path,
                                 n < (int)sizeof tb->path ? strerror(errno) : "path too long");
        free(tb);
        return st;
    }
    tdl_tb_put_version(&tb->pending, wall_time());
    flush(tb);
    *ret = tb;
    return TDL_OK;
}

void tdl_tb_add_scalar(tdl_tb *tb, const char *tag, uint64_t step, double value)
{
    tdl_tb_scalar scalar = {tag, (float)value};

    tdl_tb_put_scalars(&tb->pending, wall_time(), step, &scalar, 1);
    flush_when_due(tb);
}

void tdl_tb_add_histogram(tdl_tb *tb, const char *tag, uint64_t step, const float *x, size_t n)
{
    double limit[TDL_TB_BUCKETS], bucket[TDL_TB_BUCKETS];
    tdl_tb_histogram histogram;

    if (!tdl_tb_count(x, n, limit, bucket, &histogram))
        return;
    tdl_tb_put_histogram(&tb->pending, wall_time(), step, tag, &histogram);
    flush_when_due(tb);
}

void tdl_tb_add_text(tdl_tb *tb, const char *tag, const char *text)
{
    tdl_tb_put_text(&tb->pending, wall_time(), tag, text);
    flush_when_due(tb);
}

void tdl_tb_add_graph(tdl_tb *tb, const tdl_graph_node *node, size_t n)
{
    tdl_buf text = {0};

    tdl_tb_put_graph(&tb->pending, wall_time(), node, n);
    tdl_tb_describe_graph(&text, node, n);
    tdl_buf_char(&text, '\0');
    if (text.failed)
        tb->pending.failed = true;
    else
        tdl_tb_put_text(&tb->pending, wall_time(), "graph", text.at);
    tdl_buf_release(&text);
    flush_when_due(tb);
}

tdl_status tdl_tb_close(tdl_tb *tb, tdl_report *why)
{
    tdl_status st;

    if (!tb)
        return TDL_OK;
    flush(tb);
    if ((st = tb->failure.status))
        TDL_FAIL(why, st, "%s", tb->failure.message);
    close(tb->fd);
    tdl_buf_release(&tb->pending);
    free(tb);
    return st;
}

/* A search log: any bytes behind a right head are read without harm. The first byte says whether
 * checksums are set right, so that what lies behind them is reached too: then each two bytes of
 * length are a record. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/predict/search_log.h"
#include "base/crc32c.h"
#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void add_record(tdl_buf *out, const uint8_t *body, uint32_t n)
{
    uint32_t crc = tdl_crc32c_masked(tdl_crc32c(0, body, n));

    tdl_buf_add(out, &n, sizeof n);
    tdl_buf_add(out, &crc, sizeof crc);
    if (n)
        tdl_buf_add(out, body, n);
}

static void add_records(tdl_buf *out, const uint8_t *bytes, size_t n)
{
    while (n >= 2) {
        size_t size = (size_t)bytes[0] << 8 | bytes[1];

        bytes += 2;
        n -= 2;
        size = size < n ? size : n;
        add_record(out, bytes, (uint32_t)size);
        bytes += size;
        n -= size;
    }
}

static void read_back(const char *path, const unsigned char *key)
{
    tdl_search_log *log = NULL;
    tdl_search_result result;
    double score[8];
    tdl_report why;

    if (tdl_search_log_open(path, key, &log, &why))
        abort(); // it is a file of our own
    for (size_t scores_n = 0; scores_n < 8; scores_n++)
        if (tdl_search_log_find(log, "a", scores_n, &result, score)) {
            for (size_t i = 0; i < scores_n; i++)
                if (!isfinite(score[i]))
                    abort();
            json_decref(result.note);
        }
    tdl_search_log_add(log, "b", &(tdl_search_result){.score = score, .scores_n = 0});
    tdl_search_log_remove(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const unsigned char key[TDL_SEARCH_KEY_BYTES] = "fuzz";
    char path[64];
    tdl_buf file = {0};

    if (!n)
        return 0;
    snprintf(path, sizeof path, "/tmp/treadle-fuzz-search-%d", (int)getpid());
    tdl_buf_text(&file, "TDLSRCH1");
    tdl_buf_add(&file, key, sizeof key);
    if (bytes[0] & 1)
        add_records(&file, bytes + 1, n - 1);
    else if (n > 1)
        tdl_buf_add(&file, bytes + 1, n - 1);
    if (!tdl_file_write(path, tdl_buf_view(&file), NULL))
        read_back(path, key);
    tdl_buf_release(&file);
    return 0;
}

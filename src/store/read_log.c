/* The decision log, piece by piece. */
#include "base/str.h"
#include "store/rows.h"
#include "store/store_parts.h"

/* Number and time of the first decision from a number on. *ret_seq = 0: there is none. */
static tdl_status first_from(tdl_reader *reader, int64_t seq, int64_t *ret_seq,
                             int64_t *ret_time_us, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st = tdl_rows_start(&r, TDL_READ_LOG_AT, why);

    if (st)
        return st;
    *ret_seq = 0;
    tdl_rows_bind_number(&r, 1, seq);
    if (tdl_rows_next(&r)) {
        *ret_seq = tdl_rows_number(&r, 0);
        *ret_time_us = tdl_rows_number(&r, 1);
    }
    return tdl_rows_end(&r, why);
}

static tdl_status read_ends(tdl_reader *reader, int64_t *ret_low, int64_t *ret_high,
                            tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st = tdl_rows_start(&r, TDL_READ_LOG_ENDS, why);

    if (st)
        return st;
    *ret_low = 1;
    *ret_high = 0;
    if (tdl_rows_next(&r)) {
        *ret_low = tdl_rows_number(&r, 0);
        *ret_high = tdl_rows_number(&r, 1);
    }
    return tdl_rows_end(&r, why);
}

/* By halving: an index on times would be written with every decision, for a report now and then. */
tdl_status tdl_read_log_begin(tdl_reader *reader, int64_t from_us, int64_t *ret_position,
                              tdl_report *why)
{
    int64_t low, high, after_us = from_us - TDL_LOG_DISORDER_US;
    tdl_status st = read_ends(reader, &low, &high, why);

    while (!st &&
           low <= high) { // decisions before low are too early, those from high + 1 on are not
        int64_t middle = low + (high - low) / 2, seq = 0, time_us = 0;
        if ((st = first_from(reader, middle, &seq, &time_us, why)))
            break;
        if (seq && time_us < after_us)
            low = seq + 1;
        else
            high = middle - 1;
    }
    if (!st)
        *ret_position = low - 1;
    return st;
}

tdl_status tdl_read_log(tdl_reader *reader, int64_t *position, size_t limit, tdl_arena *arena,
                        tdl_decision_row **ret, size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    int64_t last = *position;
    tdl_decision_row *row;
    tdl_status st = tdl_rows_start(&r, TDL_READ_LOG, why);

    if (st)
        return st;
    tdl_rows_bind_number(&r, 1, last);
    tdl_rows_bind_limit(&r, 2, limit);
    while (!st && (row = tdl_rows_next(&r))) {
        last = tdl_rows_number(&r, 12);
        if (!(st = tdl_read_decision(&r, &row->decision, why)))
            st = tdl_read_rewards(reader, tdl_str_of(row->decision.id), arena, &row->rewards,
                                  &row->rewards_n, why);
    }
    tdl_status ended = tdl_rows_end(&r, st ? NULL : why);
    if (st || (st = ended))
        return st;
    *position = last;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}

tdl_status tdl_store_log_begin(tdl_store *store, int64_t from_us, int64_t *ret_position,
                               tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st;

    tdl_store_flush(store); // decisions are queued without waiting
    if ((st = tdl_store_take_reader(store, &reader, why)))
        return st;
    st = tdl_read_log_begin(reader, from_us, ret_position, why);
    tdl_store_give_back(store, reader);
    return st;
}

tdl_status tdl_store_log_read(tdl_store *store, int64_t *position, size_t limit, tdl_arena *arena,
                              tdl_decision_row **ret, size_t *ret_n, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = tdl_read_log(reader, position, limit, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

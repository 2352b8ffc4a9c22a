/* The stored form of a decision's candidates: what is accepted is written and read back the same.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "store/candidates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nine significant digits: off by at most half a unit in the ninth. */
static bool same_number(double a, double b)
{
    return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= 5.01e-9 * fabs(a);
}

static void check_round_trip(const tdl_candidate *first, size_t n, int64_t chosen_n,
                             tdl_arena *arena)
{
    tdl_candidate *second;
    tdl_buf out = {0};
    int64_t written_chosen_n;
    size_t second_n;

    tdl_candidates_write(&out, first, n, &written_chosen_n);
    if (out.failed || written_chosen_n != ((int64_t)n < chosen_n ? (int64_t)n : chosen_n))
        abort();
    tdl_status st =
        tdl_candidates_read(tdl_buf_view(&out), chosen_n, arena, &second, &second_n, NULL);
    if (st != TDL_E_NO_MEMORY && (st || second_n != n))
        abort();
    for (size_t i = 0; !st && i < n; i++)
        if (!tdl_str_eq(first[i].item, second[i].item) ||
            !same_number(first[i].score, second[i].score) ||
            !same_number(first[i].propensity, second[i].propensity) ||
            first[i].chosen != second[i].chosen)
            abort();
    tdl_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_arena *arena = tdl_arena_new((size_t)4 << 20);
    int64_t chosen_n = size ? data[0] : 0;
    tdl_str text = {(const char *)data + (size > 0), size - (size > 0)};
    tdl_candidate *candidates;
    tdl_report why = {0};
    size_t n;

    if (!arena)
        return 0;
    if (!tdl_candidates_read(text, chosen_n, arena, &candidates, &n, &why))
        check_round_trip(candidates, n, chosen_n, arena);
    else if (why.status != TDL_E_CORRUPT && why.status != TDL_E_NO_MEMORY)
        abort();
    tdl_arena_free(arena);
    return 0;
}

/* What learns live: whatever people take, join, leave and move, once all are forgotten nothing of
 * them is left. Six bytes a step: what, who, which item, when (two), which order. */
#include <stdlib.h>

#include "apps/recommend/live_state_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEP = 6, PEOPLE = 5, ITEMS = 20, STEPS_MAX = 4000 };

static void want(tdl_live_state *s, uint8_t which)
{
    const tdl_directed_params of[] = {{10, .8, .3, 0, 5, 0, 10, .7, .65, 0, 0, 0},
                                      {3, .7, .3, 1, 60, 0, 3, .7, .65, 0, .75, 0},
                                      {1, 1, 0, .5, 1, 0, 1, 1, 1, 0, 0, 0}};

    tdl_live_state_want(s, which % 2 ? TDL_LIVE_BASKET : TDL_LIVE_STREAM,
                        which % 7 ? &of[which % 3] : NULL);
}

static void step(tdl_live_state *s, const uint8_t *b)
{
    static const char countries[] = "ABC";
    int32_t person = b[1] % PEOPLE;
    tdl_taking t = {.person = person,
                    .item = b[2] % ITEMS,
                    .time_us = (b[3] | (int64_t)b[4] << 8) * 1000000,
                    .order = b[5] % 4,
                    .kind = {countries, b[5] / 128},
                    .now_us = INT64_C(30000) * 1000000};

    switch (b[0] % 16) {
    case 0:
        tdl_live_state_join(s, person, b[2] % PEOPLE);
        break;
    case 1:
        tdl_live_state_forget(s, person);
        break;
    case 2:
        tdl_live_state_place(s, person, (tdl_str){countries, b[2] % 4});
        break;
    case 3:
        if (b[2] > 200)
            tdl_live_state_weigh(s, (tdl_str){countries, b[3] % 2}, b[4] % 4, b[5] % 2);
        want(s, b[2]);
        break;
    case 4:
        tdl_live_state_build(s);
        break;
    case 5:
        if (b[2] > 250)
            tdl_live_state_leave_out(s, person);
        break;
    default:
        tdl_live_state_take(s, &t);
    }
}

static void expect_nothing(const tdl_live_state *s)
{
    for (int32_t i = 0; i < ITEMS; i++) {
        for (size_t m = 0; m < TDL_LIVE_MATRICES_N; m++)
            for (int32_t j = 0; s->matrix[m] && j < ITEMS; j++)
                if (tdl_live_sum(s->matrix[m], i) != 0 || tdl_live_count(s->matrix[m], i, j) != 0)
                    abort();
        for (size_t h = 0; h < TDL_HALF_LIVES_N; h++) {
            if (tdl_crowd_at(&s->crowd, (tdl_half_life)h, i, 0) != 0)
                abort();
            for (size_t k = 0; k < s->segments_n; k++)
                if (tdl_crowd_at(&s->segment[k], (tdl_half_life)h, i, 0) != 0)
                    abort();
        }
    }
    tdl_live_figures f = tdl_live_state_figures(s);
    if (f.entries_n || f.persons_n || f.robots_n || f.lost_n || s->crowd.persons_n)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_live_state *s = tdl_live_state_new();

    if (!s)
        abort();
    for (size_t i = 0; i + STEP <= size && i < (size_t)STEPS_MAX * STEP; i += STEP)
        step(s, data + i);
    while (tdl_live_state_build(s))
        ;
    for (int32_t person = 0; person < PEOPLE; person++)
        tdl_live_state_forget(s, person);
    expect_nothing(s);
    tdl_live_state_free(s);
    return 0;
}

/* A made table, as in tests/e2e/desk.h: u(s, i) = splitmix64 output i + 1 from state s, times
 * 2^-64.
 *
 *     x = 4 u(1, i) - 2,  z = 4 u(2, i) - 2,  c = a, b or c by u(3, i),  e = 4 u(4, i) - 2
 *     eta = x + z / 2 + (c is a) + e
 *     y = yes where eta > .5, else no;  v = eta;  k = low, mid, high by eta > -.5, > 1
 *     coin = heads or tails by u(5, i), of which nothing tells;  g = one of rows / 2 levels
 */
#ifndef TDL_TEST_MADE_TABLE_H
#define TDL_TEST_MADE_TABLE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../table/frames.h"
#include "apps/predict/fit.h"
#include "apps/predict/folds.h"

static inline double made_u(uint64_t seed, uint64_t i)
{
    uint64_t z = seed + (i + 1) * UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return ldexp((double)(z ^ z >> 31), -64);
}

/* Of the columns whose letters are named: "xzcyvktg", t = coin. */
static inline tdl_frame made_frame(size_t rows, const char *columns)
{
    tdl_buf text = {0};

    for (const char *c = columns; *c; c++)
        tdl_buf_printf(&text, "%s%s", c == columns ? "" : ",",
                       *c == 't' ? "coin" : (char[]){*c, '\0'});
    for (size_t i = 0; i < rows; i++) {
        double x = 4 * made_u(1, i) - 2, z = 4 * made_u(2, i) - 2;
        char c = "abc"[(size_t)(made_u(3, i) * 3)];
        double eta = x + z / 2 + (c == 'a') + 4 * made_u(4, i) - 2;

        for (const char *at = columns; *at; at++) {
            tdl_buf_char(&text, at == columns ? '\n' : ',');
            switch (*at) {
            case 'x':
                tdl_buf_printf(&text, "%.5f", x);
                break;
            case 'z':
                tdl_buf_printf(&text, "%.5f", z);
                break;
            case 'c':
                tdl_buf_char(&text, c);
                break;
            case 'y':
                tdl_buf_text(&text, eta > 0.5 ? "yes" : "no");
                break;
            case 'v':
                tdl_buf_printf(&text, "%.5f", eta);
                break;
            case 'k':
                tdl_buf_text(&text, eta > 1 ? "high" : eta > -0.5 ? "mid" : "low");
                break;
            case 't':
                tdl_buf_text(&text, made_u(5, i) < 0.5 ? "heads" : "tails");
                break;
            case 'g':
                tdl_buf_printf(&text, "g%zu", (size_t)(made_u(6, i) * (double)rows / 2));
                break;
            default:
                fail_msg("no column %c", *at);
            }
        }
    }
    tdl_buf_char(&text, '\n');
    tdl_frame frame = test_frame(text.at);
    tdl_buf_release(&text);
    return frame;
}

static inline tdl_predict_target made_target(const tdl_frame *frame, const char *column,
                                             const char *task)
{
    tdl_predict_target target;
    tdl_report why;

    if (tdl_predict_target_make(
            frame, &(tdl_target_wish){.column = tdl_str_of(column), .task = task}, &target, &why))
        fail_msg("%s", why.message);
    return target;
}

static inline uint32_t *made_rows(size_t n)
{
    uint32_t *row = malloc((n + 1) * sizeof *row);

    assert_non_null(row);
    for (size_t i = 0; i < n; i++)
        row[i] = (uint32_t)i;
    return row;
}

static inline tdl_predictor *made_predictor(const tdl_frame *frame, const char *target,
                                            const char *models, const tdl_predict_options *more)
{
    tdl_predict_options options = more ? *more : (tdl_predict_options){0};
    tdl_predictor *p = NULL;
    tdl_report why;

    options.name = options.name ? options.name : "made";
    options.source = "made.csv";
    options.target.column = tdl_str_of(target);
    options.models = models;
    if (tdl_predict_fit(frame, &options, &p, &why))
        fail_msg("%s", why.message);
    return p;
}

/* [rows][outputs]; free it */
static inline double *made_answers(const tdl_predictor *p, const tdl_frame *frame, tdl_pool *pool)
{
    double *ret = calloc(frame->rows * p->scores_n + 1, sizeof *ret);
    tdl_report why;

    if (tdl_predictor_predict(p, frame, pool, ret, NULL, &why))
        fail_msg("%s", why.message);
    return ret;
}

#endif

/* A folder of its own with tables in it, and the real program run there to its end: for commands
 * that want no server.
 *
 * Any step that fails fails the test. TREADLE_BIN names the program.
 */
#ifndef TDL_TESTS_E2E_DESK_H
#define TDL_TESTS_E2E_DESK_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

typedef struct desk {
    char folder[64]; /* where the program runs; removed by desk_tear_down */
    char *out, *err; /* what the last command wrote */
    size_t out_n;
    int status; /* its exit status */
} desk;

/* cmocka's set-up and tear-down: *state is a desk. */
int desk_set_up(void **state);
int desk_tear_down(void **state);

void desk_write(const desk *d, const char *name, const void *bytes, size_t n);
char *desk_read(const desk *d, const char *name, size_t *ret_n); /* free it */

/* Run `treadle COMMAND`, words parted by blanks, 'a quoted word' taken whole. */
void desk_run(desk *d, const char *command);
/* ... and expect this status; each of `told` (NULL = nothing) must be on stderr. */
void desk_expect(desk *d, int status, const char *told, const char *command);
json_t *desk_json(const desk *d); /* stdout as one JSON value; json_decref it */

/* A made table, the same everywhere: u(s, i) = splitmix64 output i + 1 from state s, times 2^-64.
 *
 *     x = 4 u(1, i) - 2,  z = 4 u(2, i) - 2,  c = a, b or c by u(3, i),  e = 4 u(4, i) - 2
 *     y = yes where x + z / 2 + (c is a) + e > .5, else no
 *
 * `row` writes row i of it as it likes; NULL = "x,z,c,y". */
typedef struct desk_row {
    size_t i;
    double x, z;
    char c;
    const char *y;
} desk_row;
typedef void desk_row_fn(const desk_row *row, char *ret, size_t n);
void desk_table(const desk *d, const char *name, const char *header, size_t rows, desk_row_fn *row);
/* The text of it; free it. */
char *desk_text(const char *header, size_t rows, desk_row_fn *row, size_t *ret_n);

#endif

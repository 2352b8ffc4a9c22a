/* One row of iALS++: see ials.h. */
#include <string.h>

#include "apps/recommend/ials.h"
#include "stats/cholesky.h"

/* Blocks are padded to whole tiles: ones on the diagonal, zeros elsewhere, so that the padding is
 * solved to zero. Members are read in chunks of vectors. */
enum { LANES = 4, TILE_ROWS = 4, TILE_COLUMNS = 8, CHUNK = 256 };

#define INLINE static inline __attribute__((always_inline))

typedef double vec4 __attribute__((vector_size(LANES * sizeof(double))));
typedef float vec4f __attribute__((vector_size(LANES * sizeof(float))));

/* One block being solved. */
typedef struct block {
    const tdl_ials_side *side;
    size_t first, width, padded; /* coordinates; padded: to whole tiles */
    double *a;                   /* [padded][padded] */
    double *g;                   /* [padded], becomes the step */
    double *error;               /* [members] w.h - 1 */
    double *packed;              /* [CHUNK][padded] this block's coordinates of some members */
} block;

static size_t pad(size_t width)
{
    return (width + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
}

/* Fold-in solves all of a row at once: room is for that. */
size_t tdl_ials_room(const tdl_ials_side *side, size_t most)
{
    size_t padded = pad(side->params.d);

    return padded * (padded + 1 + CHUNK) + most;
}

static block make_block(const tdl_ials_side *side, size_t first, size_t width, double *room)
{
    size_t whole = pad(side->params.d), padded = pad(width);

    return (block){.side = side,
                   .first = first,
                   .width = width,
                   .padded = padded,
                   .a = room,
                   .g = room + whole * whole,
                   .packed = room + whole * (whole + 1),
                   .error = room + whole * (whole + 1 + CHUNK)};
}

/* a += x'x, tiles that touch the lower triangle; g += x'e.  x [n][padded] */
INLINE void add_members(const double *x, const double *error, size_t n, size_t padded, double *a,
                        double *g)
{
    for (size_t row = 0; row < padded; row += TILE_ROWS)
        for (size_t column = 0; column < row + TILE_ROWS; column += TILE_COLUMNS) {
            vec4 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, t0 = {0}, t1 = {0}, t2 = {0}, t3 = {0};
            const double *at = x;
            double *to = a + row * padded + column;
            vec4 left, right;

            for (size_t i = 0; i < n; i++, at += padded) {
                memcpy(&left, at + column, sizeof left);
                memcpy(&right, at + column + LANES, sizeof right);
                s0 += at[row] * left, t0 += at[row] * right;
                s1 += at[row + 1] * left, t1 += at[row + 1] * right;
                s2 += at[row + 2] * left, t2 += at[row + 2] * right;
                s3 += at[row + 3] * left, t3 += at[row + 3] * right;
            }
            const vec4 sum[TILE_ROWS][2] = {{s0, t0}, {s1, t1}, {s2, t2}, {s3, t3}};
            for (size_t r = 0; r < TILE_ROWS; r++, to += padded) {
                memcpy(&left, to, sizeof left);
                memcpy(&right, to + LANES, sizeof right);
                left += sum[r][0], right += sum[r][1];
                memcpy(to, &left, sizeof left);
                memcpy(to + LANES, &right, sizeof right);
            }
        }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < padded; k++)
            g[k] += error[i] * x[i * padded + k];
}

/* x [n][padded] = coordinates [first, first + width) of members. */
INLINE void pack_members(const block *b, const int32_t *member, size_t n, double *x)
{
    const float *vector = b->side->vector + b->first;
    size_t d = b->side->params.d;

    for (size_t i = 0; i < n; i++) {
        const float *from = vector + (size_t)member[i] * d;
        for (size_t k = 0; k < b->width; k++)
            x[i * b->padded + k] = (double)from[k];
        for (size_t k = b->width; k < b->padded; k++)
            x[i * b->padded + k] = 0;
    }
}

/* error[n] += x step.  x [n][padded] */
INLINE void add_errors(const double *x, size_t n, size_t padded, const double *step, double sign,
                       double *error)
{
    for (size_t i = 0; i < n; i++) {
        vec4 s = {0}, t = {0};

        for (size_t k = 0; k < padded; k += 2 * LANES) {
            vec4 a, b, c, d;
            memcpy(&a, x + i * padded + k, sizeof a);
            memcpy(&b, step + k, sizeof b);
            memcpy(&c, x + i * padded + k + LANES, sizeof c);
            memcpy(&d, step + k + LANES, sizeof d);
            s += a * b, t += c * d;
        }
        s += t;
        error[i] += sign * ((s[0] + s[2]) + (s[1] + s[3]));
    }
}

/* What members ask of a block: its matrix and its gradient. */
INLINE void gather(const block *b, const int32_t *member, size_t n)
{
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t some = n - at < CHUNK ? n - at : CHUNK;

        pack_members(b, member + at, some, b->packed);
        add_members(b->packed, b->error + at, some, b->padded, b->a, b->g);
    }
}

/* The errors after coordinates of the block have changed by sign * step [padded]. */
INLINE void spread(const block *b, const int32_t *member, size_t n, const double *step, double sign)
{
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t some = n - at < CHUNK ? n - at : CHUNK;

        if (n > CHUNK || sign > 0) // else they are still there
            pack_members(b, member + at, some, b->packed);
        add_errors(b->packed, some, b->padded, step, sign, b->error + at);
    }
}

/* error[n] = w.h - 1 for whole rows. */
INLINE void find_errors(const tdl_ials_side *side, const int32_t *member, size_t n,
                        const double *row, double *error)
{
    size_t d = side->params.d, whole = d / LANES * LANES;

    for (size_t i = 0; i < n; i++) {
        const float *from = side->vector + (size_t)member[i] * d;
        vec4 sum = {0};

        for (size_t k = 0; k < whole; k += LANES) {
            vec4f single;
            vec4 w;
            memcpy(&single, from + k, sizeof single);
            memcpy(&w, row + k, sizeof w);
            sum += __builtin_convertvector(single, vec4) * w;
        }
        error[i] = (sum[0] + sum[2]) + (sum[1] + sum[3]) - 1;
        for (size_t k = whole; k < d; k++)
            error[i] += (double)from[k] * row[k];
    }
}

/* lambda (members + a0 of all) */
static double ridge_of(const tdl_ials_side *side, size_t n)
{
    return side->params.lambda * ((double)n + side->params.a0 * (double)side->n);
}

/* The gradient of what does not depend on members. */
INLINE void start_gradient(const block *b, const double *row, double ridge)
{
    const tdl_ials_params *p = &b->side->params;
    double *restrict g = b->g;
    size_t width = b->width;

    memset(g, 0, b->padded * sizeof *g);
    for (size_t k = 0; k < p->d; k++) { // it is symmetric: along its rows
        const double *restrict gram = b->side->gram + k * p->d + b->first;
        for (size_t r = 0; r < width; r++)
            g[r] += row[k] * gram[r];
    }
    for (size_t r = 0; r < width; r++)
        g[r] = p->a0 * g[r] + ridge * row[b->first + r];
}

typedef void errors_fn(const tdl_ials_side *, const int32_t *, size_t, const double *, double *);
typedef void gather_fn(const block *, const int32_t *, size_t);
typedef void spread_fn(const block *, const int32_t *, size_t, const double *, double);
typedef void start_fn(const block *, const double *, double);

static void start_plain(const block *b, const double *row, double ridge)
{
    start_gradient(b, row, ridge);
}

static void errors_plain(const tdl_ials_side *side, const int32_t *member, size_t n,
                         const double *row, double *error)
{
    find_errors(side, member, n, row, error);
}

static void gather_plain(const block *b, const int32_t *member, size_t n)
{
    gather(b, member, n);
}

static void spread_plain(const block *b, const int32_t *member, size_t n, const double *step,
                         double sign)
{
    spread(b, member, n, step, sign);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void start_avx2(const block *b, const double *row,
                                                       double ridge)
{
    start_gradient(b, row, ridge);
}

__attribute__((target("avx2"))) static void errors_avx2(const tdl_ials_side *side,
                                                        const int32_t *member, size_t n,
                                                        const double *row, double *error)
{
    find_errors(side, member, n, row, error);
}

__attribute__((target("avx2"))) static void gather_avx2(const block *b, const int32_t *member,
                                                        size_t n)
{
    gather(b, member, n);
}

__attribute__((target("avx2"))) static void spread_avx2(const block *b, const int32_t *member,
                                                        size_t n, const double *step, double sign)
{
    spread(b, member, n, step, sign);
}
#endif

/* What this machine runs fastest; the same bits in each. */
typedef struct speed {
    start_fn *start_gradient;
    errors_fn *find_errors;
    gather_fn *gather;
    spread_fn *spread;
} speed;

static speed fastest(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return (speed){start_avx2, errors_avx2, gather_avx2, spread_avx2};
#endif
    return (speed){start_plain, errors_plain, gather_plain, spread_plain};
}

/* The block's matrix without its members. */
static void start_matrix(const block *b, double ridge)
{
    const tdl_ials_params *p = &b->side->params;

    memset(b->a, 0, b->padded * b->padded * sizeof *b->a);
    for (size_t r = 0; r < b->width; r++) {
        const double *gram = b->side->gram + (b->first + r) * p->d + b->first;
        for (size_t c = 0; c <= r; c++)
            b->a[r * b->padded + c] = p->a0 * gram[c];
        b->a[r * b->padded + r] += ridge;
    }
    for (size_t r = b->width; r < b->padded; r++)
        b->a[r * b->padded + r] = 1;
}

static block block_at(const tdl_ials_side *side, size_t first, double *room)
{
    size_t left = side->params.d - first;

    return make_block(side, first, left < side->params.block ? left : side->params.block, room);
}

tdl_status tdl_ials_move(const tdl_ials_side *side, const int32_t *member, size_t n, double *row,
                         double *room, tdl_report *why)
{
    const tdl_ials_params *p = &side->params;
    const speed use = fastest();
    double ridge = ridge_of(side, n);

    use.find_errors(side, member, n, row, make_block(side, 0, p->d, room).error);
    for (size_t at = 0; at < p->d; at += p->block) {
        block b = block_at(side, at, room);
        tdl_status st;

        start_matrix(&b, ridge);
        use.start_gradient(&b, row, ridge);
        use.gather(&b, member, n);
        if ((st = tdl_cholesky(b.a, b.padded, why)))
            return st;
        tdl_cholesky_solve(b.a, b.padded, b.g, 1);
        for (size_t k = 0; k < b.width; k++)
            row[at + k] -= b.g[k];
        if (at + b.width < p->d)
            use.spread(&b, member, n, b.g, -1);
    }
    return TDL_OK;
}

/* The factor of A over members, and in g the sum of their vectors. */
static tdl_status factor_members(const tdl_ials_side *side, const int32_t *member, size_t n,
                                 double *room, block *ret, tdl_report *why)
{
    block b = make_block(side, 0, side->params.d, room);

    for (size_t i = 0; i < n; i++)
        b.error[i] = 1;
    start_matrix(&b, ridge_of(side, n));
    memset(b.g, 0, b.padded * sizeof *b.g);
    fastest().gather(&b, member, n);
    *ret = b;
    return tdl_cholesky(b.a, b.padded, why);
}

tdl_status tdl_ials_fold_in(const tdl_ials_side *side, const int32_t *member, size_t n,
                            double *ret_row, double *room, tdl_report *why)
{
    block b;
    tdl_status st = factor_members(side, member, n, room, &b, why);

    if (st)
        return st;
    tdl_cholesky_solve(b.a, b.padded, b.g, 1);
    memcpy(ret_row, b.g, side->params.d * sizeof *ret_row);
    return TDL_OK;
}

tdl_status tdl_ials_terms(const tdl_ials_side *side, const int32_t *member, size_t n,
                          const int32_t *of, size_t of_n, double *ret, double *room,
                          tdl_report *why)
{
    block b;
    tdl_status st = factor_members(side, member, n, room, &b, why);

    for (size_t j = 0; !st && j < of_n; j++) {
        const float *own = side->vector + (size_t)of[j] * side->params.d;

        memset(b.g, 0, b.padded * sizeof *b.g);
        for (size_t k = 0; k < side->params.d; k++)
            b.g[k] = (double)own[k];
        tdl_cholesky_solve(b.a, b.padded, b.g, 1);
        memset(b.error, 0, n * sizeof *b.error);
        fastest().spread(&b, member, n, b.g, 1);
        memcpy(ret + j * n, b.error, n * sizeof *ret);
    }
    return st;
}

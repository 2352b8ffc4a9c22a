/* Prints one hash per kind of kernel, of everything it computes, for each instruction set; fails
 * when two sets differ. No framework, so that neon.sh can build it for another machine too: its
 * output there must be the output here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/kernel.h"

enum { M = 65, N = 771, K = 777 }; /* of the published hash; see test_bits.c */
static float *x, *w, y[M * N];

static float next_float(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(*state >> 32) / 2147483648.0f;
}

static uint64_t hash_of(uint64_t hash, const void *units, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t word;
        memcpy(&word, (const char *)units + i * sizeof word, sizeof word);
        hash = (hash ^ word) * 1099511628211u;
    }
    return hash;
}
static const uint64_t START = 1469598103934665603u;

static uint64_t products(const tdl_kernel *kernel, tdl_precision type, const tdl_tiles *tiles)
{
    tdl_packed *packed;

    if (tdl_pack_on(kernel, tiles, type, w, true, K, N, &packed, NULL))
        return 0;
    tdl_linear(packed, M, x, K, NULL, TDL_ACT_NONE, y, N, NULL);
    tdl_packed_free(packed);
    return hash_of(START, y, (size_t)M * N);
}

static uint64_t maps(const tdl_kernel *kernel)
{
    uint64_t hash = START;

    for (int f = TDL_MAP_COPY; f <= TDL_MAP_LOG; f++)
        for (size_t row = 0; row < M; row++) {
            float in[K], out[K];

            for (size_t i = 0; i < K; i++)
                in[i] = (float)(row + 1) * x[row * K + i] * (f == TDL_MAP_LOG ? x[row * K + i] : 1);
            kernel->map_rows((tdl_map)f, 1, K, in, K, NULL, out, K);
            hash = hash_of(hash, out, K);
            kernel->map_backward((tdl_map)f, K, in, out);
            hash = hash_of(hash, out, K);
        }
    return hash;
}

static uint64_t rows(const tdl_kernel *kernel)
{
    uint64_t hash = START;

    for (size_t n = 1; n <= K; n += n < 40 ? 1 : 67) {
        float out[K], dgain[K] = {0}, dbias[K] = {0}, of_row[5];
        int8_t q[K + 4] = {0};

        memcpy(out, x, sizeof out);
        of_row[0] = kernel->softmax(out, n);
        of_row[1] = kernel->dot(x, w, n);
        hash = hash_of(hash, out, n);
        for (int rms = 0; rms < 2; rms++) {
            kernel->norm(rms, n, x, w, w + K, 1e-5f, out, of_row + 2, of_row + 3);
            hash = hash_of(hash, out, n);
            kernel->norm_gains(2, n, K, x, of_row + 2, of_row + 2, w, dgain, dbias);
            hash = hash_of(hash_of(hash, dgain, n), dbias, n);
            kernel->norm_backward(rms, n, x, w, of_row[2], of_row[3], w + K, out);
            hash = hash_of(hash, out, n);
        }
        of_row[4] = kernel->int8_scale(out, n);
        kernel->quantise(out, n, of_row[4], q);
        hash = hash_of(hash_of(hash_of(hash, out, n), q, (n + 3) / 4), of_row, 5);
    }
    return hash;
}

int main(void)
{
    static const char *const names[] = {"f32", "bf16", "int8", "int4"};
    uint64_t state = 1, first[6] = {0};
    int differ = 0;
    const tdl_kernel *kernel;

    x = malloc(sizeof *x * M * K);
    w = malloc(sizeof *w * N * K);
    if (!x || !w)
        return 1;
    for (size_t i = 0; i < (size_t)M * K; i++)
        x[i] = next_float(&state);
    for (size_t i = 0; i < (size_t)N * K; i++)
        w[i] = next_float(&state);
    for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++) {
        uint64_t whole[6] = {[4] = maps(kernel), [5] = rows(kernel)};
        const tdl_tiles *tiles;

        for (int type = 0; type < 4; type++)
            for (size_t i = 0; (tiles = tdl_tiles_at(kernel, (tdl_precision)type, i)); i++) {
                uint64_t own = products(kernel, (tdl_precision)type, tiles);

                if (i && own != whole[type]) {
                    printf("%s: %s kernel %zu differs\n", kernel->name, names[type], i);
                    differ = 1;
                }
                whole[type] = own;
            }
        if (!at)
            memcpy(first, whole, sizeof first);
        else if (memcmp(first, whole, sizeof first) != 0)
            differ = 1;
        fprintf(stderr, "%s:", kernel->name);
        for (int i = 0; i < 6; i++)
            fprintf(stderr, " %016llx", (unsigned long long)whole[i]);
        fprintf(stderr, "\n");
    }
    for (int i = 0; i < 6; i++)
        printf("%s %016llx\n",
               i < 4    ? names[i]
               : i == 4 ? "maps"
                        : "rows",
               (unsigned long long)first[i]);
    free(x);
    free(w);
    return differ;
}

/* Matrix products of others, opened at run time when they are there; one thread each. */
#ifndef TDL_BENCH_PEERS_H
#define TDL_BENCH_PEERS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tdl_peer_product {
    bool ta, tb;
    size_t m, n, k;
    const float *a, *b;
    float *c;
} tdl_peer_product;

typedef struct tdl_peers tdl_peers;

tdl_peers *tdl_peers_open(void); /* NULL: no memory */
void tdl_peers_close(tdl_peers *peers);

/* OpenBLAS: sgemm, or for m = 1 sgemv if `vector`. oneDNN: sgemm, held to AVX2. Row-major, rows
 * side by side. False: not installed. */
bool tdl_openblas(const tdl_peers *peers, const tdl_peer_product *p, bool vector);
bool tdl_onednn(const tdl_peers *peers, const tdl_peer_product *p);

#endif

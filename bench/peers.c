#include "peers.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

/* cblas.h and dnnl.h, as far as they are needed. */
enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112, DNNL_CPU_ISA_AVX2 = 0x7 };
typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                      int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef void sgemv_fn(int order, int ta, int m, int n, float alpha, const float *a, int lda,
                      const float *x, int step_x, float beta, float *y, int step_y);
typedef int dnnl_sgemm_fn(char ta, char tb, int64_t m, int64_t n, int64_t k, float alpha,
                          const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
                          float *c, int64_t ldc);

struct tdl_peers {
    void *openblas, *onednn; /* NULL: not installed */
    sgemm_fn *sgemm;
    sgemv_fn *sgemv;
    dnnl_sgemm_fn *dnnl_sgemm;
};

static void open_openblas(tdl_peers *p)
{
    void (*set_threads)(int) = NULL;

    p->openblas = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!p->openblas)
        return;
    *(void **)&p->sgemm = dlsym(p->openblas, "cblas_sgemm");
    *(void **)&p->sgemv = dlsym(p->openblas, "cblas_sgemv");
    *(void **)&set_threads = dlsym(p->openblas, "openblas_set_num_threads");
    if (p->sgemm && p->sgemv && set_threads)
        set_threads(1);
    else
        p->sgemm = NULL;
}

static void open_onednn(tdl_peers *p)
{
    int (*set_isa)(int) = NULL;

    setenv("OMP_NUM_THREADS", "1", 1); /* read when the library is loaded */
    p->onednn = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!p->onednn)
        return;
    *(void **)&p->dnnl_sgemm = dlsym(p->onednn, "dnnl_sgemm");
    *(void **)&set_isa = dlsym(p->onednn, "dnnl_set_max_cpu_isa");
    if (!set_isa || set_isa(DNNL_CPU_ISA_AVX2))
        p->dnnl_sgemm = NULL;
}

tdl_peers *tdl_peers_open(void)
{
    tdl_peers *p = calloc(1, sizeof *p);

    if (p) {
        open_openblas(p);
        open_onednn(p);
    }
    return p;
}

/* The libraries stay loaded: threads that they started would outlive their code. */
void tdl_peers_close(tdl_peers *p)
{
    free(p);
}

bool tdl_openblas(const tdl_peers *peers, const tdl_peer_product *p, bool vector)
{
    int m = (int)p->m, n = (int)p->n, k = (int)p->k;

    if (!peers->sgemm)
        return false;
    if (vector) // weights [out][in] times one vector: its best case
        peers->sgemv(ROW_MAJOR, NO_TRANSPOSE, n, k, 1, p->b, k, p->a, 1, 0, p->c, 1);
    else
        peers->sgemm(ROW_MAJOR, p->ta ? TRANSPOSE : NO_TRANSPOSE, p->tb ? TRANSPOSE : NO_TRANSPOSE,
                     m, n, k, 1, p->a, p->ta ? m : k, p->b, p->tb ? k : n, 0, p->c, n);
    return true;
}

bool tdl_onednn(const tdl_peers *peers, const tdl_peer_product *p)
{
    int64_t m = (int64_t)p->m, n = (int64_t)p->n, k = (int64_t)p->k;

    return peers->dnnl_sgemm &&
           !peers->dnnl_sgemm(p->ta ? 'T' : 'N', p->tb ? 'T' : 'N', m, n, k, 1, p->a, p->ta ? m : k,
                              p->b, p->tb ? k : n, 0, p->c, n);
}

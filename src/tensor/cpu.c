/* Which instruction set runs: the best the machine has, or what TREADLE_ISA asks for. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/kernel.h"

static bool always(void)
{
    return true;
}

#if defined(__x86_64__)
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f");
}
#endif

/* Best first. */
static const struct {
    const tdl_kernel *kernel;
    bool (*is_there)(void);
} kernels[] = {
#if defined(__x86_64__)
    {&tdl_kernel_avx512, has_avx512},
    {&tdl_kernel_avx2, has_avx2},
#endif
    {&tdl_kernel_scalar, always},
};
enum { KERNELS_N = sizeof kernels / sizeof kernels[0] };

const tdl_kernel *tdl_kernel_at(size_t i)
{
    for (size_t at = 0; at < KERNELS_N; at++)
        if (kernels[at].is_there() && i-- == 0)
            return kernels[at].kernel;
    return NULL;
}

tdl_status tdl_kernel_find(const char *name, const tdl_kernel **ret, tdl_report *why)
{
    const tdl_kernel *kernel;
    char hint[128];
    size_t used = 0;

    *ret = tdl_kernel_at(0);
    if (!name || !*name)
        return TDL_OK;
    for (size_t i = 0; (kernel = tdl_kernel_at(i)); i++)
        if (!strcmp(name, kernel->name)) {
            *ret = kernel;
            return TDL_OK;
        }
    for (size_t i = 0; (kernel = tdl_kernel_at(i)) && used < sizeof hint; i++)
        used += (size_t)snprintf(hint + used, sizeof hint - used, "%s%s",
                                 i ? ", " : "this machine has ", kernel->name);
    return TDL_FAIL_HINT(why, TDL_E_INVALID, hint, "TREADLE_ISA=%s: no such instruction set here",
                         name);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const tdl_kernel *chosen;
static tdl_report refused; /* TDL_OK when TREADLE_ISA was honoured */

static void choose(void)
{
    (void)tdl_kernel_find(getenv("TREADLE_ISA"), &chosen, &refused);
}

const tdl_kernel *tdl_kernel_get(void)
{
    pthread_once(&once, choose);
    return chosen;
}

const char *tdl_isa_name(void)
{
    return tdl_kernel_get()->name;
}

tdl_status tdl_isa_check(tdl_report *why)
{
    tdl_kernel_get();
    if (refused.status && why)
        *why = refused;
    return refused.status;
}

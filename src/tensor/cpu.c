/* Which instruction set runs: the best the machine has, or what TREADLE_ISA asks for. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/kernel.h"
#include "tensor/selftest.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

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

static bool has_vnni(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni");
}

static bool has_avx512_bf16(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512bf16");
}
#elif defined(__aarch64__)
/* Bits of the kernel's interface, by number: older headers lack some. */
static bool has_dot(void)
{
    return getauxval(AT_HWCAP) & 1ul << 20; /* ASIMDDP */
}

static bool has_bf16(void)
{
    return getauxval(AT_HWCAP2) & 1ul << 14; /* BF16 */
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
#elif defined(__aarch64__)
    {&tdl_kernel_neon, always},
#endif
    {&tdl_kernel_scalar, always},
};
enum { KERNELS_N = sizeof kernels / sizeof kernels[0] };

/* What goes with a kernel besides its own f32 and bf16 tiles, best first. */
static const struct {
    const tdl_kernel *kernel;
    tdl_precision type;
    const tdl_tiles *tiles;
    bool (*is_there)(void);
} extras[] = {
#if defined(__x86_64__)
    {&tdl_kernel_avx512, TDL_PRECISION_BF16, &tdl_bf16_avx512, has_avx512_bf16},
    {&tdl_kernel_avx512, TDL_PRECISION_INT8, &tdl_s8_avx512, has_vnni},
    {&tdl_kernel_avx512, TDL_PRECISION_INT8, &tdl_s8_avx2, always},
    {&tdl_kernel_avx512, TDL_PRECISION_INT4, &tdl_q4_avx512, has_vnni},
    {&tdl_kernel_avx512, TDL_PRECISION_INT4, &tdl_q4_avx2, always},
    {&tdl_kernel_avx2, TDL_PRECISION_INT8, &tdl_s8_avx2, always},
    {&tdl_kernel_avx2, TDL_PRECISION_INT4, &tdl_q4_avx2, always},
#elif defined(__aarch64__)
    {&tdl_kernel_neon, TDL_PRECISION_BF16, &tdl_bf16_neon, has_bf16},
    {&tdl_kernel_neon, TDL_PRECISION_INT8, &tdl_s8_neon, has_dot},
    {&tdl_kernel_neon, TDL_PRECISION_INT4, &tdl_q4_neon, has_dot},
#endif
};
enum { EXTRAS_N = sizeof extras / sizeof extras[0], TYPES_N = 4 };

const tdl_kernel *tdl_kernel_at(size_t i)
{
    for (size_t at = 0; at < KERNELS_N; at++)
        if (kernels[at].is_there() && i-- == 0)
            return kernels[at].kernel;
    return NULL;
}

const tdl_tiles *tdl_tiles_at(const tdl_kernel *kernel, tdl_precision type, size_t i)
{
    const tdl_tiles *const own[TYPES_N] = {kernel->f32, kernel->bf16, &tdl_s8_scalar,
                                           &tdl_q4_scalar};

    for (size_t at = 0; at < EXTRAS_N; at++)
        if (extras[at].kernel == kernel && extras[at].type == type && extras[at].is_there() &&
            i-- == 0)
            return extras[at].tiles;
    return i == 0 ? own[type] : NULL;
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

static pthread_once_t once = PTHREAD_ONCE_INIT, once_tiles = PTHREAD_ONCE_INIT;
static const tdl_kernel *chosen;
static tdl_report refused; /* TDL_OK when TREADLE_ISA was honoured and all tiles agree */
static const tdl_tiles *trusted[KERNELS_N][TYPES_N];

static void choose(void)
{
    (void)tdl_kernel_find(getenv("TREADLE_ISA"), &chosen, &refused);
}

const tdl_kernel *tdl_kernel_get(void)
{
    pthread_once(&once, choose);
    return chosen;
}

/* The best tiles that agree with the plain ones. Code that this project's own machines could not
 * run is thus never believed unseen. */
static void trust(void)
{
    static const char *const types[TYPES_N] = {"f32", "bf16", "int8", "int4"};

    tdl_kernel_get();
    for (size_t at = 0; at < KERNELS_N; at++) {
        const tdl_kernel *kernel = kernels[at].kernel;
        const tdl_tiles *tiles;

        for (size_t type = 0; kernels[at].is_there() && type < TYPES_N; type++)
            for (size_t i = 0; (tiles = tdl_tiles_at(kernel, (tdl_precision)type, i)); i++) {
                trusted[at][type] = tiles;
                if (tdl_tiles_agree(tiles, (tdl_precision)type))
                    break;
                if (kernel == chosen && !refused.status)
                    (void)TDL_FAIL_HINT(&refused, TDL_E_INVALID,
                                        "a slower kernel is used; please report this machine",
                                        "the %s kernel %zu of %s gives wrong results here",
                                        types[type], i, kernel->name);
            }
    }
}

const tdl_tiles *tdl_tiles_of(const tdl_kernel *kernel, tdl_precision type)
{
    if (type == TDL_PRECISION_F32)
        return kernel->f32;
    pthread_once(&once_tiles, trust);
    for (size_t at = 0; at < KERNELS_N; at++)
        if (kernels[at].kernel == kernel)
            return trusted[at][type];
    return NULL;
}

const char *tdl_isa_name(void)
{
    return tdl_kernel_get()->name;
}

tdl_status tdl_isa_check(tdl_report *why)
{
    pthread_once(&once_tiles, trust);
    if (refused.status && why)
        *why = refused;
    return refused.status;
}

#include "tensor/scratch.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

typedef struct scratch {
    float *at;
    size_t floats;
} scratch;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int key_failed;

static void free_scratch(void *context)
{
    scratch *own = context;

    free(own->at);
    free(own);
}

static void make_key(void)
{
    key_failed = pthread_key_create(&key, free_scratch);
}

static scratch *own_scratch(void)
{
    scratch *own;

    pthread_once(&once, make_key);
    if (key_failed)
        return NULL;
    if ((own = pthread_getspecific(key)))
        return own;
    own = calloc(1, sizeof *own);
    if (own && pthread_setspecific(key, own)) {
        free(own);
        own = NULL;
    }
    return own;
}

float *tdl_scratch(size_t floats)
{
    scratch *own = own_scratch();

    if (!own)
        return NULL;
    if (!own->at || own->floats < floats) {
        free(own->at);
        own->at = tdl_floats_new(floats);
        own->floats = own->at ? floats : 0;
    }
    return own->at;
}

float *tdl_floats_new(size_t floats)
{
    enum { LINE = 64, HUGE_PAGE = 1 << 21 };
    size_t alignment = floats >= HUGE_PAGE / sizeof(float) ? HUGE_PAGE : LINE, bytes;
    float *at;

    if (__builtin_mul_overflow(floats, sizeof *at, &bytes) ||
        __builtin_add_overflow(bytes, alignment, &bytes))
        return NULL;
    bytes = bytes / alignment * alignment; /* rounded up; at least one unit when floats is 0 */
    at = aligned_alloc(alignment, bytes);
    if (at && alignment == HUGE_PAGE)
        (void)madvise(at, bytes, MADV_HUGEPAGE); /* only a wish: fewer TLB misses */
    return at;
}

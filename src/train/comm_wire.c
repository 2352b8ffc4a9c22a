#include "train/comm_wire.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tensor/formats.h"

typedef struct block {
    float *x, *left; /* [n] */
    uint16_t *sent;  /* [n], in the memory of `left` */
    size_t n;
    bool begun;
} block;

struct tdl_wire {
    block *block;   /* [n] in the order in which they were first begun */
    size_t n, next; /* next: behind the last that was begun, where the one to come likely is */
};

tdl_wire *tdl_wire_new(void)
{
    return calloc(1, sizeof(tdl_wire));
}

void tdl_wire_free(tdl_wire *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n; i++)
        free(w->block[i].left);
    free(w->block);
    free(w);
}

static block *find(tdl_wire *w, const float *x, size_t n)
{
    for (size_t k = 0; k < w->n; k++) {
        block *b = &w->block[(w->next + k) % w->n];

        if (b->x == x && b->n == n)
            return b;
    }
    return NULL;
}

static block *append(tdl_wire *w, float *x, size_t n)
{
    block *grown = realloc(w->block, (w->n + 1) * sizeof *grown);

    if (!grown)
        return NULL;
    w->block = grown;
    float *left = calloc(n + 1, sizeof(float) + sizeof(uint16_t));
    if (!left)
        return NULL;
    w->block[w->n] = (block){.x = x, .left = left, .sent = (uint16_t *)(left + n), .n = n};
    return &w->block[w->n++];
}

tdl_status tdl_wire_begin(tdl_wire *w, float *x, size_t n, uint16_t **ret, tdl_report *why)
{
    block *b = find(w, x, n);

    if (!b && !(b = append(w, x, n)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to round %zu numbers for the wire", n);
    for (size_t i = 0; i < n; i++) {
        float whole = x[i] + b->left[i];

        b->sent[i] = tdl_bf16_of(whole);
        whole -= tdl_bf16_to_float(b->sent[i]);
        b->left[i] = isfinite(whole) ? whole : 0;
    }
    b->begun = true;
    w->next = (size_t)(b - w->block) + 1;
    *ret = b->sent;
    return TDL_OK;
}

void tdl_wire_finish(tdl_wire *w)
{
    for (size_t k = 0; k < w->n; k++) {
        block *b = &w->block[k];

        for (size_t i = 0; b->begun && i < b->n; i++)
            b->x[i] = tdl_bf16_to_float(b->sent[i]);
        b->begun = false;
    }
}

void tdl_wire_add(const uint16_t *x, uint16_t *sum, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = tdl_bf16_of(tdl_bf16_to_float(sum[i]) + tdl_bf16_to_float(x[i]));
}

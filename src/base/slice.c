#include "base/slice.h"

#include <sys/syscall.h>
#include <unistd.h>

/* As in linux/sched/types.h, whose name the C library's own headers clash with. */
typedef struct sched_attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
} sched_attributes;

void tdl_slice_ask(uint64_t slice_ns)
{
    sched_attributes attributes = {.size = sizeof attributes};

    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0))
        return;
    attributes.runtime_ns = slice_ns;
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

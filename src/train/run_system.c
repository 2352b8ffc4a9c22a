/* What machine a run had. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/json.h"
#include "train/run.h"
#include "treadle/treadle.h"

/* "model name" on x86; other architectures have no such line. */
static tdl_str processor(char *line, size_t size)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    tdl_str name = {0};

    while (file && !name.len && fgets(line, (int)size, file)) {
        const char *colon = strchr(line, ':');
        if (colon && tdl_str_starts(tdl_str_of(line), TDL_STR("model name")))
            name = tdl_str_trim(tdl_str_of(colon + 1));
    }
    if (file)
        fclose(file);
    return name;
}

void tdl_run_system(tdl_buf *out, const char *isa, unsigned threads)
{
    tdl_jw w = {.out = out};
    char line[256];
    struct utsname host = {0};

    uname(&host); // fails only on a bad pointer
    tdl_str cpu = processor(line, sizeof line);
    tdl_jw_object(&w);
    tdl_jw_kstr(&w, "cpu", cpu.len ? cpu : tdl_str_of(host.machine));
    tdl_jw_kint(&w, "cores", sysconf(_SC_NPROCESSORS_ONLN));
    tdl_jw_ktext(&w, "isa", isa);
    tdl_jw_kint(&w, "threads", threads);
    tdl_jw_kint(&w, "memory_bytes",
                (int64_t)sysconf(_SC_PHYS_PAGES) * (int64_t)sysconf(_SC_PAGESIZE));
    tdl_jw_key(&w, "os");
    char os[sizeof host.sysname + sizeof host.release + sizeof host.machine + 3];
    snprintf(os, sizeof os, "%s %s %s", host.sysname, host.release, host.machine);
    tdl_jw_text(&w, os);
    tdl_jw_ktext(&w, "version", tdl_version());
    tdl_jw_end_object(&w);
}

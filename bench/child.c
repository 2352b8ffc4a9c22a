#include "child.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"

extern char **environ;

static tdl_status read_announcement(int fd, tdl_child *child, tdl_report *why)
{
    char line[512];
    FILE *out = fdopen(fd, "r");
    json_t *said = NULL;
    tdl_str url, key;
    int64_t port;
    tdl_status st;

    if (!out || !fgets(line, sizeof line, out)) {
        st = TDL_FAIL(why, TDL_E_IO, "the server ended before it was listening");
        goto out;
    }
    if ((st = tdl_json_parse(tdl_str_of(line), TDL_JSON_LAST_WINS, &said, why)))
        goto out;
    if (!tdl_json_get_str(said, "url", &url) || !tdl_json_get_str(said, "admin_key", &key) ||
        !tdl_json_get_int(said, "port", &port)) {
        st = TDL_FAIL(why, TDL_E_IO, "the server announced itself in other words: %s", line);
        goto out;
    }
    snprintf(child->url, sizeof child->url, "%.*s", TDL_FMT(url));
    snprintf(child->admin_key, sizeof child->admin_key, "%.*s", TDL_FMT(key));
    child->port = (uint16_t)port;
out:
    json_decref(said);
    if (out)
        fclose(out); // the server writes nothing more there
    else
        close(fd);
    return st;
}

tdl_status tdl_child_start(tdl_child *ret, tdl_report *why)
{
    tdl_child child = {0};
    int ends[2];
    posix_spawn_file_actions_t actions;
    tdl_status st = tdl_folder_temporary(child.folder, why);

    if (st)
        return st;
    char *arguments[] = {"treadle", "serve",  "--data",      child.folder, "--port",
                         "0",       "--json", "--log-level", "error",      NULL};
    if (pipe(ends)) {
        st = TDL_FAIL(why, TDL_E_IO, "pipe: %s", strerror(errno));
        goto out;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    int failed = posix_spawn(&child.pid, "/proc/self/exe", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (failed) {
        close(ends[0]);
        child.pid = 0;
        st = TDL_FAIL(why, TDL_E_IO, "cannot start the server: %s", strerror(failed));
        goto out;
    }
    st = read_announcement(ends[0], &child, why);
out:
    if (st)
        tdl_child_stop(&child);
    else
        *ret = child;
    return st;
}

void tdl_child_stop(tdl_child *child)
{
    if (child->pid > 0) {
        kill(child->pid, SIGTERM);
        waitpid(child->pid, NULL, 0);
    }
    if (child->folder[0])
        tdl_folder_remove(child->folder);
    *child = (tdl_child){0};
}

double tdl_child_cpu(const tdl_child *child)
{
    char path[64];
    unsigned long user = 0, system = 0;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)child->pid);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                       &user, &system) != 2)
        user = system = 0;
    if (file)
        fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double tdl_child_memory(const tdl_child *child)
{
    char path[64], line[256];
    double kib = 0;

    snprintf(path, sizeof path, "/proc/%ld/status", (long)child->pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %lf kB", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return 1024 * kib;
}

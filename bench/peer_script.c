#include "peer_script.h"

#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/command.h"

extern char **environ;

enum { SAID_MAX = 4096, PATH_SIZE = 256 };

/* Start it with its output going to *ret_end. */
static bool start(char **arguments, pid_t *ret_pid, int *ret_end)
{
    posix_spawn_file_actions_t actions;
    int ends[2];

    if (pipe(ends))
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 0, 0);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    bool started = !posix_spawn(ret_pid, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *ret_end = ends[0];
    if (!started)
        close(ends[0]);
    return started;
}

static json_t *listen_to(int end)
{
    char said[SAID_MAX];
    FILE *out = fdopen(end, "r");
    json_t *object = NULL;
    size_t n;

    if (!out) {
        close(end);
        return NULL;
    }
    n = fread(said, 1, sizeof said, out);
    fclose(out);
    if (tdl_json_parse((tdl_str){said, n}, TDL_JSON_REFUSE_DUPLICATES, &object, NULL))
        return NULL;
    return object;
}

json_t *tdl_peer_ask(const char *script, const char *first, const char *second, bool quiet)
{
    char path[PATH_SIZE], python[] = "/usr/bin/python3", one[PATH_SIZE], two[PATH_SIZE];
    char *arguments[] = {python, path, first ? one : NULL, second ? two : NULL, NULL};
    json_t *said = NULL;
    pid_t pid;
    int end;

    snprintf(path, sizeof path, "bench/peers/%s", script);
    snprintf(one, sizeof one, "%s", first ? first : "");
    snprintf(two, sizeof two, "%s", second ? second : "");
    if (!access(path, R_OK) && start(arguments, &pid, &end)) {
        said = listen_to(end);
        waitpid(pid, NULL, 0);
    }
    if (!said && !quiet)
        fprintf(stderr,
                tdl_tr("%s: nothing to compare with (it needs Debian's python3-torch)\n",
                       "%s：没有可比较的对象（需要 Debian 的 python3-torch）\n"),
                path);
    return said;
}

double tdl_peer_number(const json_t *said, const char *key)
{
    double number;

    return tdl_json_get_number(said, key, &number) ? number : 0;
}

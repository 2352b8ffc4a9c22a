#include "postgres.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_MS = 30000, STEP_US = 20000 };

static void give_up(const char *what)
{
    fprintf(stderr, "postgres: %s\n", what);
    exit(1);
}

/* Debian keeps the server's programs out of the PATH. The newest version. */
static bool find_programs(char *ret, size_t ret_n)
{
    glob_t found;
    bool there = !glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found);

    if (there) {
        const char *path = found.gl_pathv[found.gl_pathc - 1];
        snprintf(ret, ret_n, "%.*s", (int)(strlen(path) - strlen("/initdb")), path);
        globfree(&found);
    }
    return there;
}

static const struct passwd *unprivileged(void)
{
    const struct passwd *user = getpwnam("postgres");

    return user ? user : getpwnam("nobody");
}

static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) ||
        getsockname(fd, (struct sockaddr *)&at, &n))
        give_up("no free port");
    close(fd);
    return ntohs(at.sin_port);
}

/* As the other user, quietly, and ended with this program. */
static pid_t spawn(const postgres *s, const char *const *arguments)
{
    char path[256], log[256];
    const struct passwd *user = geteuid() ? NULL : unprivileged();
    pid_t pid;

    snprintf(path, sizeof path, "%s/%s", s->programs, arguments[0]);
    snprintf(log, sizeof log, "%s/log", s->folder);
    pid = fork();
    if (pid)
        return pid;
    if (user && (setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid)))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (chdir("/"))
        _exit(126);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, 1);
    dup2(fd, 2);
    execv(path, (char *const *)arguments);
    _exit(127);
}

static void make_folder(postgres *s)
{
    const char *tmp = getenv("TMPDIR");
    const struct passwd *user = unprivileged();

    snprintf(s->folder, sizeof s->folder, "%s/treadle-pg-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(s->folder) || (!geteuid() && chown(s->folder, user->pw_uid, user->pw_gid)))
        give_up("cannot make its folder");
}

static void init(postgres *s)
{
    char data[256];
    int status;

    snprintf(data, sizeof data, "%s/data", s->folder);
    pid_t pid = spawn(s, (const char *const[]){"initdb", "-D", data, "-U", "treadle", "-A", "trust",
                                               "-E", "UTF8", "--locale=C", "--no-sync",
                                               "--no-instructions", NULL});
    if (waitpid(pid, &status, 0) < 0 || status)
        give_up("initdb failed");
}

void postgres_resume(postgres *s)
{
    char data[256], port[8];

    snprintf(data, sizeof data, "%s/data", s->folder);
    snprintf(port, sizeof port, "%u", s->port);
    s->pid = spawn(s, (const char *const[]){"postgres", "-D", data, "-p", port, "-k", s->folder,
                                            "-h", "127.0.0.1", "-c",
                                            s->durable ? "fsync=on" : "fsync=off", NULL});
    for (int left = WAIT_MS * 1000 / STEP_US; left; left--) {
        if (PQping(s->url) == PQPING_OK)
            return;
        if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
            give_up("the server ended at once");
        usleep(STEP_US);
    }
    give_up("the server does not answer");
}

void postgres_halt(postgres *s, bool kill_it)
{
    if (!s->pid)
        return;
    kill(s->pid, kill_it ? SIGQUIT : SIGINT);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

postgres *postgres_start(bool durable)
{
    postgres *s = calloc(1, sizeof *s);

    if (!s)
        give_up("out of memory");
    if (!find_programs(s->programs, sizeof s->programs)) {
        fprintf(stderr, "SKIPPED: postgresql is not installed (tools/setup test)\n");
        free(s);
        return NULL;
    }
    s->durable = durable;
    s->port = free_port();
    snprintf(s->url, sizeof s->url, "postgres://treadle@127.0.0.1:%u/postgres", s->port);
    make_folder(s);
    init(s);
    postgres_resume(s);
    return s;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

void postgres_stop(postgres *s)
{
    if (!s)
        return;
    postgres_halt(s, false);
    nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(s);
}

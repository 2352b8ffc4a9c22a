/* The whole door: a server with a store answers whatever comes through its socket, and is never at
 * fault itself (500). Its store stays from one input to the next.
 *
 * An input is a request as one would write it down: the request line without its version, header
 * fields, an empty line, a body. Version and length are put in, and the key for "{key}". One that
 * begins with a blank goes to the socket as it is, without the blank.
 */
#include <arpa/inet.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "http/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);

const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

/* The leak checker looks between two inputs too, and does not see addresses in a slot's word. */
const char *__lsan_default_suppressions(void)
{
    return "leak:src/loop/flags.c\nleak:src/apps/recommend\n";
}

static char folder[64], key[TDL_KEY_TEXT_MAX];
static tdl_loop *loop;
static tdl_server *server;

/* ---- the server ---- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    TDL_UNUSED(info);
    TDL_UNUSED(kind);
    TDL_UNUSED(at);
    return remove(path);
}

static void stop(void)
{
    tdl_server_stop(server);
    tdl_loop_close(loop);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void start(void)
{
    tdl_loop_options options = {.data_dir = folder, .exclusive = true, .threads = 1};
    tdl_server_options serve = {.threads = 1};

    snprintf(folder, sizeof folder, "%s/treadle-fuzz-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm"); // nothing here need last
    if (!mkdtemp(folder) || tdl_loop_open(&options, &loop, NULL, NULL) ||
        tdl_store_create_key(tdl_loop_store(loop), TDL_RIGHT_ADMIN, TDL_STR("fuzz"), key, NULL) ||
        tdl_server_start(loop, &serve, &server, NULL))
        abort();
    atexit(stop);
}

/* ---- a request ---- */

static void add_with_key(tdl_buf *out, tdl_str text)
{
    static const char mark[] = "{key}";
    enum { MARK_N = sizeof mark - 1 };

    for (size_t i = 0; i < text.len; i++) {
        if (text.len - i < MARK_N || memcmp(text.at + i, mark, MARK_N) != 0) {
            tdl_buf_char(out, text.at[i]);
            continue;
        }
        tdl_buf_text(out, key);
        i += MARK_N - 1;
    }
}

static tdl_str cut(tdl_str *rest, const char *at, size_t mark_n)
{
    tdl_str part = {rest->at, at ? (size_t)(at - rest->at) : rest->len};
    size_t taken = part.len + (at ? mark_n : 0);

    *rest = (tdl_str){rest->at + taken, rest->len - taken};
    return part;
}

static void make_request(tdl_str input, tdl_buf *out)
{
    tdl_buf body = {0};
    tdl_str rest = input;

    if (!input.len || input.at[0] == ' ') {
        add_with_key(out, (tdl_str){input.at + (input.len > 0), input.len - (input.len > 0)});
        return;
    }
    tdl_str head = cut(&rest, memmem(input.at, input.len, "\n\n", 2), 2);
    tdl_str line = cut(&head, memchr(head.at, '\n', head.len), 1);
    add_with_key(&body, rest);
    add_with_key(out, line);
    tdl_buf_printf(out, " HTTP/1.1\r\nHost: fuzz\r\nConnection: close\r\nContent-Length: %zu\r\n",
                   body.len);
    add_with_key(out, head);
    tdl_buf_text(out, head.len ? "\r\n\r\n" : "\r\n");
    tdl_buf_str(out, tdl_buf_view(&body));
    tdl_buf_release(&body);
}

/* ---- and its answer ---- */

static int dial(void)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(tdl_server_port(server)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct linger at_once = {.l_onoff = 1}; // leaves no port waiting
    const struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) ||
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience))
        abort();
    return fd;
}

static void send_all(int fd, tdl_str bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (n <= 0) // it may hang up on what it does not want
            return;
        bytes = (tdl_str){bytes.at + n, bytes.len - (size_t)n};
    }
}

/* Until the end, or until it is clear that there is none: a stream. */
static void receive(int fd, tdl_buf *ret)
{
    static const char stream[] = "text/event-stream";
    char some[4096];
    ssize_t n;

    while ((n = recv(fd, some, sizeof some, 0)) > 0) {
        tdl_buf_add(ret, some, (size_t)n);
        if (memmem(ret->at, ret->len, stream, sizeof stream - 1))
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char version[] = "HTTP/1.1 ";
    enum { VERSION_N = sizeof version - 1 };
    tdl_buf request = {0}, answer = {0};

    if (!server)
        start();
    make_request((tdl_str){(const char *)data, size}, &request);
    int fd = dial();
    send_all(fd, tdl_buf_view(&request));
    shutdown(fd, SHUT_WR);
    receive(fd, &answer);
    close(fd);
    if (answer.len > VERSION_N && !memcmp(answer.at, version, VERSION_N) &&
        !memcmp(answer.at + VERSION_N, "500", 3))
        abort();
    tdl_buf_release(&request);
    tdl_buf_release(&answer);
    return 0;
}

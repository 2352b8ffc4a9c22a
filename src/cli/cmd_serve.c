/* treadle serve: the server, until SIGINT or SIGTERM. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/service.h"
#include "tensor/gemm.h"

typedef struct serve_values {
    tdl_common common;
    const char *address, *log_level;
    int64_t port, threads;
    bool log_json;
} serve_values;

static const tdl_option serve_options[] = {
    {"address",
     TDL_OPTION_TEXT,
     offsetof(serve_values, address),
     "IP",
     "127.0.0.1",
     0,
     0,
     {"address to listen on; loopback unless you say otherwise", "监听地址；默认仅本机"}},
    {"port",
     TDL_OPTION_INT,
     offsetof(serve_values, port),
     "PORT",
     "8321",
     0,
     65535,
     {"port; 0 takes any free one", "端口；0 表示任一空闲端口"}},
    {"threads",
     TDL_OPTION_INT,
     offsetof(serve_values, threads),
     "N",
     "0",
     0,
     1024,
     {"HTTP threads; 0 = one per core", "HTTP 线程数；0 = 每核一个"}},
    {"log-level",
     TDL_OPTION_TEXT,
     offsetof(serve_values, log_level),
     "LEVEL",
     "info",
     0,
     0,
     {"debug, info, warn or error", "debug、info、warn 或 error"}},
    {"log-json",
     TDL_OPTION_FLAG,
     offsetof(serve_values, log_json),
     NULL,
     NULL,
     0,
     0,
     {"log as JSON lines", "以 JSON 行记录日志"}},
};

static tdl_status set_up_log(const serve_values *v, tdl_report *why)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};

    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (!strcmp(v->log_level, levels[i])) {
            tdl_log_setup((tdl_log_level)i, v->log_json);
            return TDL_OK;
        }
    return TDL_FAIL_HINT(why, TDL_E_USAGE, "use debug, info, warn or error",
                         "--log-level: there is no level \"%s\"", v->log_level);
}

static void announce(const serve_values *v, const tdl_service *service)
{
    if (v->common.json) {
        tdl_buf out = {0};
        tdl_jw w = {.out = &out};
        tdl_jw_object(&w);
        tdl_jw_ktext(&w, "url", service->url);
        tdl_jw_kint(&w, "port", tdl_server_port(service->server));
        if (service->admin_key[0])
            tdl_jw_ktext(&w, "admin_key", service->admin_key);
        tdl_jw_end_object(&w);
        printf("%.*s\n", TDL_FMT(tdl_buf_view(&out)));
        tdl_buf_release(&out);
    } else {
        printf("%s %s\n", tdl_tr("Treadle is listening on", "Treadle 正在监听"), service->url);
        if (service->admin_key[0])
            printf("%s\n  %s\n%s\n  %s/#key=%s\n",
                   tdl_tr("First admin key, shown this once only:", "首个管理员密钥，只显示一次："),
                   service->admin_key, tdl_tr("Dashboard:", "仪表盘："), service->url,
                   service->admin_key);
    }
    fflush(stdout);
}

static tdl_status run_serve(const void *values, char **arguments, tdl_report *why)
{
    const serve_values *v = values;
    tdl_service service = {0};
    tdl_service_options options = {.data_dir = v->common.data,
                                   .address = v->address,
                                   .port = (uint16_t)v->port,
                                   .threads = (unsigned)v->threads};
    tdl_status st;

    TDL_UNUSED(arguments);
    if ((st = set_up_log(v, why)))
        return st;
    if ((st = tdl_isa_check(why)))
        return st;
    if ((st = tdl_service_start(&options, &service, why)))
        return st;
    announce(v, &service);
    tdl_log(TDL_LOG_INFO, "listening", "url=%s isa=%s", service.url, tdl_isa_name());
    tdl_service_wait(&service);
    tdl_log(TDL_LOG_INFO, "stopping", "url=%s", service.url);
    tdl_service_stop(&service);
    return TDL_OK;
}

const tdl_command tdl_command_serve = {
    .name = "serve",
    .values_size = sizeof(serve_values),
    .options = serve_options,
    .options_n = sizeof serve_options / sizeof serve_options[0],
    .summary = {"run the server and its dashboard", "运行服务器和仪表盘"},
    .examples = "  treadle serve\n"
                "  treadle serve --data /var/lib/treadle --port 9000\n"
                "  TREADLE_PORT=0 treadle serve --json\n",
    .run = run_serve,
};

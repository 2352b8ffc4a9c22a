#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_S = 60 };

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

client *client_new(const server *s, const char *key)
{
    client *c = calloc(1, sizeof *c);

    pthread_once(&curl_once, start_curl);
    c->curl = curl_easy_init();
    assert_non_null(c->curl);
    c->server = s;
    c->key = key;
    return c;
}

void client_free(client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->curl);
    tdl_buf_release(&c->head);
    tdl_buf_release(&c->body);
    json_decref(c->json);
    free(c);
}

static size_t take(char *bytes, size_t size, size_t n, void *buf)
{
    tdl_buf_add(buf, bytes, size * n);
    return size * n;
}

static struct curl_slist *headers_of(const client *c, bool has_body)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    char line[300];

    if (has_body)
        list = curl_slist_append(list, "Content-Type: application/json");
    if (c->key) {
        snprintf(line, sizeof line, "Authorization: Bearer %s", c->key);
        list = curl_slist_append(list, line);
    }
    for (size_t i = 0; i < 4 && c->extra[i]; i++)
        list = curl_slist_append(list, c->extra[i]);
    return list;
}

static void forget(client *c)
{
    tdl_buf_clear(&c->head);
    tdl_buf_clear(&c->body);
    json_decref(c->json);
    c->json = NULL;
    c->status = 0;
}

int client_call(client *c, const char *method, const char *target, const char *body)
{
    struct curl_slist *headers = headers_of(c, body != NULL);
    char url[2000];
    long status = 0;

    forget(c);
    snprintf(url, sizeof url, "%s%s", c->server->url, target);
    curl_easy_reset(c->curl);
    curl_easy_setopt(c->curl, CURLOPT_URL, url);
    curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c->curl, CURLOPT_NOBODY, (long)!strcmp(method, "HEAD"));
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, take);
    curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, &c->head);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &c->body);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, (long)PATIENCE_S);
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_NOPROXY, "*");
    if (c->ca_file)
        curl_easy_setopt(c->curl, CURLOPT_CAINFO, c->ca_file);
    if (body) {
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body);
    }
    if (!curl_easy_perform(c->curl))
        curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    c->status = (int)status;
    if (c->body.len)
        tdl_json_parse(tdl_buf_view(&c->body), TDL_JSON_REFUSE_DUPLICATES, &c->json, NULL);
    return c->status;
}

int client_get(client *c, const char *format, ...)
{
    char target[1500];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(target, sizeof target, format, arguments);
    va_end(arguments);
    return client_call(c, "GET", target, NULL);
}

void client_expect(client *c, int status, const char *method, const char *target, const char *body)
{
    if (client_call(c, method, target, body) != status)
        fail_msg("%s %s answered %d, not %d: %s", method, target, c->status, status,
                 c->body.at ? c->body.at : "");
}

const json_t *client_at(const client *c, const char *path)
{
    const json_t *at = c->json;
    char part[100];

    while (*path && at) {
        size_t n = strcspn(path, ".");
        snprintf(part, sizeof part, "%.*s", (int)n, path);
        at = json_is_array(at) ? json_array_get(at, strtoul(part, NULL, 10))
                               : json_object_get(at, part);
        path += n + (path[n] == '.');
    }
    return at;
}

const char *client_text(const client *c, const char *path)
{
    const char *text = json_string_value(client_at(c, path));
    return text ? text : "";
}

void client_settle_home(client *c)
{
    client_expect(c, 200, "PUT", "/v1/recommend/surfaces/home",
                  "{\"version\":0,\"policy\":{\"seen\":\"never\",\"explore\":{\"kind\":\"off\"},"
                  "\"diversity\":{\"kind\":\"off\"}}}");
}

bool client_has_header(const client *c, const char *line)
{
    char with_end[400];

    snprintf(with_end, sizeof with_end, "%s\r\n", line);
    return c->head.at && strcasestr(c->head.at, with_end);
}

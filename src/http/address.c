#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { V4_PREFIX = 96, ALL_BITS = 128, HOLDER_BITS = 64 };

static const uint8_t v4_mapped[12] = {[10] = 0xFF, [11] = 0xFF};

static tdl_address from_v4(const void *four)
{
    tdl_address address;

    memcpy(address.bytes, v4_mapped, sizeof v4_mapped);
    memcpy(address.bytes + sizeof v4_mapped, four, 4);
    return address;
}

static bool is_v4(tdl_address address)
{
    return !memcmp(address.bytes, v4_mapped, sizeof v4_mapped);
}

tdl_address tdl_address_of(const struct sockaddr *peer)
{
    tdl_address address = {0};

    if (peer && peer->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, peer, sizeof v4);
        return from_v4(&v4.sin_addr);
    }
    if (peer && peer->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, peer, sizeof v6);
        memcpy(address.bytes, &v6.sin6_addr, sizeof address.bytes);
    }
    return address;
}

bool tdl_address_eq(tdl_address a, tdl_address b)
{
    return !memcmp(a.bytes, b.bytes, sizeof a.bytes);
}

/* Without brackets and port. */
static tdl_str bare(tdl_str text)
{
    if (text.len && text.at[0] == '[') {
        const char *end = memchr(text.at, ']', text.len);
        return end ? (tdl_str){text.at + 1, (size_t)(end - text.at) - 1} : text;
    }
    const char *colon = text.len ? memchr(text.at, ':', text.len) : NULL;
    if (colon && !memchr(colon + 1, ':', text.len - (size_t)(colon - text.at) - 1))
        text.len = (size_t)(colon - text.at); // one colon: a port; two: IPv6
    return text;
}

bool tdl_address_parse(tdl_str text, tdl_address *ret)
{
    char copy[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;

    text = bare(tdl_str_trim(text));
    if (!text.len || text.len >= sizeof copy || memchr(text.at, 0, text.len))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, &v4) == 1) {
        *ret = from_v4(&v4);
        return true;
    }
    if (inet_pton(AF_INET6, copy, &v6) != 1)
        return false;
    memcpy(ret->bytes, &v6, sizeof ret->bytes);
    return true;
}

static bool parse_network(tdl_str text, tdl_network *ret)
{
    const char *slash = memchr(text.at, '/', text.len);
    size_t head = slash ? (size_t)(slash - text.at) : text.len;
    int64_t bits;

    if (!tdl_address_parse((tdl_str){text.at, head}, &ret->address))
        return false;
    int64_t skipped = is_v4(ret->address) && !memchr(text.at, ':', head) ? V4_PREFIX : 0;
    ret->prefix = ALL_BITS;
    if (!slash)
        return true;
    if (!tdl_str_int((tdl_str){slash + 1, text.len - head - 1}, &bits) || bits < 0 ||
        bits > ALL_BITS - skipped)
        return false;
    ret->prefix = (unsigned)(bits + skipped);
    return true;
}

tdl_status tdl_networks_parse(const char *text, tdl_networks *ret, tdl_report *why)
{
    tdl_str rest = tdl_str_of(text ? text : "");
    tdl_networks networks = {0};

    while (rest.len) {
        const char *comma = memchr(rest.at, ',', rest.len);
        size_t n = comma ? (size_t)(comma - rest.at) : rest.len;
        tdl_str one = tdl_str_trim((tdl_str){rest.at, n});
        n += comma != NULL;
        rest = (tdl_str){rest.at + n, rest.len - n};
        if (!one.len)
            continue;
        if (networks.n == TDL_NETWORKS_MAX)
            return TDL_FAIL(why, TDL_E_INVALID, "more than %d networks", TDL_NETWORKS_MAX);
        if (!parse_network(one, &networks.network[networks.n++]))
            return TDL_FAIL_HINT(why, TDL_E_INVALID,
                                 "give addresses or networks such as 127.0.0.1,10.0.0.0/8",
                                 "\"%.*s\" is not an address or a network",
                                 (int)(one.len > 60 ? 60 : one.len), one.at);
    }
    *ret = networks;
    return TDL_OK;
}

static bool holds(const tdl_network *network, tdl_address address)
{
    unsigned bytes = network->prefix / 8, bits = network->prefix % 8;

    if (memcmp(network->address.bytes, address.bytes, bytes))
        return false;
    return !bits || !((network->address.bytes[bytes] ^ address.bytes[bytes]) >> (8 - bits));
}

bool tdl_networks_hold(const tdl_networks *networks, tdl_address address)
{
    for (size_t i = 0; i < networks->n; i++)
        if (holds(&networks->network[i], address))
            return true;
    return false;
}

tdl_address tdl_address_forwarded(tdl_address peer, tdl_str list, const tdl_networks *trusted)
{
    while (list.len && tdl_networks_hold(trusted, peer)) {
        const char *comma = memrchr(list.at, ',', list.len);
        size_t from = comma ? (size_t)(comma - list.at) + 1 : 0;
        if (!tdl_address_parse((tdl_str){list.at + from, list.len - from}, &peer))
            break;
        list.len = comma ? from - 1 : 0;
    }
    return peer;
}

tdl_address tdl_address_holder(tdl_address address)
{
    if (!is_v4(address))
        memset(address.bytes + HOLDER_BITS / 8, 0, sizeof address.bytes - HOLDER_BITS / 8);
    return address;
}

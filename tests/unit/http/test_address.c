#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "http/address.h"

static tdl_address at(const char *text)
{
    tdl_address address = {0};

    if (!tdl_address_parse(tdl_str_of(text), &address))
        fail_msg("%s is no address", text);
    return address;
}

static void assert_same(const char *a, const char *b)
{
    tdl_address left = at(a), right = at(b);
    assert_memory_equal(left.bytes, right.bytes, sizeof left.bytes);
}

static void addresses_are_read_with_and_without_ports(void **state)
{
    (void)state;
    assert_same("192.0.2.7", "192.0.2.7:443");
    assert_same("192.0.2.7", " 192.0.2.7 ");
    assert_same("192.0.2.7", "::ffff:192.0.2.7"); // RFC 4291 2.5.5.2
    assert_same("2001:db8::7", "[2001:db8::7]:443");
    assert_same("2001:db8::7", "2001:0db8:0:0:0:0:0:7");
    static const char *const wrong[] = {"",     " ",   "unknown",          "1.2.3",  "1.2.3.400",
                                        "[::1", "::g", "1.2.3.4, 5.6.7.8", "_hidden"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        tdl_address address;
        if (tdl_address_parse(tdl_str_of(wrong[i]), &address))
            fail_msg("\"%s\" was taken for an address", wrong[i]);
    }
}

static void a_socket_address_is_the_text_it_prints_as(void **state)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    (void)state;
    inet_pton(AF_INET, "192.0.2.7", &v4.sin_addr);
    inet_pton(AF_INET6, "2001:db8::7", &v6.sin6_addr);
    assert_true(tdl_address_eq(tdl_address_of((struct sockaddr *)&v4), at("192.0.2.7")));
    assert_true(tdl_address_eq(tdl_address_of((struct sockaddr *)&v6), at("2001:db8::7")));
    assert_true(tdl_address_eq(tdl_address_of(NULL), (tdl_address){0}));
}

static void networks_hold_what_their_prefix_says(void **state)
{
    tdl_networks networks;
    tdl_report why = {0};

    (void)state;
    assert_int_equal(
        tdl_networks_parse("127.0.0.1, 10.0.0.0/8 ,192.168.4.0/22,2001:db8::/33", &networks, &why),
        TDL_OK);
    assert_int_equal(networks.n, 4);
    static const struct {
        const char *text;
        bool held;
    } cases[] = {{"127.0.0.1", true},   {"127.0.0.2", false},       {"10.255.0.1", true},
                 {"11.0.0.1", false},   {"192.168.7.255", true},    {"192.168.8.0", false},
                 {"2001:db8::1", true}, {"2001:db8:8000::", false}, {"::1", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (tdl_networks_hold(&networks, at(cases[i].text)) != cases[i].held)
            fail_msg("%s", cases[i].text);
    assert_int_equal(tdl_networks_parse(NULL, &networks, &why), TDL_OK);
    assert_int_equal(networks.n, 0);
    assert_int_equal(tdl_networks_parse("0.0.0.0/0", &networks, &why), TDL_OK);
    assert_true(tdl_networks_hold(&networks, at("8.8.8.8")));
    assert_false(tdl_networks_hold(&networks, at("2001:db8::1")));
}

static void a_wrong_network_is_named(void **state)
{
    static const char *const wrong[] = {"10.0.0.0/33", "::/129", "10.0.0.0/-1",
                                        "10.0.0.0/",   "10/8",   "proxy"};
    tdl_networks networks;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        tdl_report why = {0};
        assert_int_equal(tdl_networks_parse(wrong[i], &networks, &why), TDL_E_INVALID);
        assert_non_null(strstr(why.message, wrong[i]));
    }
    char many[TDL_NETWORKS_MAX * 4 + 8] = "";
    for (int i = 0; i <= TDL_NETWORKS_MAX; i++)
        strcat(many, "::1,");
    assert_int_equal(tdl_networks_parse(many, &networks, NULL), TDL_E_INVALID);
}

/* Only what a trusted proxy wrote counts: it appends on the right. */
static void the_client_is_the_last_address_nobody_trusts(void **state)
{
    tdl_networks trusted;

    (void)state;
    assert_int_equal(tdl_networks_parse("10.0.0.0/8", &trusted, NULL), TDL_OK);
    static const struct {
        const char *peer, *list, *client;
    } cases[] = {
        {"10.0.0.1", "203.0.113.9", "203.0.113.9"},
        {"10.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"},
        {"10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"},
        {"10.0.0.1", "2001:db8::7,10.0.0.2,10.0.0.3", "2001:db8::7"},
        {"10.0.0.1", "[2001:db8::7]:81", "2001:db8::7"},
        {"203.0.113.9", "6.6.6.6", "203.0.113.9"}, // no proxy of ours: its word is worth nothing
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", "6.6.6.6, unknown", "10.0.0.1"},
        {"10.0.0.1", "6.6.6.6, unknown, 10.0.0.2", "10.0.0.2"},
        {"10.0.0.1", ",,,", "10.0.0.1"},
        {"10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdl_address client =
            tdl_address_forwarded(at(cases[i].peer), tdl_str_of(cases[i].list), &trusted);
        if (!tdl_address_eq(client, at(cases[i].client)))
            fail_msg("%s via %s", cases[i].list, cases[i].peer);
    }
}

static void an_ipv6_host_is_counted_by_its_network(void **state)
{
    (void)state;
    assert_true(tdl_address_eq(tdl_address_holder(at("2001:db8:1:2:3:4:5:6")),
                               tdl_address_holder(at("2001:db8:1:2::1"))));
    assert_false(tdl_address_eq(tdl_address_holder(at("2001:db8:1:3::1")),
                                tdl_address_holder(at("2001:db8:1:2::1"))));
    assert_false(
        tdl_address_eq(tdl_address_holder(at("192.0.2.1")), tdl_address_holder(at("192.0.2.2"))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_with_and_without_ports),
        cmocka_unit_test(a_socket_address_is_the_text_it_prints_as),
        cmocka_unit_test(networks_hold_what_their_prefix_says),
        cmocka_unit_test(a_wrong_network_is_named),
        cmocka_unit_test(the_client_is_the_last_address_nobody_trusts),
        cmocka_unit_test(an_ipv6_host_is_counted_by_its_network),
    };
    return cmocka_run_group_tests_name("http/address", tests, NULL, NULL);
}

#include "host_networks.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "network_place.h"
#include "stamp.h"

#define MOST_ATTEMPTS 20 /* at a table that changes while it is read */
#define MOST_MESSAGES 64 /* of events that are taken in at once: who floods us must not hold up the caller */
#define BUFFER_SIZE 32768 /* what the kernel fills at most when it tells a whole table */
#define MOST_TYPES 32  /* of attributes; ours are far below */
#define SEQUENCE 1U      /* each question has a socket of its own */
#define HALVES 1U        /* 0.0.0.0/1 and 128.0.0.0/1: how VPNs go before a default route and leave it alone */

struct interface {
    unsigned index;
    char name[IF_NAMESIZE];
    bool is_bridge;
};

/* One question while its answers come in. */
struct gathering {
    struct interface *interfaces;
    size_t count;
    size_t room;
    bool bridges_only;
    struct realip_origin origin;
    struct realip_arena *arena; /* NULL: all have `origin` */
    struct realip_network_list *list;
    bool out_of_memory;
};

/* ---- attributes ------------------------------------------------------------------------------------------------------ */

/* By their types; NULL: not there. */
struct attributes {
    const struct nlattr *of[MOST_TYPES];
};

static int keep(const struct nlattr *attribute, void *context)
{
    struct attributes *attributes = context;

    if (mnl_attr_get_type(attribute) < MOST_TYPES)
        attributes->of[mnl_attr_get_type(attribute)] = attribute;
    return MNL_CB_OK;
}

static struct attributes attributes_of(const struct nlmsghdr *message, size_t header_size)
{
    struct attributes attributes = { { NULL } };

    (void)mnl_attr_parse(message, (unsigned)header_size, keep, &attributes);
    return attributes;
}

/* 4 or 16 bytes; else no address. */
static struct realip_address address_of(const struct nlattr *attribute)
{
    if (attribute == NULL)
        return (struct realip_address){ 0 };
    switch (mnl_attr_get_payload_len(attribute)) {
    case 4:
        return realip_address_from_ipv4(mnl_attr_get_payload(attribute));
    case 16:
        return realip_address_from_ipv6(mnl_attr_get_payload(attribute));
    default:
        return (struct realip_address){ 0 };
    }
}

/* A next hop of the other family: struct rtvia, which is a family and an address. */
static struct realip_address via_of(const struct nlattr *attribute)
{
    const unsigned char *payload = attribute == NULL ? NULL : mnl_attr_get_payload(attribute);

    if (payload == NULL)
        return (struct realip_address){ 0 };
    switch (mnl_attr_get_payload_len(attribute)) {
    case 2 + 4:
        return realip_address_from_ipv4(payload + 2);
    case 2 + 16:
        return realip_address_from_ipv6(payload + 2);
    default:
        return (struct realip_address){ 0 };
    }
}

static bool is_bridge(const struct nlattr *link_info)
{
    struct attributes attributes = { { NULL } };

    if (link_info != NULL)
        (void)mnl_attr_parse_nested(link_info, keep, &attributes);
    const struct nlattr *kind = attributes.of[IFLA_INFO_KIND];
    return kind != NULL && mnl_attr_get_payload_len(kind) >= 6 && strncmp(mnl_attr_get_payload(kind), "bridge", mnl_attr_get_payload_len(kind)) == 0;
}

/* ---- answers --------------------------------------------------------------------------------------------------------- */

static const struct interface *find_interface(const struct gathering *gathering, unsigned index)
{
    for (size_t i = 0; i < gathering->count; i++) {
        if (gathering->interfaces[i].index == index)
            return &gathering->interfaces[i];
    }
    return NULL;
}

static int stop_out_of_memory(struct gathering *gathering)
{
    gathering->out_of_memory = true;
    return MNL_CB_STOP;
}

static int on_link(const struct nlmsghdr *message, void *context)
{
    struct gathering *gathering = context;
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
    const struct attributes attributes = attributes_of(message, sizeof(*link));
    const struct nlattr *name = attributes.of[IFLA_IFNAME];
    struct interface interface = { .index = (unsigned)link->ifi_index, .is_bridge = is_bridge(attributes.of[IFLA_LINKINFO]) };

    if (name != NULL && mnl_attr_validate(name, MNL_TYPE_NUL_STRING) >= 0)
        strncpy(interface.name, mnl_attr_get_str(name), sizeof(interface.name) - 1);
    if (gathering->count == gathering->room) {
        size_t room = gathering->room == 0 ? 16 : gathering->room * 2;
        struct interface *interfaces = realloc(gathering->interfaces, room * sizeof(*interfaces));

        if (interfaces == NULL)
            return stop_out_of_memory(gathering);
        gathering->interfaces = interfaces;
        gathering->room = room;
    }
    gathering->interfaces[gathering->count++] = interface;
    return MNL_CB_OK;
}

static int add_host(struct gathering *gathering, struct realip_address address, const char *kind, unsigned interface_index)
{
    const struct interface *interface = find_interface(gathering, interface_index);
    const struct realip_network network = { address, address.family == REALIP_FAMILY_IPV4 ? 32 : 128 };
    struct realip_origin origin = gathering->origin;
    char name[sizeof("gateway:") + IF_NAMESIZE];

    if (gathering->arena != NULL && origin.file != NULL) {
        strcpy(name, kind);
        strcat(name, interface == NULL ? "?" : interface->name);
        origin.file = realip_network_place_write(gathering->arena, origin.file, "discover", name);
    }
    if ((origin.file == NULL && gathering->origin.file != NULL) || realip_network_list_add(gathering->list, &network, origin) < 0)
        return stop_out_of_memory(gathering);
    return MNL_CB_OK;
}

static int on_address(const struct nlmsghdr *message, void *context)
{
    struct gathering *gathering = context;
    const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
    const struct interface *interface = find_interface(gathering, header->ifa_index);
    const struct attributes attributes = attributes_of(message, sizeof(*header));
    /* Where there are both, IFA_ADDRESS is the other end's. */
    const struct realip_address address = address_of(attributes.of[attributes.of[IFA_LOCAL] != NULL ? IFA_LOCAL : IFA_ADDRESS]);

    if (address.family == REALIP_FAMILY_NONE || realip_address_is_loopback(&address)
        || (gathering->bridges_only && (interface == NULL || !interface->is_bridge)))
        return MNL_CB_OK;
    return add_host(gathering, address, "bridge:", header->ifa_index);
}

static int add_gateway(struct gathering *gathering, struct realip_address gateway, unsigned interface)
{
    if (gateway.family == REALIP_FAMILY_NONE || realip_address_is_unusable(&gateway))
        return MNL_CB_OK;
    return add_host(gathering, gateway, "gateway:", interface);
}

static int add_gateways(struct gathering *gathering, const struct attributes *attributes, unsigned interface)
{
    int result = add_gateway(gathering, address_of(attributes->of[RTA_GATEWAY]), interface);

    return result == MNL_CB_OK ? add_gateway(gathering, via_of(attributes->of[RTA_VIA]), interface) : result;
}

/* Each is a header with its length, and attributes. */
static int add_next_hops(struct gathering *gathering, const struct nlattr *multipath)
{
    const char *at = multipath == NULL ? NULL : mnl_attr_get_payload(multipath);
    size_t left = multipath == NULL ? 0 : mnl_attr_get_payload_len(multipath);
    int result = MNL_CB_OK;

    while (result == MNL_CB_OK && left >= sizeof(struct rtnexthop)) {
        const struct rtnexthop *hop = (const void *)at;
        size_t length = hop->rtnh_len;
        size_t step = (length + 3) & ~(size_t)3;
        struct attributes attributes = { { NULL } };

        if (length < sizeof(*hop) || length > left)
            break;
        (void)mnl_attr_parse_payload(at + sizeof(*hop), length - sizeof(*hop), keep, &attributes);
        result = add_gateways(gathering, &attributes, (unsigned)hop->rtnh_ifindex);
        at += step;
        left -= step < left ? step : left;
    }
    return result;
}

static bool is_default_route(const struct nlmsghdr *message)
{
    const struct rtmsg *route = mnl_nlmsg_get_payload(message);

    return (route->rtm_family == AF_INET || route->rtm_family == AF_INET6) && route->rtm_dst_len <= HALVES
        && route->rtm_type == RTN_UNICAST && (route->rtm_flags & RTM_F_CLONED) == 0;
}

static int on_route(const struct nlmsghdr *message, void *context)
{
    struct gathering *gathering = context;

    if (!is_default_route(message))
        return MNL_CB_OK;
    const struct attributes attributes = attributes_of(message, sizeof(struct rtmsg));
    const struct nlattr *out = attributes.of[RTA_OIF];
    unsigned interface = out != NULL && mnl_attr_validate(out, MNL_TYPE_U32) >= 0 ? mnl_attr_get_u32(out) : 0;
    int result = add_gateways(gathering, &attributes, interface);
    return result == MNL_CB_OK ? add_next_hops(gathering, attributes.of[RTA_MULTIPATH]) : result;
}

/* ---- questions ------------------------------------------------------------------------------------------------------- */

/* What is asked, and what it is asked with: the kernel wants a header of the answers' kind. */
struct dump {
    uint16_t type;
    size_t header_size;
    mnl_cb_t on_message;
};

static const struct dump links = { RTM_GETLINK, sizeof(struct ifinfomsg), on_link };
static const struct dump addresses = { RTM_GETADDR, sizeof(struct ifaddrmsg), on_address };
static const struct dump routes = { RTM_GETROUTE, sizeof(struct rtmsg), on_route };

static int dump_once(struct mnl_socket *kernel, const struct dump *asked, struct gathering *gathering)
{
    _Alignas(struct nlmsghdr) char buffer[BUFFER_SIZE];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    ssize_t got;
    int result = MNL_CB_OK;

    (void)mnl_nlmsg_put_extra_header(request, asked->header_size); /* zeroed: of all families */
    request->nlmsg_type = asked->type;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = SEQUENCE;
    if (mnl_socket_sendto(kernel, request, request->nlmsg_len) < 0)
        return -1;
    while (result == MNL_CB_OK && (got = mnl_socket_recvfrom(kernel, buffer, sizeof(buffer))) > 0)
        result = mnl_cb_run(buffer, (size_t)got, SEQUENCE, mnl_socket_get_portid(kernel), asked->on_message, gathering);
    return result == MNL_CB_STOP && !gathering->out_of_memory ? 0 : -1;
}

/* 0; or -1 with errno, and what was added may be a part. */
static int dump(const struct dump *asked, struct gathering *gathering)
{
    size_t before = gathering->list->count;
    int result = -1;

    for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        struct mnl_socket *kernel = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

        if (kernel == NULL)
            return -1;
        gathering->list->count = before;
        if (asked == &links)
            gathering->count = 0;
        errno = EIO;
        result = mnl_socket_bind(kernel, 0, MNL_SOCKET_AUTOPID) < 0 ? -1 : dump_once(kernel, asked, gathering);
        int error = errno;
        mnl_socket_close(kernel);
        errno = error;
        if (result == 0 || gathering->out_of_memory || error != EINTR) /* it changed while it was read */
            break;
    }
    return result;
}

static int add_problem(const struct gathering *gathering, int error, struct realip_problems *problems)
{
    if (gathering->out_of_memory)
        realip_problems_add(problems, gathering->origin, "out of memory");
    else
        realip_problems_add(problems, gathering->origin, "cannot list this host's addresses and routes: %s; allow AF_NETLINK sockets",
                            strerror(error));
    return -1;
}

/* 0; or -1 with errno. */
static int gather(struct gathering *gathering, bool with_routes)
{
    int result = dump(&links, gathering);

    if (result == 0 && with_routes)
        result = dump(&routes, gathering);
    if (result == 0)
        result = dump(&addresses, gathering);
    free(gathering->interfaces);
    gathering->interfaces = NULL;
    return result;
}

int realip_host_networks_own(struct realip_network_list *list, struct realip_problems *problems)
{
    struct gathering gathering = { .list = list };

    return gather(&gathering, false) == 0 ? 0 : add_problem(&gathering, errno, problems);
}

int realip_host_networks_discover(struct realip_origin origin, struct realip_arena *arena, struct realip_network_list *list,
                                  struct realip_problems *problems)
{
    struct gathering gathering = { .bridges_only = true, .origin = origin, .arena = arena, .list = list };

    return gather(&gathering, true) == 0 ? 0 : add_problem(&gathering, errno, problems);
}

static bool is_link_local(const struct realip_address *address)
{
    return address->family == REALIP_FAMILY_IPV6 && address->hi >> 54 == 0x3fa; /* fe80::/10, RFC 4291 section 2.5.6 */
}

int realip_host_networks_stamp(uint64_t *stamp_r)
{
    struct realip_network_list list = { 0 };
    struct gathering own = { .list = &list };
    struct gathering found = { .list = &list, .bridges_only = true };
    int result = gather(&own, false);
    size_t kept = 0;

    for (size_t i = 0; i < list.count; i++) {
        if (!is_link_local(&list.entries[i].network.address))
            list.entries[kept++] = list.entries[i];
    }
    list.count = kept;
    if (result == 0)
        result = gather(&found, true);
    *stamp_r = result == 0 ? realip_stamp_networks(1, &list) : 0;
    realip_network_list_clear(&list);
    return result;
}

/* ---- events ---------------------------------------------------------------------------------------------------------- */

struct realip_host_events {
    struct mnl_socket *kernel;
};

int realip_host_events_open(struct realip_host_events **events_r)
{
    struct realip_host_events *events = calloc(1, sizeof(*events));

    *events_r = NULL;
    if (events == NULL)
        return -1;
    events->kernel = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (events->kernel == NULL
        || mnl_socket_bind(events->kernel, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
                           MNL_SOCKET_AUTOPID)
            < 0) {
        int error = errno;

        realip_host_events_close(&events);
        errno = error;
        return -1;
    }
    *events_r = events;
    return 0;
}

void realip_host_events_close(struct realip_host_events **events)
{
    if (*events == NULL)
        return;
    if ((*events)->kernel != NULL)
        mnl_socket_close((*events)->kernel);
    free(*events);
    *events = NULL;
}

int realip_host_events_fd(const struct realip_host_events *events)
{
    return mnl_socket_get_fd(events->kernel);
}

static int on_event(const struct nlmsghdr *message, void *context)
{
    bool *changed = context;
    bool is_address = message->nlmsg_type == RTM_NEWADDR || message->nlmsg_type == RTM_DELADDR;
    bool is_route = message->nlmsg_type == RTM_NEWROUTE || message->nlmsg_type == RTM_DELROUTE;

    if (is_address
        || (is_route && mnl_nlmsg_get_payload_len(message) >= sizeof(struct rtmsg) && is_default_route(message)))
        *changed = true;
    return MNL_CB_OK;
}

bool realip_host_events_read(struct realip_host_events *events)
{
    _Alignas(struct nlmsghdr) char buffer[BUFFER_SIZE];
    bool changed = false;

    for (int i = 0; i < MOST_MESSAGES; i++) {
        ssize_t got = mnl_socket_recvfrom(events->kernel, buffer, sizeof(buffer));

        if (got > 0)
            (void)mnl_cb_run(buffer, (size_t)got, 0, 0, on_event, &changed);
        else if (got < 0 && (errno == ENOBUFS || errno == ENOSPC))
            changed = true; /* more came than there was room for */
        else
            break;
    }
    return changed;
}

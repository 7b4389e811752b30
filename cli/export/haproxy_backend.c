#include "haproxy_backend.h"

#include <string.h>
#include <strings.h>

enum { SENDS = 1, CHECKS = 2, ALL = 3 };

struct comparison {
    const struct realip_export *export;
    const char *name;
    uint16_t port;
    struct realip_export_report *report;
    unsigned defaults; /* of default-server, so far */
    bool is_inside;
    size_t servers;
    bool is_there[REALIP_EXPORT_SERVERS];
};

/* The options behind `word` on a line, added to what holds before them. */
static unsigned read_options(const struct realip_export_piece *line, struct realip_export_piece word, unsigned options)
{
    while (realip_export_piece_word(line, " \t", &word) && word.at[0] != '#') {
        if (realip_export_piece_is(&word, "send-proxy-v2"))
            options |= SENDS;
        else if (realip_export_piece_is(&word, "check-send-proxy"))
            options |= CHECKS;
        else if (realip_export_piece_is(&word, "no-send-proxy-v2"))
            options &= ~(unsigned)SENDS;
        else if (realip_export_piece_is(&word, "no-check-send-proxy"))
            options &= ~(unsigned)CHECKS;
    }
    return options;
}

/* "10.0.20.50:2525", "[fd00::50]:2525", "ipv6@fd00::50:2525": the last colon parts the port from the host, as in HAProxy. */
static struct realip_export_piece split(struct realip_export_piece address, struct realip_export_piece *port_r)
{
    if (realip_export_piece_begins(&address, "ipv4@") || realip_export_piece_begins(&address, "ipv6@")) {
        address.at += 5;
        address.length -= 5;
    }
    size_t at = address.length;
    while (at > 0 && address.at[at - 1] != ':' && address.at[at - 1] != ']')
        at--;
    bool has_port = at > 0 && address.at[at - 1] == ':';
    struct realip_export_piece host = { address.at, has_port ? at - 1 : address.length, address.line };

    *port_r = (struct realip_export_piece){ address.at + (has_port ? at : address.length), has_port ? address.length - at : 0, address.line };
    if (host.length > 1 && host.at[0] == '[' && host.at[host.length - 1] == ']') {
        host.at++;
        host.length -= 2;
    }
    return host;
}

static bool is_host(const struct realip_export_piece *host, const char *name)
{
    struct realip_address one;
    struct realip_address other;
    const char *reason;

    if (realip_address_parse(host->at, host->length, &one, &reason) == 0 && realip_address_parse(name, strlen(name), &other, &reason) == 0)
        return realip_address_equal(&one, &other);
    return host->length == strlen(name) && strncasecmp(host->at, name, host->length) == 0;
}

static void compare_host(struct comparison *self, const struct realip_export_piece *server, const struct realip_export_piece *host)
{
    bool found = self->export->servers[0] == NULL; /* nobody said which they are */

    for (size_t i = 0; self->export->servers[i] != NULL; i++) {
        if (is_host(host, self->export->servers[i]))
            found = self->is_there[i] = true;
    }
    if (!found)
        realip_export_report_difference(self->report, "too much in backend %s: server %.*s at %.*s", self->name, (int)server->length, server->at,
                                        (int)host->length, host->at);
}

static void compare_server(struct comparison *self, const struct realip_export_piece *line, struct realip_export_piece word)
{
    struct realip_export_piece port;
    char wanted[8];

    if (!realip_export_piece_word(line, " \t", &word))
        return;
    struct realip_export_piece server = word;
    if (!realip_export_piece_word(line, " \t", &word))
        return;
    struct realip_export_piece host = split(word, &port);
    self->servers++;
    snprintf(wanted, sizeof(wanted), "%u", (unsigned)self->port);
    if (!realip_export_piece_is(&port, wanted))
        realip_export_report_difference(self->report, "backend %s: server %.*s sends to port %.*s, and the listener is at %s", self->name,
                                        (int)server.length, server.at, port.length > 0 ? (int)port.length : 4,
                                        port.length > 0 ? port.at : "none", wanted);
    if (read_options(line, word, self->defaults) != ALL)
        realip_export_report_difference(self->report, "backend %s: server %.*s has not all of: %s", self->name, (int)server.length, server.at,
                                        REALIP_HAPROXY_SERVER_OPTIONS);
    compare_host(self, &server, &host);
}

static void compare_line(struct comparison *self, const struct realip_export_piece *line)
{
    static const char *const sections[] = { "backend", "frontend", "listen", "defaults", "global", "peers", "resolvers", "userlist" };
    struct realip_export_piece word = { 0 };

    if (!realip_export_piece_word(line, " \t", &word))
        return;
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (!realip_export_piece_is(&word, sections[i]))
            continue;
        self->is_inside = i == 0 && realip_export_piece_word(line, " \t", &word) && realip_export_piece_is(&word, self->name);
        return;
    }
    if (self->is_inside && realip_export_piece_is(&word, "default-server"))
        self->defaults = read_options(line, word, self->defaults);
    else if (self->is_inside && realip_export_piece_is(&word, "server"))
        compare_server(self, line, word);
}

void realip_haproxy_backend_compare(const struct realip_export *export, const char *name, uint16_t port, const struct realip_export_text *text,
                                    struct realip_export_report *report)
{
    struct comparison self = { .export = export, .name = name, .port = port, .report = report };
    struct realip_export_piece line = { 0 };

    while (realip_export_text_line(text, &line))
        compare_line(&self, &line);
    if (self.servers == 0) {
        realip_export_report_difference(report, "missing: backend %s with %s for port %u", name, REALIP_HAPROXY_SERVER_OPTIONS, (unsigned)port);
        return;
    }
    for (size_t i = 0; export->servers[i] != NULL; i++) {
        if (!self.is_there[i])
            realip_export_report_difference(report, "missing from backend %s: a server at %s", name, export->servers[i]);
    }
}

/* export haproxy: lists of addresses for ACLs ("src -f FILE"), and a backend for each port on which the mail server expects a PROXY
 * header. */
#include <errno.h>
#include <string.h>

#include "export.h"
#include "export_list.h"
#include "export_networks.h"
#include "haproxy_backend.h"

/* What a health check says to a port. A check that connects and vanishes makes Postfix's smtpd die (docs/POSTFIX.md), so it speaks. */
struct dialect {
    const char *word; /* how names of such listeners begin */
    const char *lines;
    bool tls; /* from the first byte */
    uint16_t port;
};

#define SMTP_CHECK "    option smtpchk EHLO mail-realip.check\n"
#define GREETING_CHECK(greeting, bye) "    option tcp-check\n    tcp-check expect rstring " greeting "\n    tcp-check send " bye "\\r\\n\n"

static const struct dialect dialects[] = {
    { "smtps", SMTP_CHECK, true, 465 },
    { "submissions", SMTP_CHECK, true, 465 },
    { "smtp", SMTP_CHECK, false, 25 },
    { "submission", SMTP_CHECK, false, 587 },
    { "imaps", GREETING_CHECK("^\\*\\ OK", "a\\ LOGOUT"), true, 993 },
    { "imap", GREETING_CHECK("^\\*\\ OK", "a\\ LOGOUT"), false, 143 },
    { "pop3s", GREETING_CHECK("^\\+OK", "QUIT"), true, 995 },
    { "pop3", GREETING_CHECK("^\\+OK", "QUIT"), false, 110 },
    { "sieve", GREETING_CHECK("OK", "LOGOUT"), false, 4190 },
    { "managesieve", GREETING_CHECK("OK", "LOGOUT"), false, 4190 },
};

/* By port; else by name, the longest that fits. NULL: nobody knows what is spoken there. */
static const struct dialect *dialect_of(const struct realip_listener *listener, uint16_t port)
{
    const struct dialect *found = NULL;

    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
        const struct dialect *dialect = &dialects[i];

        if (dialect->port == port)
            return dialect;
        if (strncmp(listener->title, dialect->word, strlen(dialect->word)) == 0
            && (found == NULL || strlen(dialect->word) > strlen(found->word)))
            found = dialect;
    }
    return found;
}

static bool is_word(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == strlen(text);
}

/* HAProxy's names have no other characters; the port alone tells backends apart. */
static void backend_name(const struct realip_listener *listener, uint16_t port, char name[128])
{
    if (is_word(listener->title) && strlen(listener->title) < 100)
        snprintf(name, 128, "realip-%s-%u", listener->title, (unsigned)port);
    else
        snprintf(name, 128, "realip-%u", (unsigned)port);
}

static void print_backend(const struct realip_export *export, const struct realip_listener *listener, uint16_t port, FILE *out)
{
    const struct dialect *dialect = dialect_of(listener, port);
    char name[128];

    backend_name(listener, port, name);
    fprintf(out, "\nbackend %s\n    mode tcp\n    timeout connect 10s\n    timeout server 10m\n    timeout check 10s\n", name);
    if (dialect == NULL)
        fputs("    # what is spoken here is not known: this check connects and says nothing\n", out);
    else
        fputs(dialect->lines, out);
    fprintf(out, "    default-server " REALIP_HAPROXY_SERVER_OPTIONS "%s inter 10s\n",
            dialect != NULL && dialect->tls ? " check-ssl verify none" : "");
    for (size_t i = 0; export->servers[i] != NULL; i++)
        fprintf(out, strchr(export->servers[i], ':') != NULL ? "    server mail%zu [%s]:%u\n" : "    server mail%zu %s:%u\n", i + 1,
                export->servers[i], (unsigned)port);
}

static int print_backends(const struct realip_export *export, FILE *out)
{
    const struct realip_rules *rules = &export->config->rules;

    fputs("# Load it behind haproxy.cfg (haproxy -f haproxy.cfg -f this file) and say default_backend there. Frontends want\n"
          "# timeout client; docs/EXPORT.md shows them, with the lists beside this file.\n",
          out);
    for (size_t i = 0; i < rules->listener_count; i++) {
        const struct realip_listener *listener = &rules->listeners[i];

        for (size_t k = 0; k < listener->port_count && listener->proxy == REALIP_PROXY_REQUIRED; k++)
            print_backend(export, listener, listener->ports[k], out);
    }
    return 0;
}

static bool has_servers(const struct realip_export *export)
{
    return export->servers[0] != NULL;
}

static void compare_backend(const struct realip_export *export, const struct realip_listener *listener, uint16_t port,
                            const struct realip_export_text *text, struct realip_export_report *report)
{
    char name[128];

    backend_name(listener, port, name);
    realip_haproxy_backend_compare(export, name, port, text, report);
}

static int compare_backends(const struct realip_export *export, const struct realip_export_text *text,
                            struct realip_export_report *report)
{
    const struct realip_rules *rules = &export->config->rules;

    for (size_t i = 0; i < rules->listener_count; i++) {
        const struct realip_listener *listener = &rules->listeners[i];

        for (size_t k = 0; k < listener->port_count && listener->proxy == REALIP_PROXY_REQUIRED; k++)
            compare_backend(export, listener, listener->ports[k], text, report);
    }
    return 0;
}

/* X(set): a list for each set, SET.lst. */
#define LIST_FUNCTIONS(name, title)                                                                                              \
    static int print_##name(const struct realip_export *export, FILE *out)                                                       \
    {                                                                                                                            \
        return realip_export_networks_print(&export->config->rules, 1U << REALIP_SET_##name, out, realip_export_networks_line);  \
    }                                                                                                                            \
    static int compare_##name(const struct realip_export *export, const struct realip_export_text *text,                         \
                              struct realip_export_report *report)                                                               \
    {                                                                                                                            \
        return realip_export_list_compare(export, text, report, title, 1U << REALIP_SET_##name);                                 \
    }
REALIP_SET_TABLE(LIST_FUNCTIONS)

#define LIST_PART(name, title) { title ".lst", print_##name, compare_##name, NULL },
const struct realip_export_form realip_export_haproxy = {
    .name = "haproxy",
    .parts = { REALIP_SET_TABLE(LIST_PART) { "mail-realip.cfg", print_backends, compare_backends, has_servers } },
    .next = "name the lists in haproxy.cfg (docs/EXPORT.md shows how), then: haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl "
            "reload haproxy",
};

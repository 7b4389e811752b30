/* setup - one mail set-up as it was found: what each reader gathers and the checks judge. Nothing in it is a judgement.
 *
 * All of it lives in the arena. Origins name the file and line where something is said; line 0: the file as a whole, a
 * NULL file: nowhere (a default). */
#ifndef REALIP_DOCTOR_SETUP_H
#define REALIP_DOCTOR_SETUP_H

#include "block.h"
#include "runtime/config.h"
#include "text.h"

/* ---- Postfix ---- */
struct realip_setting {
    const char *name;
    const char *value;
    struct realip_origin origin;
};

struct realip_settings {
    struct realip_setting *items;
    size_t count;
};

/* An entry of master.cf. */
struct realip_service_entry {
    const char *name; /* as written: "smtp", "127.0.0.1:10025" */
    const char *type; /* "inet", "unix", "pass", … */
    const char *command;
    const char *host; /* of an inet service that listens on one address alone; else NULL */
    unsigned port;    /* of an inet service; 0: not known */
    struct realip_origin origin;
    struct realip_settings options; /* its "-o name=value" */
};

struct realip_door; /* see postfix_value.h */

struct realip_postfix {
    bool is_known;
    const char *main_file; /* where a line for main.cf goes */
    const char *master_file;
    struct realip_settings main; /* what main.cf sets */
    struct realip_settings
        running; /* what the running one says of parameters that main.cf does not set; empty for a folder */
    struct realip_service_entry *services;
    size_t service_count;
    unsigned names_left; /* that the value at hand may still put in place of "$name" */
    struct realip_door *doors; /* of realip_postfix_doors(); NULL: nobody asked yet */
    size_t door_count;
    struct realip_settings files; /* that lists of hosts name: path and text (NULL: it can't be read) */
    struct realip_settings unused; /* parameters that postconf says nothing reads */
};

/* ---- Dovecot ---- */
struct realip_dovecot_listener {
    const char *service; /* "imap-login" */
    const char *name;
    unsigned port;
    bool haproxy;
    struct realip_origin origin; /* file NULL: Dovecot opens it by itself */
};

struct realip_passdb {
    const char *driver;
    bool is_master;
    bool denies; /* it can only refuse: it lets nobody in */
    struct realip_origin origin;
};

struct realip_dovecot {
    bool is_known;
    const char *file; /* where a line goes */
    struct realip_block *root;
    struct realip_settings source; /* the files that doveconf read: keys, and "inet_listener NAME", with their places */
    struct realip_dovecot_listener *listeners;
    size_t listener_count;
    struct realip_passdb *passdbs;
    size_t passdb_count;
};

/* ---- who passes connections on ---- */
struct realip_port_range {
    unsigned from;
    unsigned to;
};

/* One server of an haproxy.cfg, or one server block of nginx's stream module. */
struct realip_sender {
    const char *program; /* "haproxy", "nginx" */
    const char *name;    /* "listen smtp, server mail" */
    struct realip_origin origin;
    const char *host;
    unsigned port;                    /* 0: the one that the client asked for */
    unsigned version;                 /* of the PROXY header that it sends; 0: none */
    bool is_idle;                     /* disabled, or under a condition that can't be told: it may pass nothing on */
    bool transparent;                 /* connects with the client's own address */
    bool has_check;                   /* looks after the server's health */
    bool check_talks;                 /* and speaks the server's protocol in doing so */
    bool check_proxy;                 /* and sends a PROXY header first, as it was told to */
    bool check_bare;                  /* and is told to connect without any of that */
    bool check_apart;                 /* and does not do it where the mail goes ("port", "addr") */
    unsigned check_port;              /* 0: that of the mail */
    bool takes_ipv6;                  /* clients of these families come to it */
    struct realip_port_range *fronts; /* the ports at which it takes clients */
    size_t front_count;
    const char *missing_timeouts; /* "client, server"; NULL: none is missing */
    struct realip_origin section;
};

/* A server block of nginx's mail or stream module. */
struct realip_nginx_server {
    struct realip_origin origin;
    bool is_mail;
    const char *protocol;             /* "smtp", "imap", "pop3", "" */
    struct realip_origin takes_proxy; /* its "listen … proxy_protocol"; file NULL: it takes none */
    struct realip_setting *real_ip;   /* set_real_ip_from, its own or those around it */
    size_t real_ip_count;
    struct realip_origin xclient_off; /* file NULL: it says XCLIENT */
    bool sends_proxy;
};

struct realip_proxies {
    bool is_known;
    bool leads_elsewhere; /* some of them send to a port that can't be told: it may be any */
    struct realip_sender *senders;
    size_t sender_count;
    struct realip_nginx_server *nginx;
    size_t nginx_count;
};

/* ---- the host, and our own rules ---- */
enum realip_container {
    REALIP_CONTAINER_UNKNOWN = 0,
    REALIP_CONTAINER_NONE,
    REALIP_CONTAINER_DOCKER,
    REALIP_CONTAINER_PODMAN,
    REALIP_CONTAINER_KUBERNETES,
    REALIP_CONTAINER_OTHER
};

/* An address of this host and the prefix of the network that it is in. */
struct realip_host_address {
    struct realip_address address;
    unsigned prefix;
};

struct realip_host {
    bool is_known;
    struct realip_origin origin;
    enum realip_container container;
    struct realip_host_address *addresses;
    size_t address_count;
    struct realip_address *gateways; /* default gateways, and the host's own bridges */
    size_t gateway_count;
    const char *firewall;      /* nft's rules or iptables-save's; NULL where nobody looked */
    const char *firewall_ipv6; /* ip6tables-save's: the other one is of IPv4 alone then; NULL: it is of both */
};

/* One message of the configuration's reader, taken apart. */
struct realip_rules_message {
    struct realip_origin origin;
    const char *text;
};

struct realip_own_rules {
    bool is_known;
    struct realip_config *config; /* NULL: none, or it is wrong */
    const char *file;
    bool discovers;                      /* `discover = true` in networks infrastructure */
    struct realip_origin infrastructure; /* the block; its file alone where there is none */
    struct realip_rules_message *problems;
    size_t problem_count;
    struct realip_rules_message *warnings;
    size_t warning_count;
};

struct realip_setup {
    struct realip_arena arena;
    bool is_folder; /* written down, not this host's own */
    struct realip_postfix postfix;
    struct realip_dovecot dovecot;
    struct realip_proxies proxies;
    struct realip_host host;
    struct realip_own_rules rules;
    struct realip_words failures; /* what could not be looked at, and why */
    struct realip_words looked_at;
};

/* Adds "WHAT: why, and what would help" to the failures. */
void realip_setup_fail(struct realip_setup *setup, const char *what, const char *why);

/* Appends a setting. */
void realip_settings_add(struct realip_arena *arena, struct realip_settings *settings, const char *name,
                         const char *value, struct realip_origin origin);

/* The last of that name, which is the one that counts; NULL: none. */
const struct realip_setting *realip_settings_find(const struct realip_settings *settings, const char *name);

/* Is this host's own, or a loopback address? */
bool realip_host_is_here(const struct realip_host *host, const struct realip_address *address);

/* Reads each part. `file` of what may be left out is NULL. A part that is there and can't be read is a failure of the
 * setup. */
void realip_postfix_read_folder(struct realip_setup *setup, const char *folder);
void realip_postfix_read_host(struct realip_setup *setup, const char *folder, bool is_wanted);
void realip_dovecot_read_output(struct realip_setup *setup, const char *file);
void realip_dovecot_read_host(struct realip_setup *setup, const char *file);
void realip_haproxy_read(struct realip_setup *setup, const char *file);
void realip_haproxy_read_files(struct realip_setup *setup, const char *const *files, size_t count); /* or folders of *.cfg */
void realip_nginx_read(struct realip_setup *setup, const char *file);
void realip_host_read_file(struct realip_setup *setup, const char *file);
void realip_host_read_own(struct realip_setup *setup);
void realip_host_read_firewall(struct realip_setup *setup, const char *file);
void realip_own_rules_read(struct realip_setup *setup, const char *file);

/* Frees all of it. */
void realip_setup_free(struct realip_setup *setup);

#endif

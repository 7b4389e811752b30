/* export - what all forms of `realipctl export` share: the request, the parts that a form writes, and how to compare them with
 * what is deployed. One file for each form; cli/export/export.c has the table of them. */
#ifndef REALIP_CLI_EXPORT_H
#define REALIP_CLI_EXPORT_H

#include <stdio.h>

#include "export_report.h"
#include "export_text.h"
#include "ranges.h"
#include "runtime/config.h"

#define REALIP_EXPORT_SERVERS 16

/* The command line, and the configuration. */
struct realip_export {
    const struct realip_config *config;
    const char *folder;     /* absolute, of what is being written; NULL: to standard output, or nothing is written */
    const char *plugin;     /* where RealIP.pm is */
    const char *servers[REALIP_EXPORT_SERVERS + 1]; /* mail servers behind HAProxy, up to a NULL */
    const char *selector;   /* "app=mail,tier=front"; NULL: not said */
    const char *namespace_; /* NULL: not said */
    const char *name;       /* of the NetworkPolicy */
    const char *listener;   /* whose actions; NULL: those at the top of the file */
    bool login_trusted;     /* Dovecot's login_trusted_networks, too */
};

/* A file of a form. */
struct realip_export_part {
    const char *file; /* its name in a folder */
    /* Writes all but the first line. 0; or -1 with errno. */
    int (*print)(const struct realip_export *export, FILE *out);
    /* Compares what is deployed: tells of differences to the report. 0; or -1 when memory is short or the text can't be
     * understood (which the report has been told). NULL: nothing in it can drift. */
    int (*compare)(const struct realip_export *export, const struct realip_export_text *text, struct realip_export_report *report);
    /* Is it part of this export? NULL: always. */
    bool (*is_wanted)(const struct realip_export *export);
};

#define REALIP_EXPORT_MOST_PARTS 7

struct realip_export_form {
    const char *name;
    struct realip_export_part parts[REALIP_EXPORT_MOST_PARTS]; /* up to one without a file; one alone can go to a file or "-" */
    /* May this be written at all? 0; or the exit status, and it has been said why not. NULL: always. */
    int (*refuse)(const struct realip_export *export);
    /* Compares what a program says of itself ("--check -"). NULL: as the one part. */
    int (*compare_running)(const struct realip_export *export, const struct realip_export_text *text,
                           struct realip_export_report *report);
    const char *next; /* what to do when it has been written */
};

extern const struct realip_export_form realip_export_haproxy;
extern const struct realip_export_form realip_export_nftables;
extern const struct realip_export_form realip_export_networkpolicy;
extern const struct realip_export_form realip_export_dovecot;
extern const struct realip_export_form realip_export_postfix;
extern const struct realip_export_form realip_export_fail2ban;
extern const struct realip_export_form realip_export_crowdsec;
extern const struct realip_export_form realip_export_rspamd;
extern const struct realip_export_form realip_export_spamassassin;

#endif

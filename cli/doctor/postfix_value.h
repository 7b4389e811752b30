/* postfix_value - what a Postfix really does: the value of a parameter in one service, its doors, and where its
 * restriction lists ask mail-realip. */
#ifndef REALIP_DOCTOR_POSTFIX_VALUE_H
#define REALIP_DOCTOR_POSTFIX_VALUE_H

#include "setup.h"

/* The value of `name` in the service (NULL: in main.cf), with $names expanded: its "-o", else main.cf's, else the
 * running Postfix's, else the default of Postfix 3.7 for the parameters that the checks ask for; "" for others.
 * *origin_r (may be NULL): where it is said; file NULL for a default. */
const char *realip_postfix_value(struct realip_setup *setup, const struct realip_service_entry *service,
                                 const char *name, struct realip_origin *origin_r);

/* Does this service's own entry set the parameter? Its place, or file NULL. */
struct realip_origin realip_postfix_override(const struct realip_service_entry *service, const char *name);

/* One check_policy_service that asks mail-realip. */
struct realip_policy_use {
    const char *text; /* what stands behind check_policy_service, as it is spelt */
    const char *list; /* the restriction list that it stands in; NULL: there is none */
    struct realip_origin origin;
    const char *endpoint;
    const char *context; /* policy_context; NULL: none */
    const char *default_action;
    const char *behind; /* a word in front of it that ends the list for some; NULL: it is always asked */
    bool only_warns;    /* behind warn_if_reject: what it refuses is logged, and goes on */
};

/* The first that is always asked, else the first at all; list NULL: the service does not ask mail-realip. Ours is a
 * policy server whose socket is one of policyd's, or is named after us, or that is told one of our listeners' names. */
struct realip_policy_use realip_postfix_policy(struct realip_setup *setup, const struct realip_service_entry *service);

/* Our milter in the service's smtpd_milters. */
struct realip_milter_use {
    const char *text; /* its word in smtpd_milters */
    const char *endpoint; /* NULL: there is none */
    const char *default_action;
    struct realip_origin origin;        /* of smtpd_milters */
    struct realip_origin action_origin; /* of milter_default_action; file NULL: a default */
    const char *name;                   /* milter_macro_daemon_name */
};

struct realip_milter_use realip_postfix_milter(struct realip_setup *setup, const struct realip_service_entry *service);

/* A port at which Postfix takes mail: an inet service of smtpd, or of postscreen with the smtpd behind it. */
struct realip_door {
    const struct realip_service_entry *front;
    const struct realip_service_entry
        *smtpd; /* front itself, or the pass service behind postscreen; NULL: that is missing */
    bool is_postscreen;
    bool is_local;    /* listens on loopback alone */
    bool is_return;   /* a content filter's way back into the queue ("-o content_filter=" at a port that is not for clients) */
    bool is_internal; /* one of the two */
    bool takes_proxy;
    bool takes_xclient;
    struct realip_origin proxy_origin;
    struct realip_origin xclient_origin;
    struct realip_policy_use policy; /* of smtpd */
    struct realip_milter_use milter;
};

struct realip_doors {
    struct realip_door *items;
    size_t count;
};

/* Worked out once for a setup, when it is first asked for: everything of Postfix and our rules has been read by then.
 */
struct realip_doors realip_postfix_doors(struct realip_setup *setup);

/* The listener of our rules that judges the sessions of a door: by name (may be NULL), else by the port, else the
 * fallback. NULL: our rules are not known. */
const struct realip_listener *realip_postfix_listener(const struct realip_setup *setup, const struct realip_door *door,
                                                      const char *name);

#endif

/* audit_summary - the tally put in order for a reader: sums, and lists with the most important first. The three reports are made from it.
 */
#ifndef REALIP_AUDIT_SUMMARY_H
#define REALIP_AUDIT_SUMMARY_H

#include "audit_tally.h"
#include "log_input.h"

/* What happened at one service for one reason. */
struct realip_audit_row {
    const struct realip_audit_service *service;
    enum realip_reason reason;
    enum realip_action wanted;
    uint64_t deeds[REALIP_AUDIT_DEED_COUNT];
};

/* What happened on one day for one reason, at all services. */
struct realip_audit_day_row {
    const struct realip_audit_day *day;
    uint64_t refused[REALIP_REASON_COUNT]; /* letters and logins that would have been refused */
    uint64_t problems;                     /* letters and logins with a problem, refused or not */
    uint64_t all;                          /* letters and logins */
    uint64_t failures;
};

struct realip_audit_suspect {
    const struct realip_crowd *crowd;
    unsigned users;
    unsigned helos;
};

struct realip_audit_summary {
    const struct realip_audit_tally *tally;
    const struct realip_log_input *input;
    bool was_interrupted;
    bool is_unreadable; /* a file was not read, or not whole */
    bool is_no_mail_log; /* there were lines, and none of a mail server's */
    uint64_t deeds[REALIP_AUDIT_DEED_COUNT];
    uint64_t by_reason[REALIP_REASON_COUNT][REALIP_AUDIT_DEED_COUNT];
    uint64_t refused[REALIP_REASON_COUNT]; /* letters and logins */
    uint64_t refused_mails;
    uint64_t refused_logins;
    uint64_t not_relayed; /* letters for which no-relay is wanted: of these, what is for other domains would be refused */
    uint64_t flagged;     /* letters and logins that would only be marked */
    uint64_t failures[REALIP_PROXY_FAILURE_COUNT];
    uint64_t failure_count;
    uint64_t left_out;    /* keys that found no room, all tables */
    unsigned threshold;   /* distinct names from which an address is suspect */
    struct realip_audit_row *rows; /* with a problem, the most first */
    size_t row_count;
    struct realip_audit_day_row *days; /* oldest first; days without a line between them are not there */
    size_t day_count;
    struct realip_audit_day_row undated; /* what lines without a time stamp told; undated.day is NULL where there are none */
    const struct realip_audit_client **clients;
    size_t client_count;
    const struct realip_audit_client **insiders;
    size_t insider_count;
    const struct realip_audit_relay **relays;
    size_t relay_count;
    const struct realip_audit_ban **bans;
    size_t ban_count;
    const struct realip_audit_verdict **verdicts; /* problems only */
    size_t verdict_count;
    const struct realip_audit_peer **peers;
    size_t peer_count;
    struct realip_audit_suspect *suspects;
    size_t suspect_count;
};

/* Makes the summary; `tally` and `input` must outlive it. 0; or -1 when memory is short (it can be cleared all the same). */
int realip_audit_summary_make(struct realip_audit_summary *summary, const struct realip_audit_tally *tally, const struct realip_log_input *input,
                              bool was_interrupted);
void realip_audit_summary_clear(struct realip_audit_summary *summary);

/* Would this action keep a letter or a login out? */
bool realip_audit_refuses(enum realip_action action);

/* Is there anything that somebody should look at? */
bool realip_audit_summary_has_findings(const struct realip_audit_summary *summary);

/* Were letters begun, and no line of qmgr or a delivery agent tells of any? Then none could be counted. */
bool realip_audit_summary_lacks_queue(const struct realip_audit_summary *summary);

/* Of a suspect: there were more names than could be counted. */
bool realip_audit_crowd_has_more(const struct realip_crowd *crowd);

/* "2026-11-22", "no time stamp" for 0; "2026-11-22 03:04", "-" for 0. Returns `text`. */
#define REALIP_AUDIT_TIME_SIZE 32
const char *realip_audit_day_text(int64_t day, char text[REALIP_AUDIT_TIME_SIZE]);
const char *realip_audit_time_text(int64_t when, char text[REALIP_AUDIT_TIME_SIZE]);

/* "connections", "mails", "logins", "rejected", "failed-logins": keys of --json. */
const char *realip_audit_deed_token(enum realip_audit_deed deed);

/* The reports. Each returns 0, or -1 when it could not be written. */
struct realip_terminal;
int realip_audit_text(const struct realip_audit_summary *summary, const struct realip_terminal *terminal);
int realip_audit_json(const struct realip_audit_summary *summary);

/* Writes the page beside `path` and renames it: nobody sees half of it. -1: errno tells why. */
int realip_audit_html(const struct realip_audit_summary *summary, const char *path);

#endif

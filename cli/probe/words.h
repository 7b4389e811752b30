/* words - what a mail server's lines mean to the probe: its protocol, a greeting or a goodbye, a client's address. Pure. */
#ifndef REALIP_PROBE_WORDS_H
#define REALIP_PROBE_WORDS_H

#include "observation.h"

/* What its names in EHLO end with, one for each session: nobody's (RFC 2606). */
#define REALIP_PROBE_HELO_END ".realip-probe.invalid"

enum realip_probe_line {
    REALIP_PROBE_LINE_STRANGE = 0, /* of no mail protocol */
    REALIP_PROBE_LINE_MORE,        /* the answer goes on behind it */
    REALIP_PROBE_LINE_GOOD,        /* a greeting; or the answer to a command, granted */
    REALIP_PROBE_LINE_BAD          /* a goodbye (421, 554, BYE, -ERR, NO); or the command is refused */
};

/* A line of a greeting, without its line end. *protocol_r is the protocol that greets so; UNKNOWN for a strange line. SMTP: RFC
 * 5321 section 3.1; LMTP, which greets alike (RFC 2033 section 4.1), where it says so; IMAP: RFC 3501 section 7.1; POP3: RFC 1939 section 4; ManageSieve: RFC 5804 section 1.7. */
enum realip_probe_line realip_probe_greeting(const char *line, enum realip_probe_protocol *protocol_r);

#define REALIP_PROBE_ASK_SIZE (REALIP_PROBE_HELO_SIZE + 16)

/* What asks for capabilities, with CRLF; `helo` is the name that SMTP and LMTP want. "" for UNKNOWN. */
void realip_probe_ask(enum realip_probe_protocol protocol, const char *helo, char out[REALIP_PROBE_ASK_SIZE]);

/* What ends the session, what begins TLS. Constant, with CRLF; "" for UNKNOWN. */
const char *realip_probe_quit(enum realip_probe_protocol protocol);
const char *realip_probe_starttls(enum realip_probe_protocol protocol);

/* A line of the answer to realip_probe_ask(), or to what a PROXY header looked like to a server that wants none. *misread_r
 * is set to true where the line complains about a command that was none of ours; it is left alone otherwise. */
enum realip_probe_line realip_probe_answer(enum realip_probe_protocol protocol, const char *line, bool *misread_r);

/* Notes into `seen` what a line of the greeting or of the capabilities offers: STARTTLS, XCLIENT, XFORWARD. */
void realip_probe_note_offer(const char *line, struct realip_probe_observation *seen);

/* The client's address in a server's words: "Hello name [A]", "<name[A]>: Client host rejected", "from A". `server` is the address
 * that was connected to, which is no client's. False, and *address_r absent, where there is none. */
bool realip_probe_find_client(const char *line, const struct realip_address *server, struct realip_address *address_r);

/* The reason in mail-realip's own refusals: "realip TOKEN: sentence", or the sentence alone. UNDECIDED: there is none. */
enum realip_reason realip_probe_find_reason(const char *line);

/* Copies a line for people: what is not printable ASCII becomes '?'. Cut to fit. */
void realip_probe_copy_words(const char *line, char out[REALIP_PROBE_WORDS_SIZE]);

/* The protocol by a well-known port, and whether TLS comes at once there; UNKNOWN and false for others. */
enum realip_probe_protocol realip_probe_protocol_of_port(unsigned port, bool *tls_r);

#endif

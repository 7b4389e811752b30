/* proxy_header_reading - what our accounts of Postfix's and Dovecot's readings share: for proxy_header_postfix.c and
 * proxy_header_dovecot.c alone. */
#ifndef REALIP_PROXY_HEADER_READING_H
#define REALIP_PROXY_HEADER_READING_H

#include "proxy_header_host.h"

/* Part of a line. */
struct realip_proxy_word {
    const char *text;
    size_t length;
};

/* The host hangs up; its process ends; the session goes on behind `size` bytes. Reasons are constant. */
void realip_proxy_reading_refuse(struct realip_proxy_outcome *outcome, const char *reason);
void realip_proxy_reading_crash(struct realip_proxy_outcome *outcome, const char *reason);
void realip_proxy_reading_go_on(struct realip_proxy_outcome *outcome, enum realip_proxy_fate fate, size_t size);

bool realip_proxy_reading_is_digit(char c);
bool realip_proxy_reading_word_is(const struct realip_proxy_word *word, const char *text);

/* Two bytes in network order; the addresses and ports of a v2 header (12 and 36 bytes). */
uint16_t realip_proxy_reading_number(const unsigned char *at);
void realip_proxy_reading_inet(const unsigned char *at, struct realip_proxy_outcome *outcome);
void realip_proxy_reading_inet6(const unsigned char *at, struct realip_proxy_outcome *outcome);

void realip_proxy_reading_ipv4(uint32_t value, struct realip_address *address_r);

/* inet_aton(3): one to four parts, each decimal, octal or hexadecimal, the last one fills what is left. `exact`: nothing may
 * follow, as getaddrinfo(3) wants it; else white space may, and anything behind that. 0; or -1. */
int realip_proxy_reading_aton(const struct realip_proxy_word *word, bool exact, struct realip_address *address_r);

/* The three readings; `length` is not 0. */
void realip_proxy_header_postfix(const unsigned char *data, size_t length, struct realip_proxy_outcome *outcome);
void realip_proxy_header_postscreen(const unsigned char *data, size_t length, struct realip_proxy_outcome *outcome);
void realip_proxy_header_dovecot(enum realip_proxy_host host, const unsigned char *data, size_t length,
                                 struct realip_proxy_outcome *outcome);

#endif

/* postfix_patterns - Postfix's lists of hosts (mynetworks, smtpd_authorized_xclient_hosts) with what the files and cidr:
 * tables that they name hold (postconf(5), mynetworks; match_list.c). */
#ifndef REALIP_DOCTOR_POSTFIX_PATTERNS_H
#define REALIP_DOCTOR_POSTFIX_PATTERNS_H

#include "check.h"

/* Reads the files that the lists of main.cf and of all services name, once each. Of a folder they lie in it, by their last
 * names. One that can't be read is a failure of the setup; a table that is none of the folder's is not. */
void realip_postfix_patterns_gather(struct realip_setup *setup);

/* The list that `text` spells, in the order in which Postfix goes through it: the entries of a file or table stand in its
 * place. */
struct realip_list realip_postfix_patterns(struct realip_setup *setup, const char *text);

#endif

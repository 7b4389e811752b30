/* postfix_list - Postfix's lists of host patterns (mynetworks, smtpd_authorized_xclient_hosts) and its cidr: tables, as far as they
 * hold addresses. In both, the first entry that fits an address decides. */
#ifndef REALIP_CLI_POSTFIX_LIST_H
#define REALIP_CLI_POSTFIX_LIST_H

#include "export_report.h"
#include "first_match.h"

/* Kinds of entries of a list of patterns. */
enum { REALIP_POSTFIX_LIST_IN, REALIP_POSTFIX_LIST_OUT };

/* Reads "PATTERN, PATTERN …" behind what the list holds: networks, "!" in front, "/file" (a file of more patterns) and "cidr:/file".
 * 0; or -1: memory is short, or the report has been told what can't be understood. */
int realip_postfix_list_read(const struct realip_export_piece *value, struct realip_export_report *report, struct realip_first_match *list);

/* The same for a file's text; lines that begin with "#" are comments. */
int realip_postfix_list_read_text(const struct realip_export_text *text, struct realip_export_report *report,
                                  struct realip_first_match *list);

/* Reads a cidr: table. An entry's kind is the index of its action among `actions` (up to a NULL), or their number for any other. 0; or
 * -1 as above. */
int realip_postfix_table_read(const struct realip_export_text *text, struct realip_export_report *report, const char *const *actions,
                              struct realip_first_match *list);

#endif

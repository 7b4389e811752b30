/* network_place - how the place of a network is written as a text, and read again: a verdict, a log line and a compiled file have
 * one text and one line for it, whatever it came from.
 *
 *   /etc/mail-realip/mail-realip.conf                 cidr of the configuration, or a line of a file
 *   /etc/mail-realip/mail-realip.conf[preset:docker]  a preset that is named there
 *   /etc/mail-realip/mail-realip.conf[discover:bridge:docker0]
 *   /run/mail-realip/nodes.json[worker-1]             a node; its name has no colon (RFC 1123 section 2.1)
 */
#ifndef REALIP_NETWORK_PLACE_H
#define REALIP_NETWORK_PLACE_H

#include "arena.h"
#include "core/verdict.h"

enum realip_network_place_kind {
    REALIP_PLACE_UNKNOWN = 0, /* no text: this host's own addresses */
    REALIP_PLACE_LINE,        /* a line of a text: cidr, or one of files */
    REALIP_PLACE_NODE,
    REALIP_PLACE_PRESET,
    REALIP_PLACE_DISCOVERED
};

struct realip_network_place {
    enum realip_network_place_kind kind;
    const char *file;   /* not ended by a NUL: file_length bytes of the text that was read */
    size_t file_length;
    const char *detail; /* the node, the preset, "bridge:docker0"; not ended by a NUL */
    size_t detail_length;
    unsigned line;
};

/* "FILE[KIND:NAME]" in the arena; NULL when memory is short. `kind` is "preset" or "discover". */
const char *realip_network_place_write(struct realip_arena *arena, const char *file, const char *kind, const char *name);

/* Takes an origin's text apart; never fails. The texts are the origin's own. */
struct realip_network_place realip_network_place_read(struct realip_origin origin);

#endif

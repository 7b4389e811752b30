/* stamp - a number for what was read, by which two readings are told to be the same. Not against forgers: whoever can write
 * what is read can write what he likes there.
 */
#ifndef REALIP_STAMP_H
#define REALIP_STAMP_H

#include "network_source.h"

/* Each returns the stamp with the text, or with all networks of the list and their places, added; begin with 0. Of a node
 * (an origin FILE[NODE]) the line is left out: a list of nodes has other lines each time that a node tells its health. */
uint64_t realip_stamp_text(uint64_t stamp, const char *text);
uint64_t realip_stamp_networks(uint64_t stamp, const struct realip_network_list *list);

#endif

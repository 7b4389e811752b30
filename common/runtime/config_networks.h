/* config_networks - the networks blocks of a configuration file: their sources, the sets made of them, and what
 * contradicts itself. */
#ifndef REALIP_CONFIG_NETWORKS_H
#define REALIP_CONFIG_NETWORKS_H

#include "config_reader.h"

/* Reads all networks blocks and the files, presets and node lists they name, and makes the sets of the rules. Problems
 * and warnings go to the reader's lists. */
void realip_config_networks_read(struct realip_config_reader *reader, const struct realip_config_block *root);

#endif

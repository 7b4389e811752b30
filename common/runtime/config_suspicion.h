/* config_suspicion - the suspicion block of a configuration file, and the store that it may name. */
#ifndef REALIP_CONFIG_SUSPICION_H
#define REALIP_CONFIG_SUSPICION_H

#include "config_reader.h"

/* Reads the block; without one nobody is suspected. Problems go to the reader's list. */
void realip_config_suspicion_read(struct realip_config_reader *reader, const struct realip_config_block *root);

#endif

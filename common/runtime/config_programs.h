/* config_programs - the blocks of policyd and milter in a configuration file: where they listen and who may ask. */
#ifndef REALIP_CONFIG_PROGRAMS_H
#define REALIP_CONFIG_PROGRAMS_H

#include "config_reader.h"

/* Reads both blocks; what is not there keeps its default. Problems go to the reader's list. */
void realip_config_programs_read(struct realip_config_reader *reader, const struct realip_config_block *root);

#endif

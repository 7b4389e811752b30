/* config_listeners - the listener blocks of a configuration file, and what the top level says for all of them. */
#ifndef REALIP_CONFIG_LISTENERS_H
#define REALIP_CONFIG_LISTENERS_H

#include "config_reader.h"

/* Reads what a listener block and the top level have in common: proxy, attest, mode, allow-internal, actions. What is
 * not there stays as it is in *listener. Problems go to the reader's list. */
void realip_config_listeners_settings(struct realip_config_reader *reader, const struct realip_config_block *block,
                                      struct realip_listener *listener);

/* Reads all listener blocks into the rules; each begins as the fallback listener, which must have been read before. */
void realip_config_listeners_read(struct realip_config_reader *reader, const struct realip_config_block *root);

#endif

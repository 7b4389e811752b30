/* text_reader - reads mail-realip.conf by way of a module of its own (text_module.c), which is loaded when there is text
 * to be read: with compiled rules a process that lives for one connection needs no library of the reader's.
 */
#ifndef REALIP_DOVECOT_TEXT_READER_H
#define REALIP_DOVECOT_TEXT_READER_H

#include "runtime/config.h"

#define REALIP_TEXT_MODULE "librealip_text.so"

/* As realip_config_load(). -1 and one problem added also when the module can't be loaded; its place is the folder realip/
 * beside this module or beside the folder that this module lies in. */
int realip_text_reader_load(const char *path, struct realip_config **config_r, struct realip_problems *problems);

#endif

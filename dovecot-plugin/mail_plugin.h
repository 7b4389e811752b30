/* mail_plugin - Dovecot's mail plugin `realip` (mail_plugins = realip): the backstop behind the login and auth modules.
 *
 * It judges each user's session when that opens its mailbox, after the password was accepted. A refusal is Dovecot's
 * "initialization failed": the text can't be chosen here.
 */
#ifndef REALIP_MAIL_PLUGIN_H
#define REALIP_MAIL_PLUGIN_H

struct module;

/* The names that Dovecot looks for in lib10_realip_plugin.so. */
extern const char *const realip_plugin_version;
void realip_plugin_init(struct module *module);
void realip_plugin_deinit(void);

#endif

/* login_plugin - Dovecot's login plugin `login_realip` (login_plugins = login_realip): judges a session as soon as it is
 * connected, before its greeting, and again when it has logged in, for the address may have changed by ID or XCLIENT and
 * ANONYMOUS meets no passdb.
 *
 * A peer of login_trusted_networks is judged at the login alone: the address that it speaks for comes after connecting.
 */
#ifndef REALIP_LOGIN_PLUGIN_H
#define REALIP_LOGIN_PLUGIN_H

struct module;

/* The names that Dovecot looks for in login/lib10_login_realip_plugin.so. */
extern const char *const login_realip_plugin_version;
void login_realip_plugin_init(struct module *module);
void login_realip_plugin_deinit(void);

#endif

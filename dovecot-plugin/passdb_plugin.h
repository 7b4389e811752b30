/* passdb_plugin - Dovecot's passdb driver `realip`: stands first among the passdbs and refuses a session before any
 * password is checked; to pass it gives the word to the next passdb.
 *
 * It sees what no login module does: Postfix's SASL and submission's. It does not see ANONYMOUS, and the
 * logins of master users unless it also stands among the master passdbs.
 */
#ifndef REALIP_PASSDB_PLUGIN_H
#define REALIP_PASSDB_PLUGIN_H

/* The names that Dovecot looks for in auth/libauthdb_realip.so. */
extern const char *const authdb_realip_version;
void authdb_realip_init(void);
void authdb_realip_deinit(void);

#endif

/* empty_module - a module that Dovecot loads and that does nothing, under the name EMPTY_MODULE: what it costs is Dovecot's own
 * price of any module. dovecot_logins puts two of them in the place of ours. */
#include "config.h"

#define JOIN(a, b) a##b
#define NAME(module, end) JOIN(module, end)

struct module;
void NAME(EMPTY_MODULE, _init)(struct module *module);
void NAME(EMPTY_MODULE, _deinit)(void);
extern const char *const NAME(EMPTY_MODULE, _version);

const char *const NAME(EMPTY_MODULE, _version) = DOVECOT_ABI_VERSION;

void NAME(EMPTY_MODULE, _init)(struct module *module)
{
    (void)module;
}

void NAME(EMPTY_MODULE, _deinit)(void)
{
}

/* module_loader - loads a module of ours that only some sessions need, when one needs it.
 *
 * Dovecot loads its modules with every name bound at once, which costs a process that lives for one connection as much as
 * all that it does in them. What a session that passes never asks for lies in modules of their own, in the folder realip/
 * beside the module that asks, or beside the folder that this one lies in (login/, auth/, realip/).
 */
#ifndef REALIP_DOVECOT_MODULE_LOADER_H
#define REALIP_DOVECOT_MODULE_LOADER_H

struct realip_module {
    const char *file;     /* its name in realip/ */
    const char *symbol;   /* of a constant text, its version */
    const char *version;  /* what that must be: modules of two installations don't fit together */
    const char *function; /* what is asked for */
};

/* 0 and the function's address, which is good until the process ends: the module stays. -1 and a reason (valid until the
 * next call) when it can't be loaded or is of another version. The process must still see the folder (not after chroot). */
int realip_module_loader_find(const struct realip_module *module, void **function_r, const char **reason_r);

#endif

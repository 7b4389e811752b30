/* flush - linked into every program and module of a coverage build (tests/coverage/run), in front of what would lose the counts: _exit(), a signal,
 * and a seccomp filter that lets nobody write a file. Where the linker is told --wrap=NAME, NAME is ours and __real_NAME the C library's. */
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

void __gcov_dump(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
int __real_prctl(int option, unsigned long two, unsigned long three, unsigned long four, unsigned long five);
int __wrap_prctl(int option, ...);
/* Programs without libseccomp have neither. */
__attribute__((weak)) int __real_seccomp_load(const scmp_filter_ctx filter);
__attribute__((weak)) int seccomp_rule_add(scmp_filter_ctx filter, uint32_t action, int number, unsigned count, ...);
int __wrap_seccomp_load(const scmp_filter_ctx filter);

_Noreturn void __wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}

static void end(int number)
{
    (void)number;
    __wrap__exit(0);
}

/* Who wants to be killed when its parent ends is told to end instead; the parent may have gone before that. */
int __wrap_prctl(int option, ...)
{
    unsigned long arguments[4];
    va_list list;

    va_start(list, option);
    for (int i = 0; i < 4; i++)
        arguments[i] = va_arg(list, unsigned long);
    va_end(list);
    if (option == PR_SET_PDEATHSIG && (int)arguments[0] == SIGKILL) {
        const struct sigaction action = { .sa_handler = end };

        sigaction(SIGTERM, &action, NULL);
        arguments[0] = SIGTERM;
    }
    return __real_prctl(option, arguments[0], arguments[1], arguments[2], arguments[3]);
}

int __wrap_seccomp_load(const scmp_filter_ctx filter)
{
    static const int writing[] = { SYS_openat, SYS_fcntl, SYS_newfstatat, SYS_fstat, SYS_lseek, SYS_read, SYS_write, SYS_mmap, SYS_munmap, SYS_brk,
                                   SYS_getpid, SYS_ftruncate, SYS_mkdir, SYS_access };

    for (unsigned i = 0; i < sizeof(writing) / sizeof(writing[0]); i++)
        (void)seccomp_rule_add(filter, SCMP_ACT_ALLOW, writing[i], 0);
    return __real_seccomp_load(filter);
}

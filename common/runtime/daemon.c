#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"
#include "realip-config.h"

#define BACKLOG 4096

static void print_usage(FILE *out, const char *program)
{
    fprintf(out,
            "usage: %s [-c FILE]\n"
            "  -c FILE        the configuration (default " REALIP_CONFIG_DEFAULT_PATH ")\n"
            "  -h, --help     this text\n"
            "  -V, --version  the version\n"
            "Runs in the foreground. The configuration is read again when it or a file that it names changes, and at\n"
            "SIGHUP; SIGTERM ends.\n",
            program);
}

const char *realip_daemon_options(int argc, char **argv, const char *program)
{
    const char *path = REALIP_CONFIG_DEFAULT_PATH;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-c") == 0 && i + 1 < argc) {
            path = argv[++i];
        } else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            print_usage(stdout, program);
            exit(0);
        } else if (strcmp(argv[i], "-V") == 0 || strcmp(argv[i], "--version") == 0) {
            printf("%s %s\n", program, PACKAGE_VERSION);
            exit(0);
        } else {
            if (strcmp(argv[i], "-c") == 0)
                fprintf(stderr, "%s: -c needs a file\n", program);
            else
                fprintf(stderr, "%s: '%s' is not understood\n", program, argv[i]);
            print_usage(stderr, program);
            exit(64);
        }
    }
    return path;
}

void realip_daemon_report(int level, const struct realip_problems *problems)
{
    const char *line = problems->text;

    while (line != NULL && *line != '\0') {
        size_t length = strcspn(line, "\n");

        realip_log(level, "%.*s", (int)length, line);
        line += length + (line[length] == '\n' ? 1 : 0);
    }
}

struct realip_watch *realip_daemon_begin_watch(void)
{
    struct realip_problems problems = { 0 };
    struct realip_watch *watch;

    if (realip_watch_new(REALIP_WATCH_MOST_FOLDERS, &watch, &problems) == 0)
        (void)realip_watch_host(watch, &problems);
    realip_daemon_report(LOG_ERR, &problems);
    realip_problems_clear(&problems);
    return watch;
}

void realip_daemon_watch(const struct realip_snapshots *snapshots, struct realip_watch *watch)
{
    struct realip_problems problems = { 0 };

    if (watch != NULL)
        (void)realip_snapshots_watch(snapshots, watch, &problems);
    realip_daemon_report(LOG_ERR, &problems);
    realip_problems_clear(&problems);
}

void realip_daemon_open_standard_files(void)
{
    int fd = open("/dev/null", O_RDWR);

    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = dup(fd);
    if (fd > STDERR_FILENO)
        close(fd);
}

int realip_daemon_check_names(const struct realip_config *config, const struct realip_service *service,
                              struct realip_problems *problems)
{
    size_t before = problems->count;

    if (config->user != NULL && getpwnam(config->user) == NULL)
        realip_problems_add(problems, config->user_origin, "user = '%s': there is no such user: create it, or name another",
                            config->user);
    if (service->socket_group != NULL && getgrnam(service->socket_group) == NULL)
        realip_problems_add(problems, service->socket_group_origin,
                            "socket-group = '%s': there is no such group: create it, or name another",
                            service->socket_group);
    return problems->count > before ? -1 : 0;
}

int realip_daemon_drop_privileges(const struct realip_config *config, struct realip_problems *problems)
{
    if (config->user == NULL) {
        if (geteuid() == 0)
            realip_log(LOG_WARNING, "running as root: set user = NAME in %s", config->path);
        return 0;
    }
    errno = 0;
    const struct passwd *entry = getpwnam(config->user);
    if (entry == NULL) {
        realip_problems_add(problems, config->user_origin, "user = '%s': there is no such user: create it, or name another",
                            config->user);
        return -1;
    }
    if (entry->pw_uid == geteuid())
        return 0;
    if (initgroups(entry->pw_name, entry->pw_gid) < 0 || setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) < 0
        || setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) < 0) {
        realip_problems_add(problems, config->user_origin, "user = '%s': cannot become this user: %s: start as root",
                            config->user, strerror(errno));
        return -1;
    }
    return 0;
}

int realip_daemon_keep_capabilities(unsigned long long kept)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2] = { { 0 } };

    if (syscall(SYS_capget, &header, data) < 0)
        return -1;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t permitted = data[i].permitted & (uint32_t)(kept >> (32 * i));

        data[i] = (struct __user_cap_data_struct){ .permitted = permitted, .effective = permitted };
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, data) < 0)
        return -1;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int realip_daemon_drop_capabilities(struct realip_problems *problems)
{
    if (realip_daemon_keep_capabilities(0) == 0)
        return 0;
    realip_problems_add(problems, (struct realip_origin){ NULL, 0 }, "cannot give up capabilities: %s", strerror(errno));
    return -1;
}

static bool differ(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a != b : strcmp(a, b) != 0;
}

static void warn_if(bool changed, const char *key, const struct realip_config *fresh)
{
    if (changed)
        realip_log(LOG_WARNING, "%s: '%s' has changed: that needs a restart, the old setting stays until then", fresh->path,
                   key);
}

/* Of the policy server alone. */
static void warn_of_policyd(const struct realip_config *started, const struct realip_config *fresh)
{
    static const struct realip_store_place memory = { .text = "memory" };
    const struct realip_store_place *store = started->suspicion.store == NULL ? &memory : started->suspicion.store;
    const struct realip_store_place *fresh_store = fresh->suspicion.store == NULL ? &memory : fresh->suspicion.store;

    warn_if(differ(started->client_user, fresh->client_user), "client-user", fresh);
    warn_if(differ(store->text, fresh_store->text), "store", fresh);
    warn_if(differ(store->password_file, fresh_store->password_file), "store-password-file", fresh);
    warn_if(differ(store->ca_file, fresh_store->ca_file), "store-ca-file", fresh);
}

void realip_daemon_warn_of_restart(const struct realip_config *started, const struct realip_service *started_service,
                                   const struct realip_config *fresh, const struct realip_service *fresh_service)
{
    const char *http = started_service->http == NULL ? NULL : started_service->http->text;
    const char *fresh_http = fresh_service->http == NULL ? NULL : fresh_service->http->text;
    bool listen = started_service->listen_count != fresh_service->listen_count;

    for (size_t i = 0; !listen && i < fresh_service->listen_count; i++)
        listen = differ(started_service->listen[i].text, fresh_service->listen[i].text);
    warn_if(listen, "listen", fresh);
    warn_if(differ(http, fresh_http), "http", fresh);
    warn_if(differ(started_service->socket_group, fresh_service->socket_group), "socket-group", fresh);
    warn_if(started_service->socket_mode != fresh_service->socket_mode, "socket-mode", fresh);
    warn_if(differ(started->user, fresh->user), "user", fresh);
    warn_if(started->log != fresh->log, "log", fresh);
    if (started_service == &started->policyd)
        warn_of_policyd(started, fresh);
}

void realip_daemon_raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            realip_log(LOG_WARNING, "cannot raise the limit of open files: %s", strerror(errno));
    }
}

static struct sockaddr_un unix_address(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    memcpy(address.sun_path, path, strlen(path)); /* realip_endpoint_parse() checked the length */
    return address;
}

static bool somebody_listens(const char *path)
{
    struct sockaddr_un address = unix_address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return true;
    /* Only this error says that nobody is there: others mean a full backlog, another's mode, or another kind of socket. */
    bool stale = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 && errno == ECONNREFUSED;
    close(fd);
    return !stale;
}

int realip_daemon_clear_socket(const struct realip_endpoint *endpoint, struct realip_problems *problems)
{
    struct stat status;

    if (endpoint->path == NULL || lstat(endpoint->path, &status) < 0)
        return 0;
    if (!S_ISSOCK(status.st_mode)) {
        realip_problems_add(problems, endpoint->origin, "%s is there and is no socket: take it away or name another place",
                            endpoint->path);
        return -1;
    }
    if (somebody_listens(endpoint->path)) {
        realip_problems_add(problems, endpoint->origin, "somebody listens at %s already: stop it, or name another place",
                            endpoint->path);
        return -1;
    }
    if (unlink(endpoint->path) < 0) {
        realip_problems_add(problems, endpoint->origin, "cannot remove the old socket %s: %s: remove it by hand",
                            endpoint->path, strerror(errno));
        return -1;
    }
    return 0;
}

int realip_daemon_own_socket(const struct realip_endpoint *endpoint, const struct realip_service *service,
                             struct realip_problems *problems)
{
    if (service->socket_group != NULL) {
        const struct group *group = getgrnam(service->socket_group);

        if (group == NULL) {
            realip_problems_add(problems, service->socket_group_origin, "socket-group = '%s': there is no such group",
                                service->socket_group);
            return -1;
        }
        if (chown(endpoint->path, (uid_t)-1, group->gr_gid) < 0) {
            realip_problems_add(problems, service->socket_group_origin, "cannot give %s to group %s: %s: start as root",
                                endpoint->path, service->socket_group, strerror(errno));
            return -1;
        }
    }
    if (chmod(endpoint->path, service->socket_mode) < 0) {
        realip_problems_add(problems, endpoint->origin, "cannot set the mode of %s: %s", endpoint->path, strerror(errno));
        return -1;
    }
    return 0;
}

static int listen_bound(int bound, int fd, const struct realip_endpoint *endpoint, struct realip_problems *problems)
{
    if (bound == 0 && listen(fd, BACKLOG) == 0)
        return 0;
    realip_problems_add(problems, endpoint->origin, "cannot listen at '%s': %s: is the folder there, is the port free?",
                        endpoint->text, strerror(errno));
    return -1;
}

static int listen_unix(const struct realip_endpoint *endpoint, const struct realip_service *service,
                       struct realip_problems *problems)
{
    struct sockaddr_un address = unix_address(endpoint->path);

    if (realip_daemon_clear_socket(endpoint, problems) < 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        realip_problems_add(problems, endpoint->origin, "no socket for '%s': %s", endpoint->text, strerror(errno));
        return -1;
    }
    /* Closed to all until it has its group and mode. */
    mode_t mask = umask(0777);
    int result = listen_bound(bind(fd, (const struct sockaddr *)&address, sizeof(address)), fd, endpoint, problems);
    umask(mask);
    if (result < 0 || realip_daemon_own_socket(endpoint, service, problems) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The first address of an inet endpoint, for the caller to free; NULL and getaddrinfo(3)'s error. */
static struct addrinfo *look_up(const struct realip_endpoint *endpoint, int *error_r)
{
    struct addrinfo hints = { .ai_family = endpoint->family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *found = NULL;
    char port[8];

    snprintf(port, sizeof(port), "%u", endpoint->port);
    *error_r = getaddrinfo(endpoint->host, port, &hints, &found);
    return *error_r == 0 ? found : NULL;
}

/* At boot an address may come after us (DHCP, duplicate address detection), and one that is wrong in the configuration ends
 * us for good. So we bind to it all the same (ip(7), IP_FREEBIND) and say so: it works as soon as the address is there. */
static int bind_inet(int fd, const struct addrinfo *to, const struct realip_endpoint *endpoint)
{
    int on = 1;

    if (bind(fd, to->ai_addr, to->ai_addrlen) == 0)
        return 0;
    if (errno != EADDRNOTAVAIL)
        return -1;
    if (to->ai_family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) < 0
                                  : setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) < 0)
        return -1;
    if (bind(fd, to->ai_addr, to->ai_addrlen) < 0)
        return -1;
    realip_log(LOG_WARNING, "'%s': this host does not have that address: it is served as soon as the address comes",
               endpoint->text);
    return 0;
}

static int listen_inet(const struct realip_endpoint *endpoint, struct realip_problems *problems)
{
    int on = 1;
    int error;
    struct addrinfo *found = look_up(endpoint, &error);

    if (found == NULL) {
        realip_problems_add(problems, endpoint->origin, "'%s': %s: name an address of this host", endpoint->text,
                            gai_strerror(error));
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        realip_problems_add(problems, endpoint->origin, "no socket for '%s': %s", endpoint->text, strerror(errno));
    else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0
             || listen_bound(bind_inet(fd, found, endpoint), fd, endpoint, problems) < 0) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

int realip_daemon_given_socket(struct realip_service_manager *manager, const struct realip_endpoint *endpoint)
{
    if (manager->socket_count == 0)
        return -1;
    if (endpoint->path != NULL) {
        struct sockaddr_un address = unix_address(endpoint->path);

        return realip_service_manager_take(manager, (const struct sockaddr *)&address, sizeof(address));
    }
    int error;
    struct addrinfo *found = look_up(endpoint, &error);
    int fd = found == NULL ? -1 : realip_service_manager_take(manager, found->ai_addr, found->ai_addrlen);
    if (found != NULL)
        freeaddrinfo(found);
    return fd;
}

int realip_daemon_listen(struct realip_service_manager *manager, const struct realip_endpoint *endpoint,
                         const struct realip_service *service, struct realip_problems *problems)
{
    int fd = realip_daemon_given_socket(manager, endpoint);

    if (fd >= 0)
        return fd;
    return endpoint->path != NULL ? listen_unix(endpoint, service, problems) : listen_inet(endpoint, problems);
}

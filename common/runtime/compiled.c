#include "compiled.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define VERSION 2U
#define MAX_SIZE (1U << 30)

struct packed_listener {
    uint32_t title; /* offset of a text; 0 in the fallback */
    uint32_t names; /* offset of name_count offsets of texts */
    uint32_t name_count;
    uint32_t ports; /* offset of port_count uint16_t */
    uint32_t port_count;
    uint32_t proxy;
    uint32_t attest;
    uint32_t mode;
    uint32_t allow_internal;
    uint32_t actions[REALIP_REASON_COUNT];
    struct realip_packed_origin proxy_origin;
    struct realip_packed_origin attest_origin;
};

struct packed_set {
    uint32_t offset; /* 0: an empty set */
    uint32_t size;
};

/* The file that its publisher wrote and nobody has touched since: while the kernel tells the same of a file, its content
 * needs no reading before it is used. A copy has another number, a change another time. All 0: there is none. */
struct packed_seal {
    uint64_t device;
    uint64_t number;
    int64_t seconds; /* of the last change */
    int64_t nanoseconds;
};

struct head {
    char magic[8];
    uint32_t version;
    uint32_t layout;   /* sizes of what is kept: another build's file is told apart */
    uint64_t size;     /* of the whole file */
    uint64_t checksum; /* of the whole file with 0 here */
    struct packed_seal seal;
    uint32_t path;
    uint32_t log_passes;
    uint32_t origins;
    uint32_t origin_count;
    uint32_t listeners; /* offset of listener_count + 1 listeners, the last is the fallback */
    uint32_t listener_count;
    struct realip_packed_origin suspicion_origin;
    struct packed_set sets[REALIP_SET_COUNT];
};

static uint32_t layout(void)
{
    return (uint32_t)(sizeof(struct head) + 3 * sizeof(struct packed_listener) + 7 * sizeof(struct realip_network_entry)
                      + 31 * sizeof(void *) + 127 * REALIP_REASON_COUNT + 1021 * REALIP_ACTION_COUNT);
}

/* FNV-1a over words of 8 bytes: against torn and rotten files, not against forgers (they could write rules as well). */
static uint64_t add_to_checksum(uint64_t sum, const void *start, size_t size)
{
    const unsigned char *bytes = start;

    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = 0;

        memcpy(&word, bytes + at, size - at < 8 ? size - at : 8);
        sum = (sum ^ word) * UINT64_C(1099511628211);
        sum ^= sum >> 29; /* FNV alone lets high bits of a word touch high bits only */
    }
    return sum;
}

/* Over the whole file, the head with a checksum of 0. */
static uint64_t checksum(const struct head *head, const unsigned char *bytes, size_t size)
{
    struct head plain = *head;

    plain.checksum = 0;
    return add_to_checksum(add_to_checksum(UINT64_C(14695981039346656037), &plain, sizeof(plain)), bytes + sizeof(plain),
                           size - sizeof(plain));
}

/* ---- Writing. */

struct writer {
    unsigned char *bytes;
    size_t size;
    size_t room;
    bool failed;
    const char *last_file; /* the same few file names come again and again */
    uint32_t last_file_at;
};

/* Room for `size` zeroed bytes at a multiple of 8; returns its offset. */
static uint32_t reserve(struct writer *writer, size_t size)
{
    size_t at = (writer->size + 7) / 8 * 8;

    if (writer->failed || at + size > MAX_SIZE) {
        writer->failed = true;
        return 0;
    }
    if (at + size > writer->room) {
        size_t room = (at + size) * 2;
        unsigned char *bytes = realloc(writer->bytes, room);

        if (bytes == NULL) {
            writer->failed = true;
            return 0;
        }
        writer->bytes = bytes;
        writer->room = room;
    }
    memset(writer->bytes + writer->size, 0, at + size - writer->size);
    writer->size = at + size;
    return (uint32_t)at;
}

static uint32_t put(struct writer *writer, const void *bytes, size_t size)
{
    uint32_t at = reserve(writer, size);

    if (!writer->failed && size > 0)
        memcpy(writer->bytes + at, bytes, size);
    return at;
}

static uint32_t put_text(struct writer *writer, const char *text)
{
    return text == NULL ? 0 : put(writer, text, strlen(text) + 1);
}

static struct realip_packed_origin put_origin(struct writer *writer, struct realip_origin origin)
{
    if (origin.file != NULL && origin.file != writer->last_file) {
        writer->last_file_at = put_text(writer, origin.file);
        writer->last_file = origin.file;
    }
    return (struct realip_packed_origin){ origin.file == NULL ? 0 : writer->last_file_at, origin.line };
}

static struct packed_listener put_listener(struct writer *writer, const struct realip_listener *listener)
{
    struct packed_listener packed = { .name_count = (uint32_t)listener->name_count,
                                      .port_count = (uint32_t)listener->port_count,
                                      .proxy = listener->proxy,
                                      .attest = listener->attest,
                                      .mode = listener->mode,
                                      .allow_internal = listener->allow_internal };

    packed.title = put_text(writer, listener->title);
    packed.names = reserve(writer, listener->name_count * sizeof(uint32_t));
    for (size_t i = 0; i < listener->name_count; i++) {
        uint32_t name = put_text(writer, listener->names[i]);

        if (!writer->failed)
            memcpy(writer->bytes + packed.names + i * sizeof(name), &name, sizeof(name));
    }
    packed.ports = put(writer, listener->ports, listener->port_count * sizeof(uint16_t));
    for (unsigned i = 0; i < REALIP_REASON_COUNT; i++)
        packed.actions[i] = listener->actions[i];
    packed.proxy_origin = put_origin(writer, listener->proxy_origin);
    packed.attest_origin = put_origin(writer, listener->attest_origin);
    return packed;
}

static void put_listeners(struct writer *writer, const struct realip_rules *rules, struct head *head)
{
    head->listener_count = (uint32_t)rules->listener_count;
    head->listeners = reserve(writer, (rules->listener_count + 1) * sizeof(struct packed_listener));
    for (size_t i = 0; i <= rules->listener_count; i++) {
        struct packed_listener listener
            = put_listener(writer, i < rules->listener_count ? &rules->listeners[i] : &rules->fallback);

        if (!writer->failed)
            memcpy(writer->bytes + head->listeners + i * sizeof(listener), &listener, sizeof(listener));
    }
}

static void put_sets(struct writer *writer, const struct realip_rules *rules, struct head *head)
{
    size_t sizes[REALIP_SET_COUNT];
    bool is_put[REALIP_SET_COUNT] = { false };

    for (unsigned i = 0; i < REALIP_SET_COUNT; i++)
        sizes[i] = rules->sets[i] == NULL ? 0 : realip_network_set_pack(rules->sets[i], NULL);
    for (unsigned count = 0; count < REALIP_SET_COUNT; count++) {
        unsigned next = 0; /* the smallest of those that are left */

        for (unsigned i = 0; i < REALIP_SET_COUNT; i++) {
            if (!is_put[i] && (is_put[next] || sizes[i] < sizes[next]))
                next = i;
        }
        is_put[next] = true;
        head->sets[next] = (struct packed_set){ sizes[next] == 0 ? 0 : reserve(writer, sizes[next]), (uint32_t)sizes[next] };
        if (!writer->failed && sizes[next] > 0)
            realip_network_set_pack(rules->sets[next], writer->bytes + head->sets[next].offset);
    }
}

static void put_origins(struct writer *writer, const struct realip_rules *rules, struct head *head)
{
    head->suspicion_origin = put_origin(writer, rules->suspicion_origin);
    head->origin_count = (uint32_t)rules->origin_count;
    head->origins = reserve(writer, rules->origin_count * sizeof(struct realip_packed_origin));
    for (size_t i = 0; i < rules->origin_count; i++) {
        struct realip_packed_origin origin = put_origin(writer, rules->origins[i]);

        if (!writer->failed)
            memcpy(writer->bytes + head->origins + i * sizeof(origin), &origin, sizeof(origin));
    }
}

/* What each reader touches stands close together, at the beginning: a process that lives for one client pays for every
 * other part of the file that it looks into. */
static void put_rules(struct writer *writer, const struct realip_rules *rules, struct head *head)
{
    put_listeners(writer, rules, head);
    put_sets(writer, rules, head);
    put_origins(writer, rules, head);
}

/* 0; or -1 when memory is short or the rules are too large. */
static int compile(const struct realip_config *config, struct writer *writer)
{
    struct head head = { .version = VERSION, .layout = layout(), .log_passes = config->log_passes };

    memcpy(head.magic, REALIP_COMPILED_MAGIC, sizeof(head.magic));
    reserve(writer, sizeof(head));
    head.path = put_text(writer, config->path);
    put_rules(writer, &config->rules, &head);
    put(writer, "", 1); /* the last byte is a NUL: no text runs over the end */
    if (writer->failed)
        return -1;
    head.size = writer->size;
    memcpy(writer->bytes, &head, sizeof(head));
    return 0;
}

static void put_seal(struct writer *writer, const struct packed_seal *seal)
{
    struct head head;

    memcpy(&head, writer->bytes, sizeof(head));
    head.seal = *seal;
    head.checksum = checksum(&head, writer->bytes, writer->size);
    memcpy(writer->bytes, &head, sizeof(head));
}

static int write_all(int fd, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

/* 0; or -1 with errno set. On the disk before it gets its name, so that no power failure leaves a sealed file with a hole. */
static int write_sealed(int fd, struct writer *writer)
{
    struct timespec times[2];
    struct stat status;

    if (fstat(fd, &status) < 0 || clock_gettime(CLOCK_REALTIME, &times[0]) < 0)
        return -1;
    times[1] = times[0];
    put_seal(writer, &(struct packed_seal){ (uint64_t)status.st_dev, (uint64_t)status.st_ino, times[1].tv_sec, times[1].tv_nsec });
    if (write_all(fd, writer->bytes, writer->size) < 0 || futimens(fd, times) < 0 || fsync(fd) < 0 || fstat(fd, &status) < 0)
        return -1;
    if (status.st_mtim.tv_sec == times[1].tv_sec && status.st_mtim.tv_nsec == times[1].tv_nsec)
        return 0;
    /* A file system with coarser times would hide a change in the same second. */
    put_seal(writer, &(struct packed_seal){ 0 });
    return lseek(fd, 0, SEEK_SET) == 0 ? write_all(fd, writer->bytes, writer->size) : -1;
}

/* 0; or -1 with errno set. */
static int write_beside(const char *path, struct writer *writer)
{
    char fresh[4096];
    int length = snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path);

    if (length < 0 || (size_t)length >= sizeof(fresh)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(fresh, O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = write_sealed(fd, writer);
    if (result == 0)
        result = fchmod(fd, 0644);
    if (close(fd) < 0)
        result = -1;
    if (result == 0)
        result = rename(fresh, path);
    if (result < 0) {
        int error = errno;

        unlink(fresh);
        errno = error;
    }
    return result;
}

/* For whoever reads it at night. */
static const char *what_to_do(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return "make its folder, writable for this program";
    case EACCES:
    case EPERM:
        return "let this program's user write in its folder";
    case EROFS:
        return "name a folder that can be written to, or mount this one so";
    case ENOSPC:
    case EDQUOT:
        return "make room there";
    default:
        return "look after its folder and its disk";
    }
}

int realip_compiled_publish(const struct realip_config *config, const char *path, struct realip_problems *problems)
{
    struct writer writer = { 0 };
    struct realip_origin at = { path, 0 };
    int result = compile(config, &writer);

    if (result < 0)
        realip_problems_add(problems, at, "cannot compile the rules: out of memory, or they are larger than 1 GiB");
    else if ((result = write_beside(path, &writer)) < 0)
        realip_problems_add(problems, at, "cannot be written: %s: %s", strerror(errno), what_to_do(errno));
    free(writer.bytes);
    return result;
}

/* ---- Reading. */

struct realip_compiled {
    int folder;
    char *name;
    char *path;
    struct stat seen; /* the file of the last look; st_ino 0: none yet */
};

/* Of a file, for looks into it; or -1 with errno set. */
static int open_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int fd = folder == NULL ? -1 : open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error = folder == NULL ? ENOMEM : errno;

    free(folder);
    errno = error;
    return fd;
}

int realip_compiled_open(const char *path, struct realip_compiled **compiled_r, struct realip_problems *problems)
{
    struct realip_compiled *compiled = calloc(1, sizeof(*compiled));
    const char *slash = strrchr(path, '/');
    struct realip_origin at = { path, 0 };

    *compiled_r = NULL;
    if (compiled != NULL) {
        compiled->folder = -1;
        compiled->path = strdup(path);
        compiled->name = strdup(slash == NULL ? path : slash + 1);
    }
    if (compiled == NULL || compiled->path == NULL || compiled->name == NULL) {
        realip_problems_add(problems, at, "out of memory");
    } else {
        compiled->folder = open_folder(path);
        if (compiled->folder < 0)
            realip_problems_add(problems, at, "its folder cannot be opened: %s: realip-policyd publishes the rules there",
                                strerror(errno));
    }
    if (compiled == NULL || compiled->folder < 0) {
        realip_compiled_close(&compiled);
        return -1;
    }
    *compiled_r = compiled;
    return 0;
}

void realip_compiled_close(struct realip_compiled **compiled)
{
    if (*compiled == NULL)
        return;
    if ((*compiled)->folder >= 0)
        close((*compiled)->folder);
    free((*compiled)->name);
    free((*compiled)->path);
    free(*compiled);
    *compiled = NULL;
}

struct reader {
    const unsigned char *bytes;
    size_t size;
    struct realip_config *config;
    bool is_sealed;
    bool failed;
};

/* `count` things of `size` bytes at an offset; NULL (and failed) when they do not lie inside the file. */
static const void *at(struct reader *reader, uint32_t offset, size_t count, size_t size)
{
    if (offset % 8 != 0 || offset > reader->size || count > (reader->size - offset) / size) {
        reader->failed = true;
        return NULL;
    }
    return reader->bytes + offset;
}

static const char *text_at(struct reader *reader, uint32_t offset)
{
    if (offset == 0)
        return NULL;
    if (offset >= reader->size) { /* the file's last byte is a NUL */
        reader->failed = true;
        return NULL;
    }
    return (const char *)reader->bytes + offset;
}

static struct realip_origin origin_of(struct reader *reader, struct realip_packed_origin packed)
{
    return (struct realip_origin){ text_at(reader, packed.file), packed.line };
}

static void *allocate(struct reader *reader, size_t count, size_t size)
{
    void *memory = realip_arena_alloc(&reader->config->arena, count * size + 1);

    reader->failed = reader->failed || memory == NULL;
    return memory;
}

static void read_listener(struct reader *reader, const struct packed_listener *packed, struct realip_listener *listener)
{
    const uint32_t *names = at(reader, packed->names, packed->name_count, sizeof(uint32_t));

    listener->title = text_at(reader, packed->title);
    listener->ports = at(reader, packed->ports, packed->port_count, sizeof(uint16_t));
    listener->port_count = packed->port_count;
    const char **copies = names == NULL ? NULL : allocate(reader, packed->name_count, sizeof(*copies));
    for (uint32_t i = 0; copies != NULL && i < packed->name_count; i++) {
        copies[i] = text_at(reader, names[i]);
        reader->failed = reader->failed || copies[i] == NULL;
    }
    listener->names = copies;
    listener->name_count = packed->name_count;
    listener->proxy = (enum realip_proxy_need)packed->proxy;
    listener->attest = (enum realip_attest_need)packed->attest;
    listener->mode = (enum realip_mode)packed->mode;
    listener->allow_internal = packed->allow_internal != 0;
    for (unsigned i = 0; i < REALIP_REASON_COUNT; i++)
        listener->actions[i] = (enum realip_action)packed->actions[i];
    listener->proxy_origin = origin_of(reader, packed->proxy_origin);
    listener->attest_origin = origin_of(reader, packed->attest_origin);
}

static void read_listeners(struct reader *reader, const struct head *head)
{
    const struct packed_listener *packed
        = at(reader, head->listeners, (size_t)head->listener_count + 1, sizeof(struct packed_listener));
    struct realip_listener *listeners
        = packed == NULL ? NULL : allocate(reader, head->listener_count, sizeof(struct realip_listener));

    if (listeners == NULL)
        return;
    for (uint32_t i = 0; i < head->listener_count; i++) {
        read_listener(reader, &packed[i], &listeners[i]);
        reader->failed = reader->failed || listeners[i].title == NULL;
    }
    read_listener(reader, &packed[head->listener_count], &reader->config->rules.fallback);
    reader->config->rules.listeners = listeners;
    reader->config->rules.listener_count = head->listener_count;
}

/* They stay as they are: a process that judges one client asks for one of them, or for none. */
static void read_origins(struct reader *reader, const struct head *head)
{
    struct realip_rules *rules = &reader->config->rules;

    rules->packed_origins = at(reader, head->origins, head->origin_count, sizeof(*rules->packed_origins));
    rules->origin_count = rules->packed_origins == NULL ? 0 : head->origin_count;
    rules->texts = (const char *)reader->bytes;
    rules->text_size = reader->size;
}

static void read_sets(struct reader *reader, const struct head *head)
{
    for (unsigned i = 0; i < REALIP_SET_COUNT; i++) {
        const void *block = at(reader, head->sets[i].offset, head->sets[i].size, 1);
        const char *reason;

        if (head->sets[i].offset != 0 && block != NULL
            && realip_network_set_attach(block, head->sets[i].size, reader->is_sealed, &reader->config->rules.sets[i], &reason) < 0)
            reader->failed = true;
    }
}

static bool is_sealed(const struct head *head, const struct stat *status)
{
    const struct packed_seal *seal = &head->seal;

    return seal->number != 0 && seal->number == (uint64_t)status->st_ino && seal->device == (uint64_t)status->st_dev
        && seal->seconds == status->st_mtim.tv_sec && seal->nanoseconds == status->st_mtim.tv_nsec;
}

/* NULL when the bytes are rules of ours; else what is wrong. */
static const char *check_head(const unsigned char *bytes, const struct stat *status, struct head *head)
{
    size_t size = (size_t)status->st_size;

    if (size < sizeof(*head))
        return "it is truncated";
    memcpy(head, bytes, sizeof(*head));
    if (memcmp(head->magic, REALIP_COMPILED_MAGIC, sizeof(head->magic)) != 0)
        return "it is no file of compiled rules";
    if (head->version != VERSION || head->layout != layout())
        return "another version of mail-realip made it: restart realip-policyd, or run realipctl compile";
    if (head->size != size)
        return "it is truncated";
    if (!is_sealed(head, status) && (bytes[size - 1] != '\0' || head->checksum != checksum(head, bytes, size)))
        return "it is damaged: its checksum is wrong";
    return NULL;
}

/* Fills the configuration from its mapping. NULL; or what is wrong. */
static const char *read_rules(struct realip_config *config, const struct stat *status)
{
    struct reader reader = { .bytes = config->mapping, .size = config->mapping_size, .config = config };
    struct head head;
    const char *wrong = check_head(reader.bytes, status, &head);

    if (wrong != NULL)
        return wrong;
    reader.is_sealed = is_sealed(&head, status);
    config->path = text_at(&reader, head.path);
    config->log_passes = head.log_passes != 0;
    read_origins(&reader, &head);
    read_listeners(&reader, &head);
    config->rules.suspicion_origin = origin_of(&reader, head.suspicion_origin);
    read_sets(&reader, &head);
    return reader.failed ? "it is damaged, or memory is short" : NULL;
}

static const char *map_rules(int fd, const struct stat *status, struct realip_config *config)
{
    size_t size = (size_t)status->st_size;
    void *mapping = size == 0 ? NULL : mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

    if (size == 0)
        return "it is truncated";
    if (mapping == MAP_FAILED)
        return strerror(errno);
    config->mapping = mapping;
    config->mapping_size = size;
    return read_rules(config, status);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size
        && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The file; or -1 with errno set. Where its folder was taken away and made anew, the one that was opened stays empty for ever. */
static int open_file(struct realip_compiled *compiled)
{
    int fd = openat(compiled->folder, compiled->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0 || errno != ENOENT)
        return fd;
    int folder = open_folder(compiled->path);
    if (folder < 0) {
        errno = ENOENT;
        return -1;
    }
    close(compiled->folder);
    compiled->folder = folder;
    return openat(compiled->folder, compiled->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

int realip_compiled_refresh(struct realip_compiled *compiled, struct realip_config **config_r,
                            struct realip_problems *problems)
{
    struct realip_origin origin = { compiled->path, 0 };
    struct stat now;

    *config_r = NULL;
    if (compiled->seen.st_ino != 0 && fstatat(compiled->folder, compiled->name, &now, 0) == 0
        && is_same_file(&now, &compiled->seen))
        return 1;
    int fd = open_file(compiled);
    if (fd < 0 || fstat(fd, &now) < 0) {
        realip_problems_add(problems, origin, "cannot be read: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    struct realip_config *config = calloc(1, sizeof(*config));
    const char *wrong = config == NULL ? "out of memory"
        : !S_ISREG(now.st_mode)        ? "it is no file of compiled rules"
                                       : map_rules(fd, &now, config);
    close(fd);
    compiled->seen = now;
    if (wrong == NULL) {
        *config_r = config;
        return 0;
    }
    realip_problems_add(problems, origin, "is refused: %s", wrong);
    realip_config_free(&config);
    return -1;
}
